import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { errorCode, errorMessage } from "../../kit/errors.ts";
import { Failure } from "../failure.ts";
import type { Terminal } from "../terminal.ts";
import type { ReadManifest } from "./manifest.ts";
import { parseManifests } from "./parse.ts";

const manifestEnding = /\.(ya?ml|json)$/;

/** Reads what `-f` names: files, folders (their YAML and JSON files, by name), and `-` for standard input. */
export async function readManifests(
  names: readonly string[],
  recursive: boolean,
  terminal: Terminal,
): Promise<readonly ReadManifest[]> {
  const manifests: ReadManifest[] = [];
  for (const name of names) {
    if (name === "-") {
      manifests.push(...parseManifests(await terminal.readStandardInput(), "STDIN"));
      continue;
    }
    if (/^https?:\/\//.test(name))
      throw new Failure(`-f ${name}: URLs are not read; download it and pipe it to -f -`);
    for (const file of listFiles(name, recursive, terminal.workingDirectory)) {
      manifests.push(...parseManifests(readFileSync(resolve(terminal.workingDirectory, file), "utf8"), file));
    }
  }
  if (manifests.length === 0)
    throw new Failure(`no objects passed to ${names.join(", ")}: there is no document in it`);
  return manifests;
}

function listFiles(name: string, recursive: boolean, base: string): readonly string[] {
  try {
    if (!statSync(resolve(base, name)).isDirectory()) return [name];
    const entries = readdirSync(resolve(base, name), { withFileTypes: true }).toSorted((a, b) =>
      a.name < b.name ? -1 : 1,
    );
    const files = entries.flatMap((entry) => {
      const path = join(name, entry.name);
      if (entry.isDirectory()) return recursive ? listFiles(path, recursive, base) : [];
      return manifestEnding.test(entry.name) ? [path] : [];
    });
    return files;
  } catch (error) {
    if (error instanceof Failure) throw error;
    const why = errorCode(error) === "ENOENT" ? "the path does not exist" : errorMessage(error);
    throw new Failure(`-f ${name}: ${why}`, { cause: error });
  }
}
