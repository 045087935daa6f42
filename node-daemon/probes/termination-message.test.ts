import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, symlink, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readMessageFile } from "./termination-message.ts";

let root: string;
let mount: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "wherry-words-")));
  mount = join(root, "mount");
  await mkdir(mount);
  await writeFile(join(root, "secret"), "of the node");
});
afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const read = (...below: string[]) => readMessageFile({ directory: mount, below, sinceMs: 0 });

test("readMessageFile: what the guest has left, in a folder too", async () => {
  await writeFile(join(mount, "words"), "out of ideas\n");
  await mkdir(join(mount, "a"));
  await writeFile(join(mount, "a", "words"), "here");
  expect(await read("words")).toBe("out of ideas");
  expect(await read("a", "words")).toBe("here");
});

test("readMessageFile: the last 4,096 bytes, from a whole character on", async () => {
  await writeFile(join(mount, "words"), `${"€".repeat(5000)}.`);
  const words = await read("words");
  expect(Buffer.byteLength(words)).toBeLessThanOrEqual(4096);
  expect(words).toBe(`${"€".repeat(1365)}.`);
});

test.each([
  { name: "the file is a symlink", make: () => symlink(join(root, "secret"), join(mount, "words")) },
  {
    name: "a folder on the way is a symlink",
    make: () => symlink(root, join(mount, "a")),
    below: ["a", "secret"],
  },
  {
    name: "the mount itself has become a symlink",
    make: async () => {
      await rm(mount, { recursive: true });
      await symlink(root, mount);
    },
    below: ["secret"],
  },
  { name: "it is a folder", make: () => mkdir(join(mount, "words")) },
  {
    name: "it is a pipe that nobody writes to",
    make: async () => void execFileSync("mkfifo", [join(mount, "words")]),
  },
  { name: "it is not there", make: () => Promise.resolve() },
  { name: "it is empty", make: () => writeFile(join(mount, "words"), "") },
])("readMessageFile: nothing when $name", async ({ make, below = ["words"] }) => {
  await make();
  expect(await read(...below)).toBe("");
});

test.each([
  { name: "before the run", writtenMs: 900, words: "" },
  { name: "in its first moment, by a coarse clock", writtenMs: 990, words: "mine" },
  { name: "during the run", writtenMs: 1500, words: "mine" },
])("readMessageFile: written $name", async ({ writtenMs, words }) => {
  await writeFile(join(mount, "words"), "mine");
  await utimes(join(mount, "words"), writtenMs / 1000, writtenMs / 1000);
  expect(await readMessageFile({ directory: mount, below: ["words"], sinceMs: 1000 })).toBe(words);
});
