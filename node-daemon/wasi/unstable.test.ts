import { linkSync, lstatSync, symlinkSync, utimesSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { clockId, errno, eventType, fileType } from "./abi.ts";
import { MountedGuest } from "./guest-fixture.ts";
import { preview1Functions } from "./preview1.ts";
import { wasiSignatures } from "./signatures.ts";
import { wasiFunctions } from "./unstable.ts";

const unstable = wasiFunctions.get("wasi_unstable") ?? new Map<string, never>();

/** Its functions are those of `wasi_unstable`. */
function unstableGuest(): MountedGuest {
  const mounted = new MountedGuest();
  mounted.guest.functions = unstable;
  return mounted;
}

describe("wasiFunctions", () => {
  test.each([...wasiSignatures])(
    "%s: has exactly the functions that have signatures",
    (module, signatures) => {
      expect([...(wasiFunctions.get(module)?.keys() ?? [])].sort()).toEqual(Object.keys(signatures).sort());
    },
  );

  test("wasi_unstable: is preview 1 but for four functions and one that it lacks", () => {
    const same = [...preview1Functions].filter(([name, call]) => unstable.get(name) === call);
    expect(
      [...preview1Functions.keys()].filter((name) => !same.some(([other]) => other === name)).sort(),
    ).toEqual(["fd_filestat_get", "fd_seek", "path_filestat_get", "poll_oneoff", "sock_accept"]);
    expect(unstable.size).toBe(45);
  });
});

describe("fd_seek", () => {
  const table = [
    { name: "0 is from where one is", whence: 0, delta: 2n, position: 5n },
    { name: "1 is from the end", whence: 1, delta: -2n, position: 8n },
    { name: "2 is from the start", whence: 2, delta: 4n, position: 4n },
    { name: "0 by nothing tells", whence: 0, delta: 0n, position: 3n },
    { name: "2 by nothing goes to the start", whence: 2, delta: 0n, position: 0n },
  ];

  test.each(table)("$name", ({ whence, delta, position }) => {
    using mounted = unstableGuest();
    const { guest } = mounted;
    mounted.file("file", "0123456789");
    const fd = guest.open("file");
    guest.read(fd, 3);
    expect(guest.call("fd_seek", fd, delta, whence, guest.out)).toBe(0);
    expect(guest.u64()).toBe(position);
    expect(guest.call("fd_tell", fd, guest.out)).toBe(0);
    expect(guest.u64()).toBe(position);
  });

  test.each([3, -1, 256])("%i is no whence", (whence) => {
    using mounted = unstableGuest();
    mounted.file("file", "text");
    const fd = mounted.guest.open("file");
    expect(mounted.guest.call("fd_seek", fd, 1n, whence, mounted.guest.out)).toBe(errno.inval);
    expect(mounted.guest.call("fd_seek", 99, 1n, whence, mounted.guest.out)).toBe(errno.badf);
  });
});

describe("filestat", () => {
  const readStat = ({ guest }: MountedGuest) => ({
    dev: guest.u64(guest.out),
    ino: guest.u64(guest.out + 8),
    type: guest.view.getUint8(guest.out + 16),
    padding: [...guest.bytes(guest.out + 17, 3)],
    nlink: guest.u32(guest.out + 20),
    size: guest.u64(guest.out + 24),
    atime: guest.u64(guest.out + 32),
    mtime: guest.u64(guest.out + 40),
    ctime: guest.u64(guest.out + 48),
  });

  test("fd_filestat_get and path_filestat_get: 56 bytes, links as 32 bits", () => {
    using mounted = unstableGuest();
    const { guest } = mounted;
    mounted.file("file", "text");
    linkSync(mounted.path("file"), mounted.path("other"));
    utimesSync(mounted.path("file"), 1.5, 2.5);
    const stat = lstatSync(mounted.path("file"), { bigint: true });
    const expected = {
      dev: stat.dev,
      ino: stat.ino,
      type: fileType.regularFile,
      padding: [0, 0, 0],
      nlink: 2,
      size: 4n,
      atime: 1_500_000_000n,
      mtime: 2_500_000_000n,
      ctime: stat.ctimeNs,
    };
    const fd = guest.open("file");
    for (const call of [
      () => guest.call("fd_filestat_get", fd, guest.out),
      () => guest.call("path_filestat_get", 3, 0, "file", guest.out),
    ]) {
      guest.bytes(guest.out, 64).fill(0xee);
      expect(call()).toBe(0);
      expect(readStat(mounted)).toEqual(expected);
      expect([...guest.bytes(guest.out + 56, 8)]).toEqual(Array.from({ length: 8 }, () => 0xee));
    }
  });

  test("path_filestat_get: follows a symlink when asked to", () => {
    using mounted = unstableGuest();
    const { guest } = mounted;
    mounted.file("file", "text");
    symlinkSync("file", mounted.path("link"));
    expect(guest.call("path_filestat_get", 3, 0, "link", guest.out)).toBe(0);
    expect(readStat(mounted).type).toBe(fileType.symbolicLink);
    expect(guest.call("path_filestat_get", 3, 1, "link", guest.out)).toBe(0);
    expect(readStat(mounted).type).toBe(fileType.regularFile);
  });

  test("a stream's is 56 zeros", () => {
    using mounted = unstableGuest();
    const { guest } = mounted;
    guest.bytes(guest.out, 64).fill(0xee);
    expect(guest.call("fd_filestat_get", 1, guest.out)).toBe(0);
    expect([...guest.bytes(guest.out, 64)]).toEqual(
      Array.from({ length: 64 }, (_, at) => (at < 56 ? 0 : 0xee)),
    );
  });

  test.each([
    ["56 bytes before the end fit", 56, 0],
    ["55 don't", 55, errno.fault],
  ])("%s", (_name, before, expected) => {
    using mounted = unstableGuest();
    const { guest } = mounted;
    const out = guest.memory.buffer.byteLength - before;
    expect(guest.call("fd_filestat_get", 3, out)).toBe(expected);
    expect(guest.call("path_filestat_get", 3, 0, ".", out)).toBe(expected);
  });
});

describe("poll_oneoff", () => {
  const input = 70_000;
  const output = 80_000;

  interface Clock {
    readonly userdata: bigint;
    readonly id: number;
    readonly timeout: bigint;
    readonly absolute?: boolean;
  }

  function subscribeClock(
    { guest }: MountedGuest,
    index: number,
    { userdata, id, timeout, absolute }: Clock,
  ): void {
    const at = input + index * 56;
    const { view } = guest;
    guest.bytes(at, 56).fill(0);
    view.setBigUint64(at, userdata, true);
    view.setUint8(at + 8, eventType.clock);
    // Of the guest's own choosing, and of no effect.
    view.setBigUint64(at + 16, 0xffff_ffff_ffff_ffffn, true);
    view.setUint32(at + 24, id, true);
    view.setBigUint64(at + 32, timeout, true);
    view.setUint16(at + 48, absolute === true ? 1 : 0, true);
  }

  function subscribeStream(
    { guest }: MountedGuest,
    index: number,
    userdata: bigint,
    type: number,
    fd: number,
  ): void {
    const at = input + index * 56;
    guest.bytes(at, 56).fill(0);
    guest.view.setBigUint64(at, userdata, true);
    guest.view.setUint8(at + 8, type);
    guest.view.setUint32(at + 16, fd, true);
  }

  const eventsOf = ({ guest }: MountedGuest) =>
    Array.from({ length: guest.u32() }, (_, index) => {
      const at = output + index * 32;
      return {
        userdata: guest.u64(at),
        error: guest.view.getUint16(at + 8, true),
        type: guest.view.getUint8(at + 10),
        bytes: guest.u64(at + 16),
      };
    });

  test("a delay of a clock, behind its identifier", async () => {
    using mounted = unstableGuest();
    const { guest, sandbox } = mounted;
    subscribeClock(mounted, 0, { userdata: 7n, id: clockId.monotonic, timeout: 10_000_000n });
    subscribeClock(mounted, 1, { userdata: 8n, id: clockId.monotonic, timeout: 3_600_000_000_000n });
    const answer = guest.invoke("poll_oneoff", input, output, 2, guest.out);
    sandbox.host.advance(11);
    expect(await answer).toBe(0);
    expect(eventsOf(mounted)).toEqual([{ userdata: 7n, error: 0, type: eventType.clock, bytes: 0n }]);
  });

  test("an absolute time that is over, a clock that is none, a stream, a descriptor that is none", () => {
    using mounted = unstableGuest();
    const { guest, sandbox } = mounted;
    sandbox.host.stdin.feed("text");
    subscribeClock(mounted, 0, { userdata: 1n, id: clockId.realtime, timeout: 1n, absolute: true });
    subscribeClock(mounted, 1, { userdata: 2n, id: 9, timeout: 1n });
    subscribeStream(mounted, 2, 3n, eventType.fdRead, 0);
    subscribeStream(mounted, 3, 4n, eventType.fdWrite, 99);
    expect(guest.call("poll_oneoff", input, output, 4, guest.out)).toBe(0);
    expect(eventsOf(mounted)).toEqual([
      { userdata: 1n, error: 0, type: eventType.clock, bytes: 0n },
      { userdata: 2n, error: errno.inval, type: eventType.clock, bytes: 0n },
      { userdata: 3n, error: 0, type: eventType.fdRead, bytes: 1n },
      { userdata: 4n, error: errno.badf, type: eventType.fdWrite, bytes: 0n },
    ]);
  });

  test.each([
    ["56 bytes before the end fit", 56, 0],
    ["55 don't", 55, errno.fault],
  ])("%s", (_name, before, expected) => {
    using mounted = unstableGuest();
    const { guest } = mounted;
    const at = guest.memory.buffer.byteLength - before;
    guest.bytes(at, before).fill(0);
    guest.view.setUint8(at + 8, eventType.fdWrite);
    guest.view.setUint32(at + 16, 1, true);
    expect(guest.call("poll_oneoff", at, output, 1, guest.out)).toBe(expected);
  });
});
