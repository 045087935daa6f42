import { appendFileSync, readdirSync, readlinkSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, test } from "vitest";

import { errno, fdFlag, openFlag, right } from "../abi.ts";
import { MountedGuest } from "../guest-fixture.ts";
import { limits } from "../limits.ts";
import { allRights, readRights } from "../test-support.ts";

describe("fd_read, fd_write: errno", () => {
  const rows: readonly (readonly [
    name: string,
    call: string,
    args: readonly (number | bigint)[],
    expected: number,
  ])[] = [
    ["read what is not open", "fd_read", [9, 0, 0, 1024], errno.badf],
    ["read a directory", "fd_read", [3, 0, 0, 1024], errno.isdir],
    ["read standard output", "fd_read", [1, 0, 0, 1024], errno.notcapable],
    ["write standard input", "fd_write", [0, 0, 0, 1024], errno.notcapable],
    ["pread standard input", "fd_pread", [0, 0, 0, 0n, 1024], errno.spipe],
    ["pwrite standard output", "fd_pwrite", [1, 0, 0, 0n, 1024], errno.spipe],
    ["too many ranges", "fd_read", [4, 0, 1025, 1024], errno.inval],
    ["ranges outside of memory", "fd_read", [4, -8, 2, 1024], errno.fault],
    ["a range outside of memory", "fd_read", [4, 2048, 1, 1024], errno.fault],
    ["a result outside of memory", "fd_read", [4, 0, 0, -1], errno.fault],
    ["no ranges", "fd_read", [4, 0, 0, 1024], 0],
    ["a place that no file reaches, reading", "fd_pread", [4, 0, 0, 1n << 60n, 1024], errno.inval],
    ["a place that no file reaches, writing", "fd_pwrite", [4, 0, 0, -1n, 1024], errno.fbig],
  ];
  test.each(rows)("%s", (_name, call, args, expected) => {
    using mounted = new MountedGuest();
    const { guest } = mounted;
    mounted.file("file", "text");
    guest.open("file");
    guest.view.setUint32(2048, 0xffff_fff0, true);
    guest.view.setUint32(2052, 16, true);
    expect(guest.call(call, ...args)).toBe(expected);
  });
});

test("fd_read, fd_write: share one position, over several ranges", () => {
  using mounted = new MountedGuest();
  const { guest } = mounted;
  const fd = guest.open("file", { flags: openFlag.create });
  expect(guest.call("fd_write", fd, guest.vectors(guest.put("one "), guest.put("two")), 2, guest.out)).toBe(
    0,
  );
  expect(guest.u32()).toBe(7);
  expect(guest.read(fd)).toBe("");
  expect(guest.call("fd_seek", fd, 2n, 0, guest.out)).toBe(0);
  const { buffer } = guest;
  expect(
    guest.call("fd_read", fd, guest.vectors([buffer, 2], [buffer + 10, 0], [buffer + 2, 9]), 3, guest.out),
  ).toBe(0);
  expect([guest.u32(), guest.bytes(buffer, 5).toString()]).toEqual([5, "e two"]);
  expect(mounted.text("file")).toBe("one two");
});

test("fd_pread, fd_pwrite: leave the position alone and need the right to seek", () => {
  using mounted = new MountedGuest();
  mounted.file("file", "abcdef");
  const { guest } = mounted;
  const fd = guest.open("file");
  expect(guest.call("fd_pwrite", fd, guest.vectors(guest.put("XY")), 1, 2n, guest.out)).toBe(0);
  expect(guest.call("fd_pread", fd, guest.vectors([guest.buffer, 9]), 1, 1n, guest.out)).toBe(0);
  expect(guest.bytes(guest.buffer, guest.u32()).toString()).toBe("bXYef");
  expect(guest.read(fd)).toBe("abXYef");
  const unseekable = guest.open("file", { rights: allRights & ~BigInt(right.fdSeek) });
  expect(guest.call("fd_pread", unseekable, guest.vectors([guest.buffer, 9]), 1, 1n, guest.out)).toBe(
    errno.notcapable,
  );
});

test("fd_write: appends atomically where others append too, until the flag is taken away", () => {
  using mounted = new MountedGuest();
  mounted.file("log", "1");
  const { guest } = mounted;
  const fd = guest.open("log", { fdFlags: fdFlag.append });
  guest.write(fd, "2");
  appendFileSync(mounted.path("log"), "3");
  guest.write(fd, "4");
  expect(mounted.text("log")).toBe("1234");
  guest.call("fd_tell", fd, guest.out);
  expect(guest.u64()).toBe(4n);
  expect(guest.call("fd_fdstat_set_flags", fd, 0)).toBe(0);
  guest.call("fd_seek", fd, 0n, 0, guest.out);
  guest.write(fd, "X");
  expect(mounted.text("log")).toBe("X234");
});

test("fd_read: works on memory that has grown", () => {
  using mounted = new MountedGuest();
  mounted.file("file", "text");
  const { guest } = mounted;
  const fd = guest.open("file");
  const far = guest.memory.buffer.byteLength + 100;
  guest.memory.grow(1);
  expect(guest.call("fd_read", fd, guest.vectors([far, 4]), 1, guest.out)).toBe(0);
  expect(guest.bytes(far, 4).toString()).toBe("text");
});

test("fd_write, fd_read: a long transfer suspends the guest", async () => {
  using mounted = new MountedGuest();
  const { guest, sandbox } = mounted;
  const length = limits.transferPieceBytes * 2 + 5;
  guest.memory.grow(Math.ceil(length / 65_536));
  guest.bytes(guest.buffer, length).fill("w");
  const fd = guest.open("big", { flags: openFlag.create });
  const vectors = guest.vectors([guest.buffer, 3], [guest.buffer + 3, length - 3]);
  expect(await guest.invoke("fd_write", fd, vectors, 2, guest.out)).toBe(0);
  expect([guest.u32(), mounted.text("big").length, sandbox.host.waits]).toEqual([length, length, 1]);
  guest.bytes(guest.buffer, length).fill(0);
  guest.call("fd_seek", fd, 5n, 0, guest.out);
  expect(await guest.invoke("fd_read", fd, vectors, 2, guest.out)).toBe(0);
  expect([guest.u32(), guest.bytes(guest.buffer, length).toString().indexOf("\0")]).toEqual([
    length - 5,
    length - 5,
  ]);
  expect([guest.call("fd_tell", fd, guest.out), guest.u64()]).toEqual([0, BigInt(length)]);
});

test("fd_write: what suspends no guest is as long as `transferBytesMax`", () => {
  using mounted = new MountedGuest();
  const { guest } = mounted;
  guest.memory.grow(Math.ceil(limits.transferBytesMax / 65_536));
  const fd = guest.open("big", { flags: openFlag.create });
  const vectors = guest.vectors([guest.buffer, limits.transferBytesMax]);
  expect(guest.call("fd_write", fd, vectors, 1, guest.out)).toBe(0);
  expect(guest.u32()).toBe(limits.transferBytesMax);
});

test("fd_write: a long transfer ends when the guest is killed; its descriptor is closed after it", async () => {
  using mounted = new MountedGuest();
  const { guest, sandbox } = mounted;
  const length = limits.transferPieceBytes * 3;
  guest.memory.grow(Math.ceil(length / 65_536));
  const fd = guest.open("big", { flags: openFlag.create });
  const isOpen = () => openPaths().includes(mounted.path("big"));
  const answer = guest.invoke("fd_write", fd, guest.vectors([guest.buffer, length]), 1, guest.out);
  sandbox.host.kill();
  expect(await answer).toBe(errno.intr);
  guest.preview1.close();
  while (isOpen()) await nextTurn();
  expect([mounted.text("big").length, sandbox.host.bugs]).toEqual([limits.transferPieceBytes, []]);
});

/** What this process has open. */
function openPaths(): string[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      return [readlinkSync(`/proc/self/fd/${fd}`)];
    } catch {
      return [];
    }
  });
}

describe("fd_read of standard input", () => {
  test("takes what is there, keeps the rest, ends", () => {
    using mounted = new MountedGuest();
    const { guest, sandbox } = mounted;
    sandbox.host.stdin.feed("hello");
    sandbox.host.stdin.ended = true;
    expect([guest.read(0, 2), guest.read(0), guest.read(0)]).toEqual(["he", "llo", ""]);
  });

  test("waits", async () => {
    using mounted = new MountedGuest();
    const { guest, sandbox } = mounted;
    const answer = guest.invoke("fd_read", 0, guest.vectors([guest.buffer, 9]), 1, guest.out);
    sandbox.host.stdin.feed("late");
    expect(await answer).toBe(0);
    expect(guest.bytes(guest.buffer, guest.u32()).toString()).toBe("late");
  });

  test("a killed wait ends with EINTR and watches nothing any more", async () => {
    using mounted = new MountedGuest();
    const { guest, sandbox } = mounted;
    const answer = guest.invoke("fd_read", 0, guest.vectors([guest.buffer, 9]), 1, guest.out);
    sandbox.host.kill();
    expect(await answer).toBe(errno.intr);
    expect(sandbox.host.stdin.watchers).toBe(0);
  });

  test("answers EAGAIN when it must not wait", () => {
    using mounted = new MountedGuest();
    const { guest } = mounted;
    expect(guest.call("fd_fdstat_set_flags", 0, fdFlag.nonblock)).toBe(0);
    expect(guest.read(0)).toBe(errno.again);
  });
});

describe("fd_write to standard output and error", () => {
  test("goes to the right stream and may be short", () => {
    using mounted = new MountedGuest();
    const { guest, sandbox } = mounted;
    sandbox.host.stdout.room = 3;
    expect(guest.write(1, "hello")).toBe(0);
    expect(guest.u32()).toBe(3);
    expect(guest.write(2, "oops")).toBe(0);
    expect([sandbox.host.stdout.written.toString(), sandbox.host.stderr.written.toString()]).toEqual([
      "hel",
      "oops",
    ]);
  });

  test("waits while full", async () => {
    using mounted = new MountedGuest();
    const { guest, sandbox } = mounted;
    sandbox.host.stdout.room = 0;
    const answer = guest.invoke("fd_write", 1, guest.vectors(guest.put("late")), 1, guest.out);
    sandbox.host.stdout.wakeAll();
    sandbox.host.stdout.room = 4;
    sandbox.host.stdout.wakeAll();
    expect(await answer).toBe(0);
    expect(sandbox.host.stdout.written.toString()).toBe("late");
  });

  test("answers EAGAIN when it must not wait, EINTR when killed", async () => {
    using mounted = new MountedGuest();
    const { guest, sandbox } = mounted;
    sandbox.host.stdout.room = 0;
    const answer = guest.invoke("fd_write", 1, guest.vectors(guest.put("x")), 1, guest.out);
    sandbox.host.kill();
    expect(await answer).toBe(errno.intr);
    guest.call("fd_fdstat_set_flags", 1, fdFlag.nonblock);
    expect(guest.write(1, "x")).toBe(errno.again);
  });
});

test("fd_write: a descriptor opened for reading refuses", () => {
  using mounted = new MountedGuest();
  mounted.file("file", "text");
  const fd = mounted.guest.open("file", { rights: readRights });
  expect(mounted.guest.write(fd, "x")).toBe(errno.notcapable);
});
