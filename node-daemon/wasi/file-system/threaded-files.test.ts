import {
  closeSync,
  fstatSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";

import { errno, openFlag } from "../abi.ts";
import { limits } from "../limits.ts";
import { openMount } from "./directory-capability.ts";
import { FilesBusy, ThreadBudget } from "./file-threads.ts";
import { FuseMount } from "./fuse-fixture.ts";
import { payWith } from "./payer.ts";
import { ThreadedFiles } from "./threaded-files.ts";

/** A folder of this machine, served as if it might block. */
class ThreadedFolder implements Disposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "wherry-threaded-")));
  readonly budget: ThreadBudget;
  readonly files: ThreadedFiles;
  readonly root: number;

  constructor(threadsMax = 2) {
    this.budget = new ThreadBudget(threadsMax);
    this.files = new ThreadedFiles(this.budget);
    this.root = openMount(this.folder).fd;
  }

  async open(path: string, openFlags: number = openFlag.create): Promise<number> {
    const request = { path, followSymlink: true, openFlags, fdFlags: 0, read: true, write: true };
    const opened = await this.files.open(this.root, request);
    return typeof opened === "number" ? -opened : opened.fd;
  }

  [Symbol.dispose](): void {
    this.files.close(this.root);
    this.files.end();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

test("ThreadedFiles: reads and writes through buffers of a bounded size", async () => {
  using at = new ThreadedFolder();
  const fd = await at.open("a");
  const length = limits.fileThreadTransferBytes + 10;
  const source = Buffer.alloc(length, "ab");
  expect(await at.files.write(fd, [source.subarray(0, 7), source.subarray(7)], 0)).toBe(length);
  expect(readFileSync(join(at.folder, "a")).equals(source)).toBe(true);
  const target = Buffer.alloc(length + 10);
  expect(await at.files.read(fd, [target.subarray(0, 9), target.subarray(9)], 1)).toBe(length - 1);
  expect(target.subarray(0, length - 1).equals(source.subarray(1))).toBe(true);
  expect(await at.files.read(fd, [target], length)).toBe(0);
  at.files.close(fd);
});

test("ThreadedFiles: what a thread opened stays open when the thread ends", async () => {
  const at = new ThreadedFolder();
  const fd = await at.open("a");
  at.files.end();
  while (at.budget.used > 0) await nextTurn();
  expect(fstatSync(fd).size).toBe(0);
  closeSync(fd);
  at[Symbol.dispose]();
});

test("ThreadedFiles: what is closed during a call is closed after it", async () => {
  using at = new ThreadedFolder();
  const fd = await at.open("a");
  const written = at.files.write(fd, [Buffer.from("text")], 0);
  at.files.close(fd);
  expect(await written).toBe(4);
  while (isOpen(join(at.folder, "a"))) await nextTurn();
  expect(readFileSync(join(at.folder, "a"), "utf8")).toBe("text");
});

test("ThreadedFiles: beyond the queue's bound, and without threads, it is EAGAIN", async () => {
  using at = new ThreadedFolder();
  const fd = await at.open("a");
  const calls = Array.from({ length: limits.fileJobsWaitingMax + 2 * limits.fileThreadsPerMount }, () =>
    at.files.size(fd),
  );
  const answers = await Promise.all(calls);
  const refused = answers.filter((answer) => answer === -errno.again).length;
  expect([refused, answers.length - refused]).toEqual([
    limits.fileThreadsPerMount,
    limits.fileJobsWaitingMax + limits.fileThreadsPerMount,
  ]);
  at.files.close(fd);
  using without = new ThreadedFolder(0);
  expect(await without.open("a")).toBe(-errno.again);
  await expect(without.files.openMount(without.folder)).rejects.toBeInstanceOf(FilesBusy);
});

test("ThreadedFiles: what opening a mount throws keeps its code", async () => {
  using at = new ThreadedFolder();
  writeFileSync(join(at.folder, "a"), "");
  await expect(at.files.openMount(join(at.folder, "a"))).rejects.toMatchObject({ code: "mount-unavailable" });
  await expect(at.files.openMount("/proc")).rejects.toMatchObject({ code: "mount-forbidden" });
  const opened = await at.files.openMount(at.folder);
  expect(opened.key).toBe(openedKey(at.folder));
  at.files.close(opened.fd);
});

function openedKey(folder: string): string {
  const { fd, key } = openMount(folder);
  closeSync(fd);
  return key;
}

/** By this process. */
function isOpen(path: string): boolean {
  return readdirSync("/proc/self/fd").some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === path;
    } catch {
      return false;
    }
  });
}

describe("ThreadedFiles: a file system that hangs", () => {
  test("holds up its own calls and nothing else, and they go on with it", async ({ skip }) => {
    await using fuse = await FuseMount.mount(skip);
    const budget = new ThreadBudget();
    const far = new ThreadedFiles(budget);
    using near = new ThreadedFolder();
    const { fd: root } = await far.openMount(fuse.folder);
    const request = { path: "file", followSymlink: true, openFlags: 0, fdFlags: 0, read: true, write: true };
    const opened = await far.open(root, request);
    if (typeof opened === "number") throw new Error(`the file was refused: ${opened}`);
    const bytes = new Uint8Array(100);
    expect(await far.read(opened.fd, [bytes], 0)).toBe(13);
    expect(Buffer.from(bytes.subarray(0, 13)).toString()).toBe("from far away");

    await fuse.hang();
    const order: string[] = [];
    const calls = Array.from({ length: 5 }, async () => {
      const stat = await far.statAt(root, "file", true);
      order.push("far");
      return stat;
    });
    const sizes = Array.from({ length: 20 }, async () => {
      const fd = await near.open("a");
      const size = await near.files.size(fd);
      near.files.close(fd);
      order.push("near");
      return size;
    });
    expect(await Promise.all(sizes)).toEqual(sizes.map(() => 0));
    expect(order).toEqual(sizes.map(() => "near"));
    await fuse.goOn();
    expect(await Promise.all(calls)).toEqual(calls.map(() => expect.objectContaining({ size: 13n })));
    far.close(opened.fd);
    far.close(root);
    far.end();
    while (budget.used > 0) await nextTurn();
  });

  test("what waits to use a descriptor that is closed is dropped", async ({ skip }) => {
    await using fuse = await FuseMount.mount(skip);
    const budget = new ThreadBudget();
    const far = new ThreadedFiles(budget);
    const { fd: root } = await far.openMount(fuse.folder);
    const request = { path: "file", followSymlink: true, openFlags: 0, fdFlags: 0, read: true, write: true };
    const opened = await far.open(root, request);
    if (typeof opened === "number") throw new Error(`the file was refused: ${opened}`);
    await fuse.hang();
    const hung = Array.from({ length: limits.fileThreadsPerMount }, () => far.statAt(root, "file", true));
    const waiting = far.write(opened.fd, [Buffer.from("late")], 0);
    far.close(opened.fd);
    expect(await waiting).toBe(-errno.again);
    far.end();
    await fuse.goOn();
    await Promise.all(hung);
    far.close(root);
    while (budget.used > 0) await nextTurn();
  });
});

test("ThreadedFiles: whoever asked pays for the thread's time", async () => {
  using at = new ThreadedFolder();
  let paidMs = 0;
  payWith(() => (ms) => void (paidMs += ms));
  const fd = await at.open("a");
  const beforeMs = paidMs;
  const length = 8 * limits.fileThreadTransferBytes;
  expect(await at.files.write(fd, [Buffer.alloc(length)], 0)).toBe(length);
  expect(paidMs).toBeGreaterThan(beforeMs);
});
