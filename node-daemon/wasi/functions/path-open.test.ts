import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from "node:fs";
import { createServer } from "node:net";
import { describe, expect, test } from "vitest";

import { errno, fdFlag, fileType, openFlag, right } from "../abi.ts";
import { MountedGuest } from "../guest-fixture.ts";
import { allRights, Guest, readRights, type OpenOptions } from "../test-support.ts";

const readOnlyAccess = { rights: readRights };

describe("path_open: answers by path", () => {
  const rows: readonly (readonly [
    name: string,
    path: string | Uint8Array,
    expected: number,
    options?: OpenOptions,
  ])[] = [
    ["a file", "file", 0],
    ["a nested file", "dir/nested", 0],
    ["dots and double slashes", "./dir//./nested", 0],
    ["up and down again", "dir/../dir/nested", 0],
    ["the directory itself", ".", 0, readOnlyAccess],
    ["a directory with a slash", "dir/", 0, readOnlyAccess],
    ["a directory with a dot", "dir/.", 0, readOnlyAccess],
    ["a directory through ..", "dir/..", 0, readOnlyAccess],
    ["a link to a file", "to-file", 0],
    ["a link to a directory", "to-dir/nested", 0],
    ["a link with a slash is followed regardless", "to-dir/", 0, { rights: readRights, lookup: 0 }],
    ["up from behind a link", "to-dir/../file", 0],
    ["nothing there", "none", errno.noent],
    ["nothing on the way", "none/file", errno.noent],
    ["a file on the way", "file/x", errno.notdir],
    ["a file with a slash", "file/", errno.notdir],
    ["a file as a directory", "file", errno.notdir, { rights: readRights, flags: openFlag.directory }],
    [
      "a file as a directory, not following",
      "file",
      errno.notdir,
      { lookup: 0, rights: readRights, flags: openFlag.directory },
    ],
    ["an empty path", "", errno.noent],
    ["an absolute path", "/file", errno.perm],
    ["above the top", "..", errno.perm],
    ["above the top and back", "../mount/file", errno.perm],
    ["above the top later", "dir/../../mount/file", errno.perm],
    ["NUL", "file\0", errno.inval],
    ["no UTF-8", Uint8Array.of(0x66, 0xff), errno.ilseq],
    ["a path that is too long", "x/".repeat(2049), errno.nametoolong],
    ["a name that is too long", "x".repeat(256), errno.nametoolong],
    ["a link, not following", "to-file", errno.loop, { lookup: 0 }],
    [
      "a link to a directory, not following",
      "to-dir",
      errno.notdir,
      { lookup: 0, rights: readRights, flags: openFlag.directory },
    ],
    ["a link to itself", "self", errno.loop],
    ["a dangling link", "dangling", errno.noent],
    ["a directory for writing", "dir", errno.isdir],
    ["a directory for writing, as one", "dir", errno.isdir, { flags: openFlag.directory }],
    ["create what exists", "file", 0, { flags: openFlag.create }],
    ["create anew what exists", "file", errno.exist, { flags: openFlag.create | openFlag.exclusive }],
    ["create anew over a link", "dangling", errno.exist, { flags: openFlag.create | openFlag.exclusive }],
    ["create a directory", "new", errno.inval, { flags: openFlag.create | openFlag.directory }],
    ["create with a slash", "new/", errno.isdir, { flags: openFlag.create }],
    ["create the directory itself", ".", errno.isdir, { flags: openFlag.create }],
    ["truncate a directory", "dir", errno.isdir, { rights: readRights, flags: openFlag.truncate }],
    ["unknown open flags", "file", errno.inval, { flags: 16 }],
    ["unknown descriptor flags", "file", errno.inval, { fdFlags: 32 }],
    ["a descriptor that is not open", "file", errno.badf, { fd: 99 }],
    ["a negative descriptor", "file", errno.badf, { fd: -1 }],
    ["a descriptor that is no directory", "file", errno.notdir, { fd: 1 }],
  ];

  test.each(rows.map((row) => ({ name: row[0], row })))("$name", ({ row: [, path, expected, options] }) => {
    using mounted = new MountedGuest();
    mounted.file("file", "text");
    mounted.file("dir/nested", "text");
    symlinkSync("file", mounted.path("to-file"));
    symlinkSync("dir", mounted.path("to-dir"));
    symlinkSync("self", mounted.path("self"));
    symlinkSync("missing", mounted.path("dangling"));
    const opened = mounted.guest.open(path, options);
    expect(opened < 0 ? -opened : 0).toBe(expected);
    expect(mounted.sandbox.host.bugs).toEqual([]);
  });
});

describe("path_open: what is no file is refused without waiting", () => {
  const rows: readonly (readonly [name: string, rights: bigint])[] = [
    ["for reading", readRights],
    ["for writing", allRights & ~BigInt(right.fdRead)],
    ["for both", allRights],
  ];
  test.each(rows)("a FIFO %s", (_name, rights) => {
    using mounted = new MountedGuest();
    execFileSync("mkfifo", [mounted.path("fifo")]);
    expect(mounted.guest.open("fifo", { rights })).toBe(-errno.acces);
  });

  test("a socket", async () => {
    using mounted = new MountedGuest();
    const server = createServer().listen(mounted.path("socket"));
    await new Promise((resolve) => server.once("listening", resolve));
    expect(mounted.guest.open("socket")).toBe(-errno.acces);
    server.close();
  });

  test("a device", () => {
    using mounted = new MountedGuest();
    const { sandbox } = mounted;
    const devices = sandbox.capability("/dev");
    sandbox.host.preopens = [{ guestPath: "/dev", directory: devices, readOnly: false }];
    using other = new Guest(sandbox.host);
    expect(other.open("null")).toBe(-errno.acces);
  });
});

test("path_open: creates through a dangling link inside the mount", () => {
  using mounted = new MountedGuest();
  mkdirSync(mounted.path("dir"));
  symlinkSync("dir/made", mounted.path("link"));
  expect(mounted.guest.open("link", { flags: openFlag.create })).toBe(4);
  expect(statSync(mounted.path("dir/made")).isFile()).toBe(true);
});

test("path_open: truncates", () => {
  using mounted = new MountedGuest();
  mounted.file("file", "text");
  expect(mounted.guest.open("file", { flags: openFlag.truncate })).toBe(4);
  expect(mounted.text("file")).toBe("");
});

test("path_open: takes the lowest free number and refuses with EMFILE at the limit", () => {
  using mounted = new MountedGuest({ openFilesMax: 6 });
  const { guest } = mounted;
  mounted.file("file", "");
  expect([guest.open("file"), guest.open("file"), guest.open("file")]).toEqual([4, 5, -errno.mfile]);
  expect(guest.call("fd_close", 4)).toBe(0);
  expect(guest.open("file")).toBe(4);
});

test("path_open: refuses with EMFILE, and changes nothing, when the process has few descriptors left", () => {
  const taken = readdirSync("/proc/self/fd").length + 20;
  using mounted = new MountedGuest({ hostDescriptorsMax: taken });
  const { guest } = mounted;
  mounted.file("file", "text");
  mounted.file("dir/file", "");
  const opened: number[] = [];
  for (let fd = guest.open("file"); fd >= 0; fd = guest.open("file")) opened.push(fd);
  const openInProcess = readdirSync("/proc/self/fd").length;
  expect(openInProcess).toBeLessThan(taken + 10);
  expect(guest.open("dir", { rights: readRights })).toBe(-errno.mfile);
  expect(guest.open("made", { flags: openFlag.create })).toBe(-errno.mfile);
  expect(guest.open("file", { flags: openFlag.truncate })).toBe(-errno.mfile);
  expect(existsSync(mounted.path("made"))).toBe(false);
  expect(mounted.text("file")).toBe("text");
  expect(readdirSync("/proc/self/fd")).toHaveLength(openInProcess);
  guest.call("fd_close", opened[0] ?? 0);
  expect(guest.open("made", { flags: openFlag.create })).toBe(opened[0]);
});

test("path_open: a result pointer outside of memory opens nothing", () => {
  using mounted = new MountedGuest();
  mounted.file("file", "");
  const { guest } = mounted;
  expect(guest.call("path_open", 3, 0, "file", 0, readRights, 0n, 0, 0x7fff_ffff)).toBe(errno.fault);
  expect(guest.call("path_open", 3, 0, -4, 100, 0, readRights, 0n, 0, guest.out)).toBe(errno.fault);
  expect(guest.open("file")).toBe(4);
});

describe("path_open: rights", () => {
  test("a file gets what was asked for, as far as it means something", () => {
    using mounted = new MountedGuest();
    mounted.file("file", "text");
    const { guest } = mounted;
    const fd = guest.open("file", { rights: BigInt(right.fdRead | right.pathOpen | right.fdTell) });
    expect(guest.call("fd_fdstat_get", fd, guest.out)).toBe(0);
    expect(guest.view.getUint8(guest.out)).toBe(fileType.regularFile);
    expect(guest.u64(guest.out + 8)).toBe(BigInt(right.fdRead | right.fdTell));
    expect(guest.write(fd, "x")).toBe(errno.notcapable);
    expect(guest.call("fd_seek", fd, 1n, 0, guest.out)).toBe(errno.notcapable);
  });

  test("a directory hands on no more than it may", () => {
    using mounted = new MountedGuest();
    mounted.file("dir/file", "text");
    const { guest } = mounted;
    const fd = guest.open("dir", {
      rights: readRights,
      inheriting: BigInt(right.fdRead | right.pathOpen),
    });
    const options = { fd, rights: allRights };
    expect(guest.open("file", options)).toBe(-errno.notcapable);
    expect(guest.open("file", { fd, rights: readRights })).toBeGreaterThan(0);
    expect(guest.open(".", { fd, rights: readRights })).toBeGreaterThan(0);
  });

  const dropped: readonly (readonly [name: string, bit: number, flags: number])[] = [
    ["opening", right.pathOpen, 0],
    ["creating", right.pathCreateFile, openFlag.create],
    ["truncating", right.pathFilestatSetSize, openFlag.truncate],
  ];
  test.each(dropped)("%s needs its own right", (_name, bit, flags) => {
    using mounted = new MountedGuest();
    mounted.file("file", "text");
    const { guest } = mounted;
    guest.call("fd_fdstat_get", 3, guest.out);
    const base = guest.u64(guest.out + 8) & ~BigInt(bit);
    expect(guest.call("fd_fdstat_set_rights", 3, base, guest.u64(guest.out + 16))).toBe(0);
    expect(guest.open("file", { flags })).toBe(-errno.notcapable);
  });

  const changes: readonly (readonly [name: string, options: OpenOptions])[] = [
    ["writing", {}],
    ["creating", { rights: readRights, flags: openFlag.create }],
    ["truncating", { rights: readRights, flags: openFlag.truncate }],
  ];
  test.each(changes)("a read-only mount refuses %s with EROFS", (_name, options) => {
    using mounted = new MountedGuest({ readOnly: true });
    mounted.file("dir/file", "text");
    const { guest } = mounted;
    expect(guest.open("dir/file", options)).toBe(-errno.rofs);
    const inner = guest.open("dir", { rights: readRights });
    expect(guest.open("file", { fd: inner, ...options })).toBe(-errno.rofs);
    expect(guest.open("dir/file", { rights: readRights })).toBeGreaterThan(0);
    expect(mounted.text("dir/file")).toBe("text");
  });

  test("flags are kept and shown", () => {
    using mounted = new MountedGuest();
    const { guest } = mounted;
    const fd = guest.open("new", { flags: openFlag.create, fdFlags: fdFlag.append | fdFlag.sync });
    guest.call("fd_fdstat_get", fd, guest.out);
    expect(guest.view.getUint16(guest.out + 2, true)).toBe(fdFlag.append | fdFlag.sync);
  });
});
