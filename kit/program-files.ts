/** What a program is made of, read at once, so that it can be hashed and put elsewhere. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";

/** Texts by path from the program's root, with `/`. */
export type ProgramFiles = ReadonlyMap<string, string>;

/** Relative imports and re-exports. Of types alone are not there when it runs. */
export const importPattern =
  /^[ \t]*(?:import|export)\b(?!\s+type\b)(?:[^;'"]*?\bfrom)?\s*["'](\.[^"']+)["']|\bimport\(\s*["'](\.[^"']+)["']/gm;

/** The entries, and everything that they import by relative paths. */
export function filesImportedBy(entries: readonly string[], root: string): ProgramFiles {
  const files = new Map<string, string>();
  const waiting = [...entries];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    if (files.has(path)) continue;
    const text = readFileSync(join(root, path), "utf8");
    files.set(path, text);
    for (const [, specifier, dynamic] of text.matchAll(importPattern)) {
      const target = resolve(root, dirname(path), specifier ?? dynamic ?? "");
      waiting.push(relative(root, target).split(sep).join("/"));
    }
  }
  return files;
}

/** Everything in these folders that is a part of it, by its path. */
export function filesIn(
  folders: readonly string[],
  root: string,
  isPart: (path: string) => boolean = () => true,
): ProgramFiles {
  return new Map(folders.flatMap((folder) => filesBelow(folder, root, isPart)));
}

function filesBelow(folder: string, root: string, isPart: (path: string) => boolean) {
  const entries = readdirSync(join(root, folder), { recursive: true, withFileTypes: true });
  return entries.flatMap((entry) => {
    if (!entry.isFile()) return [];
    const file = join(entry.parentPath, entry.name);
    const path = relative(root, file).split(sep).join("/");
    return isPart(path) ? [[path, readFileSync(file, "utf8")] as const] : [];
  });
}
