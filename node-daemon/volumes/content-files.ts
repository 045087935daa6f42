import { randomUUID } from "node:crypto";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { VolumeContent } from "../core/assignment.ts";

/** The reason why a file's path inside a volume is refused, or undefined. */
export function pathFault(path: string): string | undefined {
  if (path === "" || path.includes("\0")) return "is empty or contains NUL";
  if (path.startsWith("/")) return "must be relative";
  const parts = path.split("/");
  if (parts.includes("..")) return 'must not contain ".."';
  if (parts.some((part) => part === "" || part === ".")) return 'must not contain empty parts or "."';
  return undefined;
}

/**
 * Writes the files of a configMap or secret volume: complete or not at all, since the folder gets its name last. The
 * content belongs to a template, whose id names it by content, so what exists is right and never changes.
 *
 * Secrets lie on this disk in plain text, readable by the daemon's user alone (folder 0700, files 0400).
 */
export async function writeContent(folder: string, content: VolumeContent): Promise<void> {
  const parent = dirname(folder);
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const partial = join(parent, `.partial-${randomUUID()}`);
  const modes = content.secret ? { folder: 0o700, file: 0o400 } : { folder: 0o755, file: 0o444 };
  try {
    await mkdir(partial, { mode: modes.folder });
    for (const { path, data } of content.files) {
      const file = join(partial, path);
      await mkdir(dirname(file), { recursive: true, mode: modes.folder });
      await writeFile(file, data, { mode: modes.file });
    }
    await rename(partial, folder);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}
