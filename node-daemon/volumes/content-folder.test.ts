import * as realDisk from "node:fs/promises";
import { lstat, mkdtemp, open, readdir, readFile, readlink, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { VolumeContent } from "../core/assignment.ts";
import {
  type ContentDisk,
  createContentFolder,
  isUpdatable,
  removePartialFolders,
  updateContentFolder,
} from "./content-folder.ts";
import { pathFault } from "./content-path.ts";

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "wherry-content-"));
  folder = join(root, "t", "v");
});
afterEach(() => rm(root, { recursive: true, force: true }));

const nowMs = Date.UTC(2026, 10, 26, 15, 4, 5);

function contentOf(files: Readonly<Record<string, string>>, secret = false): VolumeContent {
  const entries = Object.entries(files).map(([path, text]) => ({ path, data: Buffer.from(text) }));
  return { volume: "v", secret, files: entries };
}

const before = { kept: "old", gone: "old", "deep/er": "old" };
const after = { kept: "new", "deep/er": "new", "deep/est": "new", added: "new" };

/** The files below a folder, by path. */
async function filesBelow(path: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of await readdir(path, { recursive: true })) {
    if ((await lstat(join(path, name))).isFile()) files[name] = await readFile(join(path, name), "utf8");
  }
  return files;
}

const shown = async () => await filesBelow(join(folder, await readlink(join(folder, "..data"))));
const names = async () => (await readdir(folder)).toSorted();

/** As if the process was killed after so many steps: nothing it does has an effect any more. */
function diesAfter(steps: number): { readonly disk: ContentDisk; readonly died: () => boolean } {
  let left = steps;
  const step = <Args extends unknown[], Result>(act: (...args: Args) => Promise<Result>) => {
    return async (...args: Args): Promise<Result> => {
      if (left-- <= 0) throw new Error("killed");
      return await act(...args);
    };
  };
  const entries = Object.entries(realDisk).map(([name, act]) => [
    name,
    typeof act === "function" ? step(act as () => Promise<unknown>) : act,
  ]);
  const disk: ContentDisk = Object.fromEntries(entries);
  return { disk, died: () => left < 0 };
}

test("createContentFolder: links through ..data to a folder with the time in its name, as a pod has it", async () => {
  await createContentFolder(folder, contentOf(before), nowMs);
  expect(await names()).toEqual([
    expect.stringMatching(/^\.\.2026_11_26_15_04_05\.\w+$/),
    "..data",
    "deep",
    "gone",
    "kept",
  ]);
  expect(await readlink(join(folder, "kept"))).toBe("..data/kept");
  expect(await readlink(join(folder, "deep"))).toBe("..data/deep");
  expect(await readFile(join(folder, "deep", "er"), "utf8")).toBe("old");
  expect(await isUpdatable(folder)).toBe(true);
});

test.each([
  { name: "a secret is its user's alone", secret: true, folderMode: 0o700, fileMode: 0o400 },
  { name: "a ConfigMap is not", secret: false, folderMode: 0o755, fileMode: 0o444 },
])("modes: $name, when made and when updated", async ({ secret, folderMode, fileMode }) => {
  const mode = async (path: string) => (await stat(join(folder, path))).mode & 0o777;
  await createContentFolder(folder, contentOf(before, secret), nowMs);
  for (const files of [before, after]) {
    await updateContentFolder(folder, contentOf(files, secret), nowMs);
    const modes = [await mode("."), await mode("..data"), await mode("..data/deep"), await mode("deep/er")];
    expect(modes).toEqual([folderMode, folderMode, folderMode, fileMode]);
  }
});

test("updateContentFolder: shows the new files, drops what is gone, and names what it showed before", async () => {
  await createContentFolder(folder, contentOf(before), nowMs);
  const old = join(folder, await readlink(join(folder, "..data")));
  await using opened = await open(join(folder, "kept"));
  expect(await updateContentFolder(folder, contentOf(after), nowMs)).toEqual([old]);
  expect(await shown()).toEqual(after);
  await rm(old, { recursive: true });
  expect(await names()).toEqual([expect.stringMatching(/^\.\.2026/), "..data", "added", "deep", "kept"]);
  expect(await readFile(opened, "utf8")).toBe("old");
});

test("updateContentFolder: the same files are not written again", async () => {
  await createContentFolder(folder, contentOf(before), nowMs);
  const names = await readdir(folder);
  expect(await updateContentFolder(folder, contentOf(before), nowMs)).toEqual([]);
  expect(await readdir(folder)).toEqual(names);
});

test("updateContentFolder: all files can go, and come back", async () => {
  await createContentFolder(folder, contentOf(before), nowMs);
  await updateContentFolder(folder, contentOf({}), nowMs);
  expect((await names()).filter((name) => !name.startsWith(".."))).toEqual([]);
  await updateContentFolder(folder, contentOf(after), nowMs);
  expect(await shown()).toEqual(after);
});

test.each([
  { name: "an emptied file, as after a power cut", break: () => realDisk.truncate(join(folder, "kept"), 0) },
  { name: "a lost file", break: () => rm(join(folder, "..data", "kept")) },
  { name: "a file too many", break: () => writeFile(join(folder, "..data", "more"), "") },
  { name: "a lost link", break: () => rm(join(folder, "kept")) },
  { name: "a lost version", break: () => rm(join(folder, "..data/"), { recursive: true }) },
  { name: "no ..data", break: () => rm(join(folder, "..data")) },
])("updateContentFolder: $name is made right", async ({ break: harm }) => {
  await createContentFolder(folder, contentOf(before), nowMs);
  await realDisk.chmod(join(folder, "kept"), 0o644);
  await harm();
  const replaced = await updateContentFolder(folder, contentOf(before), nowMs);
  for (const path of replaced) await rm(path, { recursive: true });
  expect(await shown()).toEqual(before);
  expect(await names()).toEqual([expect.stringMatching(/^\.\.2026/), "..data", "deep", "gone", "kept"]);
});

test("updateContentFolder: killed at any step, readers have all of the old or all of the new, and the next one finishes", async () => {
  const seen = new Set<string>();
  for (let steps = 0; ; steps++) {
    await rm(join(root, "t"), { recursive: true, force: true });
    await createContentFolder(folder, contentOf(before), nowMs);
    const { disk, died } = diesAfter(steps);
    await updateContentFolder(folder, contentOf(after), nowMs, disk).catch(() => {});
    const set = await shown();
    const isNew = "added" in set;
    expect(set, `after ${steps} steps`).toEqual(isNew ? after : before);
    seen.add(isNew ? "new" : "old");
    for (const name of (await names()).filter((name) => !name.startsWith(".."))) {
      const target = await readlink(join(folder, name));
      expect(target).toBe(`..data/${name}`);
    }
    for (const path of await updateContentFolder(folder, contentOf(after), nowMs)) {
      await rm(path, { recursive: true });
    }
    expect(await shown()).toEqual(after);
    expect(await names()).toEqual([expect.stringMatching(/^\.\.2026/), "..data", "added", "deep", "kept"]);
    if (!died()) break;
  }
  expect([...seen]).toEqual(["old", "new"]);
});

test("createContentFolder: killed at any step, there is all or nothing, and what is left is found", async () => {
  for (let steps = 0; ; steps++) {
    await rm(join(root, "t"), { recursive: true, force: true });
    const { disk, died } = diesAfter(steps);
    await createContentFolder(folder, contentOf(before), nowMs, disk).catch(() => {});
    if (await stat(folder).catch(() => undefined)) expect(await shown()).toEqual(before);
    await realDisk.mkdir(join(root, "t"), { recursive: true });
    await removePartialFolders(join(root, "t"));
    expect((await readdir(join(root, "t"))).filter((name) => name !== "v")).toEqual([]);
    if (!died()) break;
  }
});

test("updateContentFolder: paths that are in each other's way leave the old files, and nothing else", async () => {
  await createContentFolder(folder, contentOf(before), nowMs);
  const names = await readdir(folder);
  await expect(updateContentFolder(folder, contentOf({ a: "1", "a/b": "2" }), nowMs)).rejects.toThrow();
  expect(await readdir(folder)).toEqual(names);
  expect(await shown()).toEqual(before);
});

test.each(["..data", "..data/x", "..", "..2026", "/abs", "a/../b", "a//b", "./a", "", "a\0"])(
  "pathFault: %j is refused",
  (path) => expect(pathFault(path)).toBeDefined(),
);

test.each(["a", "a/b", ".hidden", "a..b", "a/..b"])("pathFault: %j is taken", (path) =>
  expect(pathFault(path)).toBeUndefined(),
);
