/**
 * The folder of a configMap or secret volume, laid out as the kubelet does it (its AtomicWriter), so that whoever reads it
 * sees all of the old files or all of the new ones:
 *
 *   v/..2026_11_26_15_04_05.x1Y2z3/app.yaml       the files, one such folder for each version
 *   v/..data    -> ..2026_11_26_15_04_05.x1Y2z3   changes by a rename, and with it the whole set
 *   v/app.yaml  -> ..data/app.yaml                what is opened; one for each first component of a path
 *
 * An update writes a new version, renames `..data`, adds and removes links, in this order. The daemon can be killed between
 * any two of these steps: `..data` then leads to the old set or to the new one, and the next update, also with the same
 * contents, does what is left to do. Versions that `..data` led to before stay until the caller removes them: a reader that
 * has just followed `..data` is still on its way in one.
 *
 * Secrets lie on this disk in plain text, readable by the daemon's user alone (folders 0700, files 0400).
 */
import { randomUUID } from "node:crypto";
import * as realDisk from "node:fs/promises";
import { dirname, join } from "node:path";
import { errorCode } from "../../kit/errors.ts";
import type { VolumeContent } from "../core/assignment.ts";

/** What of `node:fs/promises` is used; tests stop it at each step. */
export type ContentDisk = Pick<
  typeof realDisk,
  | "chmod"
  | "mkdir"
  | "mkdtemp"
  | "readFile"
  | "readdir"
  | "readlink"
  | "rename"
  | "rm"
  | "symlink"
  | "writeFile"
>;

const dataName = "..data";
/** Becomes `..data`. */
const nextDataName = "..data_tmp";
const partialPrefix = ".partial-";

/** Makes the folder: complete or not at all, since it gets its name last. */
export async function createContentFolder(
  folder: string,
  content: VolumeContent,
  nowMs: number,
  disk: ContentDisk = realDisk,
): Promise<void> {
  const parent = dirname(folder);
  await disk.mkdir(parent, { recursive: true, mode: 0o700 });
  const partial = join(parent, `${partialPrefix}${randomUUID()}`);
  try {
    await disk.mkdir(partial, { mode: modesOf(content).folder });
    const version = await writeVersion(partial, content, nowMs, disk);
    await disk.symlink(version, join(partial, dataName));
    for (const name of linksOf(content)) await disk.symlink(join(dataName, name), join(partial, name));
    await disk.rename(partial, folder);
  } catch (error) {
    await disk.rm(partial, { recursive: true, force: true });
    throw error;
  }
}

/** What a daemon that was killed has left beside the volumes of a template. */
export async function removePartialFolders(parent: string, disk: ContentDisk = realDisk): Promise<void> {
  for (const name of await disk.readdir(parent))
    if (name.startsWith(partialPrefix)) await disk.rm(join(parent, name), { recursive: true, force: true });
}

/** Whether the folder can be updated: those of daemons before this layout can not. */
export async function isUpdatable(folder: string, disk: ContentDisk = realDisk): Promise<boolean> {
  return (await versionOf(folder, disk)) !== undefined;
}

/** Makes the folder show these files. Answers with the paths of what it showed before. */
export async function updateContentFolder(
  folder: string,
  content: VolumeContent,
  nowMs: number,
  disk: ContentDisk = realDisk,
): Promise<readonly string[]> {
  let version = await versionOf(folder, disk);
  if (version === undefined || !(await hasFiles(join(folder, version), content, disk))) {
    version = await writeVersion(folder, content, nowMs, disk);
    await disk.rm(join(folder, nextDataName), { force: true });
    await disk.symlink(version, join(folder, nextDataName));
    await disk.rename(join(folder, nextDataName), join(folder, dataName));
  }
  const links = linksOf(content);
  for (const name of links) await ensureLink(folder, name, disk);
  return await tidy(folder, links, version, disk);
}

/** The folder that `..data` leads to. */
async function versionOf(folder: string, disk: ContentDisk): Promise<string | undefined> {
  return await disk.readlink(join(folder, dataName)).catch((error: unknown) => {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  });
}

function modesOf(content: VolumeContent) {
  return content.secret ? { folder: 0o700, file: 0o400 } : { folder: 0o755, file: 0o444 };
}

/** By path; of two that mean the same file the last one counts, as in Kubernetes. */
function filesOf(content: VolumeContent): ReadonlyMap<string, Uint8Array> {
  return new Map(content.files.map(({ path, data }) => [path, data]));
}

function linksOf(content: VolumeContent): ReadonlySet<string> {
  return new Set(content.files.map(({ path }) => path.split("/", 1)[0] ?? path));
}

/** Returns the new folder's name. */
async function writeVersion(
  folder: string,
  content: VolumeContent,
  nowMs: number,
  disk: ContentDisk,
): Promise<string> {
  const modes = modesOf(content);
  const stamp = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/[-T:]/g, "_");
  const made = await disk.mkdtemp(join(folder, `..${stamp}.`));
  try {
    await disk.chmod(made, modes.folder);
    for (const [path, data] of filesOf(content)) {
      const file = join(made, path);
      await disk.mkdir(dirname(file), { recursive: true, mode: modes.folder });
      await disk.writeFile(file, data, { mode: modes.file });
    }
  } catch (error) {
    // As when two paths are in each other's way, or the disk is full.
    await disk.rm(made, { recursive: true, force: true });
    throw error;
  }
  return made.slice(folder.length + 1);
}

/** Whether these files, and no other ones, are in the folder. */
async function hasFiles(folder: string, content: VolumeContent, disk: ContentDisk): Promise<boolean> {
  const wanted = filesOf(content);
  const entries = await disk.readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  if (entries.filter((entry) => !entry.isDirectory()).length !== wanted.size) return false;
  for (const [path, data] of wanted) {
    const found = await disk.readFile(join(folder, path)).catch(() => undefined);
    if (!found?.equals(data)) return false;
  }
  return true;
}

async function ensureLink(folder: string, name: string, disk: ContentDisk): Promise<void> {
  const [target, path] = [join(dataName, name), join(folder, name)];
  try {
    await disk.symlink(target, path);
  } catch (error) {
    if (errorCode(error) !== "EEXIST") throw error;
    if ((await disk.readlink(path).catch(() => undefined)) === target) return;
    // Somebody else's doing.
    await disk.rm(path, { recursive: true, force: true });
    await disk.symlink(target, path);
  }
}

/** Removes the links that lead nowhere any more. Answers with what is left of other versions. */
async function tidy(
  folder: string,
  links: ReadonlySet<string>,
  version: string,
  disk: ContentDisk,
): Promise<readonly string[]> {
  const replaced: string[] = [];
  for (const name of await disk.readdir(folder)) {
    if (name === dataName || name === version || links.has(name)) continue;
    const path = join(folder, name);
    if (name.startsWith("..") && name !== nextDataName) replaced.push(path);
    else await disk.rm(path, { recursive: true, force: true });
  }
  return replaced;
}
