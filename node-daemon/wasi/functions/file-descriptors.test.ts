import { statSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { errno, fdFlag, fileType, openFlag, right, timesFlag } from "../abi.ts";
import { MountedGuest } from "../guest-fixture.ts";
import { allRights, readRights } from "../test-support.ts";

const out = 1024;

describe("descriptor functions: errno", () => {
  type Arguments = readonly (number | bigint)[];
  const rows: readonly (readonly [name: string, call: string, args: Arguments, expected: number])[] = [
    ["close what is not open", "fd_close", [9], errno.badf],
    ["renumber from what is not open", "fd_renumber", [9, 4], errno.badf],
    ["renumber to what is not open", "fd_renumber", [4, 9], errno.badf],
    ["renumber to itself", "fd_renumber", [4, 4], 0],
    ["state of what is not open", "fd_fdstat_get", [9, out], errno.badf],
    ["state into nowhere", "fd_fdstat_get", [4, -8], errno.fault],
    ["unknown flags", "fd_fdstat_set_flags", [4, 32], errno.inval],
    ["more rights", "fd_fdstat_set_rights", [4, BigInt(right.pathOpen), 0n], errno.notcapable],
    ["rights of what is not open", "fd_fdstat_set_rights", [9, 0n, 0n], errno.badf],
    ["preopen of a file", "fd_prestat_get", [4, out], errno.badf],
    ["preopen into nowhere", "fd_prestat_get", [3, -2], errno.fault],
    ["preopen's name into too little", "fd_prestat_dir_name", [3, out, 0], errno.nametoolong],
    ["preopen's name into nowhere", "fd_prestat_dir_name", [3, -1, 5], errno.fault],
    ["preopen's name of a file", "fd_prestat_dir_name", [4, out, 5], errno.badf],
    ["seek a directory", "fd_seek", [3, 1n, 0, out], errno.isdir],
    ["seek a stream", "fd_seek", [1, 1n, 0, out], errno.spipe],
    ["seek before the start", "fd_seek", [4, -1n, 0, out], errno.inval],
    ["seek beyond every file", "fd_seek", [4, 1n << 62n, 0, out], errno.overflow],
    ["seek from nowhere", "fd_seek", [4, 1n, 3, out], errno.inval],
    ["seek into nowhere", "fd_seek", [4, 1n, 0, -1], errno.fault],
    ["tell a directory", "fd_tell", [3, out], errno.isdir],
    ["advise", "fd_advise", [4, 0n, 10n, 3], 0],
    ["advise the unknown", "fd_advise", [4, 0n, 10n, 6], errno.inval],
    ["allocate nothing", "fd_allocate", [4, 0n, 0n], errno.inval],
    ["allocate too much", "fd_allocate", [4, 0n, 1n << 60n], errno.fbig],
    ["allocate a directory", "fd_allocate", [3, 0n, 1n], errno.isdir],
    ["a size beyond every file", "fd_filestat_set_size", [4, -1n], errno.fbig],
    ["the size of a directory", "fd_filestat_set_size", [3, 0n], errno.isdir],
    ["contradicting times", "fd_filestat_set_times", [4, 0n, 0n, 12], errno.inval],
    ["times of a stream", "fd_filestat_set_times", [1, 0n, 0n, 1], errno.notcapable],
    ["stat of what is not open", "fd_filestat_get", [9, out], errno.badf],
    ["stat into nowhere", "fd_filestat_get", [4, -60], errno.fault],
    ["sync what is not open", "fd_sync", [9], errno.badf],
    ["sync a stream", "fd_sync", [1], 0],
    ["a socket call on a file", "sock_recv", [4, 0, 0, 0, out, out], errno.notsock],
    ["a socket call on nothing", "sock_shutdown", [9, 0], errno.badf],
    ["signals", "proc_raise", [6], errno.nosys],
  ];
  test.each(rows)("%s", (_name, call, args, expected) => {
    using mounted = new MountedGuest();
    mounted.file("file", "text");
    mounted.guest.open("file");
    expect(mounted.guest.call(call, ...args)).toBe(expected);
    expect(mounted.sandbox.host.bugs).toEqual([]);
  });
});

describe("descriptor functions: each needs its right", () => {
  const rows: readonly (readonly [call: string, bit: number, args: readonly (number | bigint)[]])[] = [
    ["fd_seek", right.fdSeek, [1n, 0, out]],
    ["fd_tell", right.fdTell | right.fdSeek, [out]],
    ["fd_advise", right.fdAdvise, [0n, 0n, 0]],
    ["fd_allocate", right.fdAllocate, [0n, 1n]],
    ["fd_filestat_set_size", right.fdFilestatSetSize, [1n]],
    ["fd_filestat_set_times", right.fdFilestatSetTimes, [0n, 0n, 1]],
    ["fd_filestat_get", right.fdFilestatGet, [out]],
    ["fd_fdstat_set_flags", right.fdFdstatSetFlags, [0]],
    ["fd_sync", right.fdSync, []],
    ["fd_datasync", right.fdDatasync, []],
  ];
  test.each(rows)("%s", (call, bit, args) => {
    using mounted = new MountedGuest();
    mounted.file("file", "text");
    const fd = mounted.guest.open("file", { rights: allRights & ~BigInt(bit) });
    expect(mounted.guest.call(call, fd, ...args)).toBe(errno.notcapable);
  });
});

test("fd_fdstat_get: streams, directories and files tell what they are and may", () => {
  using mounted = new MountedGuest();
  mounted.file("file", "text");
  const { guest } = mounted;
  guest.open("file");
  const types = [0, 1, 2, 3, 4].map((fd) => {
    guest.call("fd_fdstat_get", fd, out);
    return guest.view.getUint8(out);
  });
  expect(types).toEqual([0, 0, 0, fileType.directory, fileType.regularFile]);
  guest.call("fd_fdstat_get", 3, out);
  expect(guest.u64(out + 8) & BigInt(right.fdSeek | right.fdRead | right.fdFilestatSetSize)).toBe(0n);
  expect(guest.u64(out + 16) & BigInt(right.fdSeek | right.fdRead)).toBe(BigInt(right.fdSeek | right.fdRead));
});

test("fd_prestat_get, fd_prestat_dir_name: name the mounts only", () => {
  using mounted = new MountedGuest();
  const { guest } = mounted;
  expect(guest.call("fd_prestat_get", 3, out)).toBe(0);
  expect([guest.u32(out), guest.u32(out + 4)]).toEqual([0, 1]);
  expect(guest.call("fd_prestat_dir_name", 3, out, 4)).toBe(0);
  expect(guest.bytes(out, 1).toString()).toBe("/");
  expect(guest.call("fd_prestat_get", guest.open(".", { rights: readRights }), out)).toBe(errno.badf);
});

test("fd_seek, fd_tell: from the start, from here, from the end", () => {
  using mounted = new MountedGuest();
  mounted.file("file", "0123456789");
  const { guest } = mounted;
  const fd = guest.open("file");
  const seek = (delta: bigint, whence: number) => [
    guest.call("fd_seek", fd, delta, whence, out),
    guest.u64(),
  ];
  expect([seek(4n, 0), seek(-1n, 1), seek(-2n, 2), seek(100n, 2)]).toEqual([
    [0, 4n],
    [0, 3n],
    [0, 8n],
    [0, 110n],
  ]);
  expect(guest.call("fd_tell", fd, out)).toBe(0);
  expect([guest.u64(), guest.read(fd)]).toEqual([110n, ""]);
});

test("fd_filestat_set_size, fd_allocate: shrink, grow, and reserve without shrinking", () => {
  using mounted = new MountedGuest();
  mounted.file("file", "0123456789");
  const { guest } = mounted;
  const fd = guest.open("file");
  const sizeAfter = (call: string, ...args: bigint[]) => {
    expect(guest.call(call, fd, ...args)).toBe(0);
    return statSync(mounted.path("file")).size;
  };
  expect(sizeAfter("fd_filestat_set_size", 4n)).toBe(4);
  expect(sizeAfter("fd_allocate", 0n, 2n)).toBe(4);
  expect(sizeAfter("fd_allocate", 2n, 100n)).toBe(102);
  expect(sizeAfter("fd_filestat_set_size", 5000n)).toBe(5000);
});

test("fd_filestat_set_size: needs no right to write", () => {
  using mounted = new MountedGuest();
  mounted.file("file", "0123456789");
  const fd = mounted.guest.open("file", { rights: BigInt(right.fdFilestatSetSize) });
  expect(mounted.guest.call("fd_filestat_set_size", fd, 3n)).toBe(0);
  expect(mounted.text("file")).toBe("012");
});

test("fd_filestat_set_times: exact to the nanosecond, also of a removed file", () => {
  using mounted = new MountedGuest();
  mounted.file("file", "text");
  const { guest, sandbox } = mounted;
  const fd = guest.open("file");
  guest.call("path_unlink_file", 3, "file");
  const exact = 1_712_345_678_987_654_321n;
  const flags = timesFlag.atimeNow | timesFlag.mtime;
  expect(guest.call("fd_filestat_set_times", fd, 0n, exact, flags)).toBe(0);
  guest.call("fd_filestat_get", fd, out);
  expect([guest.u64(out + 40), guest.u64(out + 48)]).toEqual([sandbox.host.realtimeNs, exact]);
});

test("fd_renumber: moves, closes what was there, frees the number", () => {
  using mounted = new MountedGuest({ openFilesMax: 6 });
  mounted.file("a", "a");
  mounted.file("b", "b");
  const { guest } = mounted;
  const [a, b] = [guest.open("a"), guest.open("b")];
  expect(guest.call("fd_renumber", a, b)).toBe(0);
  expect([guest.read(b), guest.read(a), guest.open("b")]).toEqual(["a", errno.badf, a]);
  expect(guest.call("fd_renumber", b, 3)).toBe(0);
  expect(guest.open("a")).toBe(-errno.notdir);
});

test("fd_sync, fd_datasync: wait off the thread, also on a read-only mount", async () => {
  using mounted = new MountedGuest({ readOnly: true });
  mounted.file("file", "text");
  const { guest, sandbox } = mounted;
  const fd = guest.open("file", { rights: readRights });
  expect(await guest.invoke("fd_sync", fd)).toBe(0);
  expect(await guest.invoke("fd_datasync", fd)).toBe(0);
  expect(await guest.invoke("fd_sync", 3)).toBe(0);
  expect(sandbox.host.waits).toBe(3);
  const killed = guest.invoke("fd_sync", fd);
  sandbox.host.kill();
  expect(await killed).toBe(errno.intr);
});

test("fd_fdstat_set_flags: are kept on a descriptor whose file is gone", () => {
  using mounted = new MountedGuest();
  const { guest } = mounted;
  const fd = guest.open("file", { flags: openFlag.create });
  guest.call("path_unlink_file", 3, "file");
  expect(guest.call("fd_fdstat_set_flags", fd, fdFlag.append | fdFlag.dsync)).toBe(0);
  guest.write(fd, "1");
  guest.call("fd_seek", fd, 0n, 0, out);
  guest.write(fd, "2");
  guest.call("fd_seek", fd, 0n, 0, out);
  expect(guest.read(fd)).toBe("12");
});
