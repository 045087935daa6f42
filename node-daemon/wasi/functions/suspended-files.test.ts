/** Preview 1 where files are not answered at once. */
import { mkdirSync } from "node:fs";
import { afterAll, expect, test } from "vitest";

import { errno, fdFlag, openFlag, whence } from "../abi.ts";
import { openMount } from "../file-system/directory-capability.ts";
import { DiskQuota } from "../file-system/disk-quota.ts";
import { ThreadBudget } from "../file-system/file-threads.ts";
import { localFiles } from "../file-system/local-files.ts";
import type { OpenedEntry } from "../file-system/open.ts";
import type { FileOperations } from "../file-system/operations.ts";
import { ThreadedFiles } from "../file-system/threaded-files.ts";
import { MountedGuest } from "../guest-fixture.ts";
import { suspendingFunctions } from "../preview1.ts";
import { allRights, Guest, readRights } from "../test-support.ts";

type Argument = number | bigint | string;

async function open(guest: Guest, path: string, flags = 0, fdFlags = 0, rights = allRights): Promise<number> {
  const refused = await guest.invoke("path_open", 3, 1, path, flags, rights, allRights, fdFlags, guest.out);
  return refused === 0 ? guest.u32() : -Number(refused);
}

const threaded = new ThreadedFiles(new ThreadBudget());
afterAll(() => threaded.end());

test("a file on a file system that may block: opened, written, appended to, read, sought, listed, closed", async () => {
  using mounted = new MountedGuest({ files: threaded });
  const { guest, sandbox } = mounted;
  const call = (name: string, ...args: readonly Argument[]) => guest.invoke(name, ...args);
  const write = (fd: number, text: string) =>
    call("fd_write", fd, guest.vectors(guest.put(text)), 1, guest.out);
  const fd = await open(guest, "file", openFlag.create);
  expect(fd).toBe(4);
  expect(await write(fd, "one two")).toBe(0);
  expect(await call("fd_fdstat_set_flags", fd, fdFlag.append)).toBe(0);
  expect(await call("fd_seek", fd, 0n, whence.set, guest.out)).toBe(0);
  expect(await write(fd, " three")).toBe(0);
  expect(await call("fd_seek", fd, -5n, whence.end, guest.out)).toBe(0);
  expect(guest.u64()).toBe(8n);
  expect(await call("fd_read", fd, guest.vectors([guest.buffer, 100]), 1, guest.out)).toBe(0);
  expect(guest.bytes(guest.buffer, guest.u32()).toString()).toBe("three");
  expect(await call("fd_filestat_get", fd, guest.out)).toBe(0);
  expect(guest.u64(guest.out + 32)).toBe(13n);
  expect(await call("fd_allocate", fd, 0n, 20n)).toBe(0);
  expect(await call("fd_filestat_set_size", fd, 3n)).toBe(0);
  expect(await call("fd_sync", fd)).toBe(0);
  const folder = await open(guest, ".", openFlag.directory, 0, readRights);
  expect(await call("fd_readdir", folder, guest.buffer, 4096, 0n, guest.out)).toBe(0);
  expect(guest.entries().map(({ name }) => name)).toEqual([".", "..", "file"]);
  expect([await call("fd_close", fd), await call("fd_close", folder)]).toEqual([0, 0]);
  expect([mounted.text("file"), sandbox.host.bugs]).toEqual(["one", []]);
});

/** Files whose opens are answered when a test says so. */
class SlowOpens {
  readonly opened: OpenedEntry[] = [];
  readonly files: FileOperations;
  answer = Promise.withResolvers<void>();

  constructor() {
    this.files = {
      ...localFiles,
      mayBlock: true,
      open: async (directory, request) => {
        const opened = localFiles.open(directory, request);
        if (typeof opened === "object") this.opened.push(opened);
        await this.answer.promise;
        return opened;
      },
      close: (fd) => {
        this.closed.push(fd);
        localFiles.close(fd);
      },
    };
  }

  readonly closed: number[] = [];
}

test("path_open: a killed guest gets EINTR at once, and what is opened too late is closed", async () => {
  const slow = new SlowOpens();
  using mounted = new MountedGuest({ files: slow.files });
  const { guest, sandbox } = mounted;
  mounted.file("file", "text");
  const answer = open(guest, "file");
  sandbox.host.kill();
  expect(await answer).toBe(-errno.intr);
  expect(slow.closed).toEqual([]);
  slow.answer.resolve();
  await slow.answer.promise;
  await Promise.resolve();
  expect(slow.closed).toEqual(slow.opened.map(({ fd }) => fd));
  expect(slow.closed).toHaveLength(1);
});

test("path_open: what is answered when the guest has no descriptor left is closed", async () => {
  const slow = new SlowOpens();
  using mounted = new MountedGuest({ files: slow.files, openFilesMax: 5 });
  const { guest } = mounted;
  mounted.file("file", "text");
  const answers = [open(guest, "file"), open(guest, "file")];
  slow.answer.resolve();
  expect(await Promise.all(answers)).toEqual([4, -errno.mfile]);
  expect(slow.closed).toHaveLength(1);
});

test("path_rename, path_link: between two mounts it is EXDEV", () => {
  using mounted = new MountedGuest();
  const { sandbox } = mounted;
  mounted.file("a", "text");
  mkdirSync(mounted.path("other"));
  const quota = new DiskQuota({
    files: localFiles,
    root: openMount(mounted.path("other")).fd,
    bytesMax: 10_000,
    monotonic: () => 0,
  });
  const other = sandbox.capability(mounted.path("other"), quota);
  sandbox.host.preopens = [
    ...sandbox.host.preopens,
    { guestPath: "/other", directory: other, readOnly: false },
  ];
  using guest = new Guest(sandbox.host);
  expect(guest.call("path_rename", 3, "a", 4, "a")).toBe(errno.xdev);
  expect(guest.call("path_link", 3, 0, "a", 4, "a")).toBe(errno.xdev);
  // By copying it is counted.
  const copy = guest.open("a", { fd: 4, flags: openFlag.create });
  expect(guest.call("fd_write", copy, guest.vectors([0, 20_000]), 1, guest.out)).toBe(0);
  expect(guest.u32()).toBe(10_000 - 4096);
  expect(guest.call("fd_write", copy, guest.vectors([0, 1]), 1, guest.out)).toBe(errno.dquot);
});

test("Preview1.suspending: only with a mount that may block is it whatever asks the files", () => {
  using near = new MountedGuest();
  expect(near.guest.preview1.suspending).toBe(suspendingFunctions);
  using far = new MountedGuest({ files: threaded });
  const more = far.guest.preview1.suspending;
  expect([...suspendingFunctions].filter((name) => !more.has(name))).toEqual([]);
  expect([...more].filter((name) => name.startsWith("path_"))).toHaveLength(10);
  expect(more.has("fd_fdstat_get")).toBe(false);
});
