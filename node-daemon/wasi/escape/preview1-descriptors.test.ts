/** What a guest of preview 1 can pass beside paths: descriptors, rights, flags, numbers, pointers, bytes. */
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { directoryRights, errno, fileRights, openFlag, right } from "../abi.ts";
import { allRights, readRights } from "../test-support.ts";
import { Fence, namesIn, stateOf } from "./fence.ts";
import { Preview1Attacker } from "./preview1-attacker.ts";
import { openDescriptors } from "./suite.ts";

let fence: Fence;
let attacker: Preview1Attacker;

beforeEach(() => {
  fence = new Fence();
  attacker = new Preview1Attacker(fence.mounts);
});

afterEach(() => {
  attacker.dispose();
  fence[Symbol.dispose]();
});

const mount = 3;
const other = 4;
const fixed = 5;
const invalid = expect.any(Number) as number;

function rightsOf(fd: number): readonly [base: bigint, inheriting: bigint] {
  const { guest } = attacker;
  expect(guest.call("fd_fdstat_get", fd, guest.out)).toBe(0);
  return [guest.u64(guest.out + 8), guest.u64(guest.out + 16)];
}

describe("rights", () => {
  test("they can only shrink", () => {
    const { guest } = attacker;
    const fd = guest.open("dir", { rights: BigInt(directoryRights), inheriting: BigInt(fileRights) });
    const [base, inheriting] = rightsOf(fd);
    const lessBase = base & ~BigInt(right.pathOpen);
    expect(guest.call("fd_fdstat_set_rights", fd, lessBase, inheriting)).toBe(0);
    for (let bit = 0n; bit < 64n; bit++) {
      const extra = 1n << bit;
      const known = bit < 30n;
      for (const [more, moreInheriting] of [
        [lessBase | extra, inheriting],
        [lessBase, inheriting | extra],
      ] as const) {
        const grown = known && (more !== lessBase || moreInheriting !== inheriting);
        const signed = [BigInt.asIntN(64, more), BigInt.asIntN(64, moreInheriting)] as const;
        const answer = guest.call("fd_fdstat_set_rights", fd, ...signed);
        expect([bit, answer]).toEqual([bit, grown ? errno.notcapable : invalid]);
        expect(rightsOf(fd)).toEqual([lessBase, inheriting]);
      }
    }
  });

  test("what is opened has no more than its directory hands on, however often it is opened", () => {
    const { guest } = attacker;
    let fd = guest.open("dir", { rights: readRights, inheriting: readRights });
    for (let depth = 0; depth < 4; depth++) {
      expect(guest.open("file", { fd, rights: BigInt(right.fdWrite) })).toBe(-errno.notcapable);
      const opened = guest.open(depth % 2 === 0 ? "." : "sub/..", { fd, rights: readRights });
      const [, inheriting] = rightsOf(opened);
      expect(inheriting & BigInt(right.fdWrite)).toBe(0n);
      fd = opened;
    }
  });

  test("below a read-only mount nothing has a right to change anything", () => {
    const { guest } = attacker;
    const changing = BigInt(
      right.fdWrite | right.fdAllocate | right.fdFilestatSetSize | right.fdFilestatSetTimes,
    );
    for (const path of ["file", "dir", "dir/file"]) {
      const fd = guest.open(path, { fd: fixed, rights: readRights });
      const [base, inheriting] = rightsOf(fd);
      expect([path, (base | inheriting) & changing]).toEqual([path, 0n]);
    }
  });

  /** Each function with a right that it needs. What lies in the mount beforehand is in the fence. */
  const needed: readonly (readonly [name: string, needs: number, call: (fd: number) => number])[] = [
    [
      "path_create_directory",
      right.pathCreateDirectory,
      (fd) => attacker.guest.call("path_create_directory", fd, "new"),
    ],
    [
      "path_open, creating",
      right.pathCreateFile,
      (fd) => -attacker.guest.open("new", { fd, flags: openFlag.create }),
    ],
    [
      "path_open, truncating",
      right.pathFilestatSetSize,
      (fd) => -attacker.guest.open("file", { fd, flags: openFlag.truncate }),
    ],
    ["path_open", right.pathOpen, (fd) => -attacker.guest.open("file", { fd, rights: 0n })],
    ["path_unlink_file", right.pathUnlinkFile, (fd) => attacker.guest.call("path_unlink_file", fd, "file")],
    [
      "path_remove_directory",
      right.pathRemoveDirectory,
      (fd) => attacker.guest.call("path_remove_directory", fd, "empty"),
    ],
    ["path_symlink", right.pathSymlink, (fd) => attacker.guest.call("path_symlink", "file", fd, "new")],
    [
      "path_readlink",
      right.pathReadlink,
      (fd) => attacker.guest.call("path_readlink", fd, "link", 65_536, 99, 1_024),
    ],
    [
      "path_filestat_get",
      right.pathFilestatGet,
      (fd) => attacker.guest.call("path_filestat_get", fd, 0, "file", 1_024),
    ],
    [
      "path_filestat_set_times",
      right.pathFilestatSetTimes,
      (fd) => attacker.guest.call("path_filestat_set_times", fd, 0, "file", 1n, 1n, 5),
    ],
    [
      "path_link, from there",
      right.pathLinkSource,
      (fd) => attacker.guest.call("path_link", fd, 0, "file", other, "new"),
    ],
    [
      "path_link, to there",
      right.pathLinkTarget,
      (fd) => attacker.guest.call("path_link", other, 0, "file", fd, "new"),
    ],
    [
      "path_rename, from there",
      right.pathRenameSource,
      (fd) => attacker.guest.call("path_rename", fd, "file", other, "new"),
    ],
    [
      "path_rename, to there",
      right.pathRenameTarget,
      (fd) => attacker.guest.call("path_rename", other, "file", fd, "new"),
    ],
    ["fd_readdir", right.fdReaddir, (fd) => attacker.guest.call("fd_readdir", fd, 65_536, 99, 0n, 1_024)],
    ["fd_filestat_get", right.fdFilestatGet, (fd) => attacker.guest.call("fd_filestat_get", fd, 1_024)],
    [
      "fd_filestat_set_times",
      right.fdFilestatSetTimes,
      (fd) => attacker.guest.call("fd_filestat_set_times", fd, 1n, 1n, 5),
    ],
    [
      "fd_fdstat_set_flags",
      right.fdFdstatSetFlags,
      (fd) => attacker.guest.call("fd_fdstat_set_flags", fd, 4),
    ],
  ];

  test.each(needed)("%s is refused without its right, and changes nothing", (_name, needs, call) => {
    const { guest } = attacker;
    mkdirSync(join(fence.mount, "empty"));
    symlinkSync("file", join(fence.mount, "link"));
    const before = [stateOf(fence.mount), stateOf(fence.other)];
    const fd = guest.open(".", { rights: readRights & ~BigInt(needs) });
    expect(call(fd)).toBe(errno.notcapable);
    expect([stateOf(fence.mount), stateOf(fence.other)]).toEqual(before);
    // The attempt was a real one.
    expect(call(mount) <= 0).toBe(true);
  });

  const ofFiles: readonly (readonly [name: string, needs: number, call: (fd: number) => number])[] = [
    ["fd_write", right.fdWrite, (fd) => attacker.guest.write(fd, "written")],
    [
      "fd_pwrite",
      right.fdWrite,
      (fd) => attacker.guest.call("fd_pwrite", fd, attacker.guest.vectors([8_192, 4]), 1, 0n, 1_024),
    ],
    [
      "fd_pwrite, to another place",
      right.fdSeek,
      (fd) => attacker.guest.call("fd_pwrite", fd, attacker.guest.vectors([8_192, 4]), 1, 0n, 1_024),
    ],
    ["fd_allocate", right.fdAllocate, (fd) => attacker.guest.call("fd_allocate", fd, 0n, 10n)],
    [
      "fd_filestat_set_size",
      right.fdFilestatSetSize,
      (fd) => attacker.guest.call("fd_filestat_set_size", fd, 0n),
    ],
    [
      "fd_filestat_set_times",
      right.fdFilestatSetTimes,
      (fd) => attacker.guest.call("fd_filestat_set_times", fd, 1n, 1n, 5),
    ],
  ];

  test.each(ofFiles)("%s is refused without its right, and changes nothing", (_name, needs, call) => {
    const { guest } = attacker;
    const before = stateOf(fence.mount);
    const fd = guest.open("file", { rights: allRights & ~BigInt(needs) });
    expect(call(fd)).toBe(errno.notcapable);
    expect(stateOf(fence.mount)).toEqual(before);
    expect(call(guest.open("file"))).toBe(0);
  });
});

describe("descriptors", () => {
  test("renumbering takes rights along and gives none", () => {
    const { guest } = attacker;
    const readable = guest.open("file", { fd: fixed, rights: readRights });
    const writable = guest.open("file");
    expect(guest.call("fd_renumber", readable, writable)).toBe(0);
    expect(guest.write(writable, "x")).toBe(errno.rofs);
    expect(guest.write(readable, "x")).toBe(errno.badf);
    expect(guest.call("fd_renumber", fixed, mount)).toBe(0);
    expect(guest.open("new", { fd: mount, flags: openFlag.create })).toBe(-errno.rofs);
    expect(guest.call("path_rename", other, "file", mount, "file")).toBe(errno.rofs);
    expect(guest.open("file", { fd: fixed, rights: readRights })).toBe(-errno.badf);
    for (const [from, to] of [
      [mount, 1_000],
      [1_000, mount],
      [-1, mount],
      [mount, -1],
      [mount, 2 ** 31 - 1],
    ] as const) {
      expect(guest.call("fd_renumber", from, to)).toBe(errno.badf);
    }
    expect(guest.call("fd_renumber", other, other)).toBe(0);
    expect(guest.call("fd_renumber", other, 1)).toBe(0);
    expect(guest.write(1, "x")).not.toBe(0);
    expect(attacker.guest.host.stdout.written).toHaveLength(0);
  });

  test("the host's numbers mean nothing", () => {
    const { guest } = attacker;
    const own = new Set([0, 1, 2, mount, other, fixed]);
    for (const fd of [...Array(2_000).keys(), -1, -100, 2 ** 31 - 1, -(2 ** 31), 0x1_0000]) {
      const answers = [
        guest.call("fd_filestat_get", fd, guest.out),
        guest.call("fd_prestat_get", fd, guest.out),
        -guest.open("file", { fd, rights: readRights }),
        guest.call("fd_read", fd, guest.vectors([guest.buffer, 1]), 0, guest.out),
        guest.call("fd_readdir", fd, guest.buffer, 10, 0n, guest.out),
      ];
      if (!own.has(fd)) expect([fd, answers]).toEqual([fd, answers.map(() => errno.badf)]);
      // AT_FDCWD and the like.
      if (fd < 0) expect(guest.call("path_unlink_file", fd, "file")).toBe(errno.badf);
      if (own.has(fd)) for (const answer of answers) if (answer < 0) guest.call("fd_close", -answer);
    }
  });

  test("when all are used up, an open is refused and has made nothing", () => {
    const { guest } = attacker;
    for (let i = 0; i < 58; i++) expect(guest.open("file")).toBeGreaterThan(0);
    const before = stateOf(fence.mount);
    const open = openDescriptors();
    for (const flags of [openFlag.create, openFlag.create | openFlag.exclusive, openFlag.truncate]) {
      expect(guest.open(flags === openFlag.truncate ? "file" : "new", { flags })).toBe(-errno.mfile);
    }
    expect(guest.open("dir", { rights: readRights })).toBe(-errno.mfile);
    expect(stateOf(fence.mount)).toEqual(before);
    expect(openDescriptors()).toBe(open);
  });

  test("what was closed is closed, and nobody else's afterwards", () => {
    const { guest } = attacker;
    const fd = guest.open("file");
    expect(guest.call("fd_close", fd)).toBe(0);
    expect(guest.call("fd_close", fd)).toBe(errno.badf);
    expect(guest.read(fd)).toBe(errno.badf);
    expect(guest.call("fd_close", fixed)).toBe(0);
    using second = new Fence();
    const stranger = new Preview1Attacker(second.mounts);
    expect(guest.open("file", { fd: fixed, rights: readRights })).toBe(-errno.badf);
    stranger.dispose();
  });
});

describe("flags with unknown bits", () => {
  const bits = Array.from({ length: 32 }, (_, bit) => (1 << bit) | 0);

  test("path_open: none is handed to the host", () => {
    const { guest } = attacker;
    for (const bit of bits) {
      const known = bit > 0 && bit <= openFlag.truncate;
      const knownFlag = bit > 0 && bit <= 16;
      if (!known) expect([bit, guest.open("dir", { flags: bit })]).toEqual([bit, -errno.inval]);
      if (!known)
        expect([bit, guest.open("new", { flags: bit | openFlag.create })]).toEqual([bit, -errno.inval]);
      if (!knownFlag) expect([bit, guest.open("file", { fdFlags: bit })]).toEqual([bit, -errno.inval]);
      // Bits beside "follow" mean nothing, and so change nothing.
      if (bit !== 1) expect([bit, guest.open("link-out", { lookup: bit })]).toEqual([bit, -errno.noent]);
    }
    expect(namesIn(fence.mount)).toEqual(["dir", "file"]);
  });

  test("the other functions: the call is refused, or the bits mean nothing", () => {
    const { guest } = attacker;
    symlinkSync("../outside/secret", join(fence.mount, "link"));
    const file = guest.open("file");
    const before = stateOf(fence.mount);
    for (const bit of bits) {
      if (bit < 0 || bit > 8) {
        expect(guest.call("path_filestat_set_times", mount, 0, "file", 1n, 1n, bit)).toBe(errno.inval);
        expect(guest.call("fd_filestat_set_times", file, 1n, 1n, bit)).toBe(errno.inval);
      }
      if (bit < 0 || bit > 16) expect(guest.call("fd_fdstat_set_flags", file, bit)).toBe(errno.inval);
      if (bit !== 1) {
        expect(guest.call("path_filestat_get", mount, bit, "link/", guest.out)).toBe(errno.perm);
        expect(guest.call("path_link", mount, bit, "link/", mount, "new")).toBe(errno.notdir);
      }
    }
    expect(stateOf(fence.mount)).toEqual(before);
  });

  test("rights with unknown bits are no rights", () => {
    const { guest } = attacker;
    const strange = BigInt.asIntN(64, ~((1n << 30n) - 1n));
    const fd = guest.open("file", { rights: strange, inheriting: strange });
    expect(rightsOf(fd)).toEqual([0n, 0n]);
    expect(guest.read(fd)).toBe(errno.notcapable);
  });
});

describe("numbers at their edges", () => {
  const edges = [31n, 32n, 53n, 62n, 63n, 64n].flatMap((bit) => [
    (1n << bit) - 1n,
    1n << bit,
    (1n << bit) + 1n,
  ]);
  const signed = edges.map((edge) => BigInt.asIntN(64, edge));

  test("offsets of reading and writing", () => {
    const { guest } = attacker;
    const file = guest.open("file");
    for (const at of signed) {
      expect(guest.call("fd_pread", file, guest.vectors([guest.buffer, 4]), 1, at, guest.out)).toEqual(
        invalid,
      );
      // A byte at a great distance takes no space; what is refused writes nothing.
      const answer = guest.call("fd_pwrite", file, guest.vectors([guest.buffer, 1]), 1, at, guest.out);
      const size = guest.call("fd_filestat_get", file, guest.out) === 0 ? guest.u64(guest.out + 32) : 0n;
      const end = BigInt.asUintN(64, at) + 1n;
      if (answer === 0) expect(size).toBe(end > 6n ? end : 6n);
      expect(guest.call("fd_filestat_set_size", file, 6n)).toBe(0);
    }
  });

  test("seeking: a position is never below 0 nor more than a number can hold", () => {
    const { guest } = attacker;
    const file = guest.open("file");
    for (const delta of [...signed, ...signed.map((edge) => BigInt.asIntN(64, -edge))]) {
      for (const whence of [0, 1, 2, 3, 255, -1]) {
        if (guest.call("fd_seek", file, delta, whence, guest.out) !== 0) continue;
        expect(guest.u64()).toBeLessThanOrEqual(BigInt(Number.MAX_SAFE_INTEGER));
        guest.read(file, 1);
        expect(guest.call("fd_seek", file, 0n, 0, guest.out)).toBe(0);
      }
    }
  });

  test("sizes, allocations, advice, times, cookies: an answer, and no file that grew without being asked", () => {
    const { guest } = attacker;
    const file = guest.open("file");
    const directory = guest.open("dir", { rights: readRights });
    for (const edge of signed) {
      const unsigned = BigInt.asUintN(64, edge);
      expect(guest.call("fd_advise", file, edge, edge, 0)).toEqual(invalid);
      expect(guest.call("fd_filestat_set_times", file, edge, edge, 5)).toEqual(invalid);
      expect(guest.call("fd_readdir", directory, guest.buffer, 100, edge, guest.out)).toBe(0);
      expect(guest.call("fd_filestat_set_size", file, edge)).toEqual(invalid);
      expect(guest.call("fd_filestat_get", file, guest.out)).toBe(0);
      expect([6n, unsigned]).toContain(guest.u64(guest.out + 32));
      expect(guest.call("fd_filestat_set_size", file, 6n)).toBe(0);
      // Less would take the space from the machine.
      if (unsigned < 1n << 53n) continue;
      expect(guest.call("fd_allocate", file, edge, 1n)).toBe(errno.fbig);
      expect(guest.call("fd_allocate", file, 1n, edge)).toBe(errno.fbig);
      expect(guest.call("fd_allocate", file, edge, edge)).toBe(errno.fbig);
    }
    expect(guest.call("fd_allocate", file, 0n, 0n)).toBe(errno.inval);
  });
});

describe("memory", () => {
  const end = 4 * 65_536;

  test("vectors that overlap are read into and written from in their order", async () => {
    const { guest } = attacker;
    const file = guest.open("file");
    const at = guest.buffer;
    const both = guest.vectors([at, 4], [at + 2, 2]);
    expect(guest.call("fd_pread", file, both, 2, 0n, guest.out)).toBe(0);
    expect(guest.bytes(at, 4).toString()).toBe("inde");
    expect(guest.call("fd_pwrite", file, both, 2, 0n, guest.out)).toBe(0);
    expect(await attacker.read(file)).toEqual({ ok: true, value: "indede" });
    // Vectors that are themselves what is read into.
    const own = guest.vectors([0, 0]);
    guest.view.setUint32(own, own, true);
    guest.view.setUint32(own + 4, 8, true);
    expect(guest.call("fd_pread", file, own, 1, 0n, own)).toBe(0);
  });

  test.each([
    ["a vector behind the end", end, 1],
    ["a vector across the end", end - 1, 2],
    ["a vector of 4 GiB", 0, 0xffff_ffff],
    ["a vector from the last address", 0xffff_ffff, 1],
  ])("%s is refused, and nothing is read or written", (_name, pointer, length) => {
    const { guest } = attacker;
    const file = guest.open("file");
    const vectors = guest.vectors([guest.buffer, 2], [pointer, length]);
    for (const name of ["fd_read", "fd_write"]) {
      expect(guest.call(name, file, vectors, 2, guest.out)).toBe(errno.fault);
    }
    expect(guest.call("random_get", pointer, length)).toBe(errno.fault);
    expect(guest.call("fd_readdir", mount, pointer, length, 0n, guest.out)).toBe(errno.fault);
    expect(guest.call("path_readlink", mount, "file", pointer, length, guest.out)).toBe(errno.fault);
    expect(guest.call("path_unlink_file", mount, pointer, length)).toBe(errno.fault);
    expect(guest.call("fd_prestat_dir_name", mount, pointer, length)).toEqual(invalid);
    expect(guest.call("fd_tell", file, guest.out)).toBe(0);
    expect(guest.u64()).toBe(0n);
  });

  test("results at the very end fit, one byte further they don't, and what doesn't fit was not done", () => {
    const { guest } = attacker;
    const file = guest.open("file");
    expect(guest.call("fd_filestat_get", file, end - 64)).toBe(0);
    expect(guest.call("fd_filestat_get", file, end - 63)).toBe(errno.fault);
    expect(guest.call("fd_seek", file, 3n, 0, end - 7)).toBe(errno.fault);
    expect(guest.call("fd_read", file, guest.vectors([guest.buffer, 3]), 1, end - 3)).toBe(errno.fault);
    expect(guest.call("fd_tell", file, end - 8)).toBe(0);
    expect(guest.u64(end - 8)).toBe(0n);
    const open = openDescriptors();
    expect(guest.call("path_open", mount, 0, "new", openFlag.create, 0n, 0n, 0, end - 3)).toBe(errno.fault);
    expect(guest.call("path_open", mount, 0, "new", openFlag.create, 0n, 0n, 0, -1)).toBe(errno.fault);
    expect(openDescriptors()).toBe(open);
    expect(namesIn(fence.mount)).toEqual(["dir", "file"]);
  });

  test("more vectors than the host takes, and vectors that add up to more than can be told, are refused", async () => {
    const { guest } = attacker;
    const file = guest.open("file");
    expect(guest.call("fd_read", file, 0, 1_025, guest.out)).toBe(errno.inval);
    expect(guest.call("fd_read", file, 0, -1, guest.out)).toBe(errno.inval);
    guest.memory.grow(1_020);
    const whole = guest.vectors(...Array.from({ length: 65 }, () => [0, 1_024 * 65_536] as const));
    expect(guest.call("fd_write", file, whole, 65, guest.out)).toBe(errno.inval);
    expect(await attacker.read(file)).toEqual({ ok: true, value: "inside" });
  });

  test("memory that grew while a call waited is the one that is written to", async () => {
    const { guest } = attacker;
    const reading = guest.invoke("fd_read", 0, guest.vectors([guest.buffer, 10]), 1, guest.out);
    guest.memory.grow(16);
    guest.host.stdin.feed("after");
    expect(await reading).toBe(0);
    expect(guest.bytes(guest.buffer, guest.u32()).toString()).toBe("after");
    const large = guest.memory.buffer.byteLength;
    const listing = guest.invoke("fd_readdir", mount, large - 65_536, 65_536, 0n, guest.out);
    guest.memory.grow(1);
    expect(await listing).toBe(0);
  });
});

describe("names that are no text", () => {
  const bytes = (...parts: readonly (string | readonly number[])[]) =>
    Buffer.concat(parts.map((part) => Buffer.from(typeof part === "string" ? [...Buffer.from(part)] : part)));

  test.each([
    ["overlong dots", bytes([0xc0, 0xae, 0xc0, 0xae], "/outside/secret")],
    ["an overlong slash", bytes("..", [0xc0, 0xaf], "outside", [0xc0, 0xaf], "secret")],
    ["a half of a surrogate pair", bytes("../outside/", [0xed, 0xa0, 0x80])],
    ["a byte that begins nothing", bytes([0xff], "/../../outside/secret")],
    ["a character that is cut off", bytes("../outside/secret", [0xe2, 0x82])],
  ])("%s: refused everywhere", (_name, path) => {
    const { guest } = attacker;
    const before = stateOf(fence.root);
    expect(guest.open(path, { rights: readRights })).toBe(-errno.ilseq);
    expect(guest.open(path, { flags: openFlag.create })).toBe(-errno.ilseq);
    for (const name of ["path_create_directory", "path_remove_directory", "path_unlink_file"]) {
      expect(guest.call(name, mount, path)).toBe(errno.ilseq);
    }
    expect(guest.call("path_symlink", path, mount, "new")).toBe(errno.ilseq);
    expect(guest.call("path_symlink", "file", mount, path)).toBe(errno.ilseq);
    expect(guest.call("path_rename", mount, "file", mount, path)).toBe(errno.ilseq);
    expect(stateOf(fence.root)).toEqual(before);
  });

  test("a link or an entry on the host that is no text leads nowhere and is not listed", () => {
    const { guest } = attacker;
    const strange = Buffer.concat([Buffer.from(`${fence.mount}/`), Buffer.of(0xff, 0xfe)]);
    writeFileSync(strange, "strange");
    symlinkSync(
      Buffer.concat([Buffer.from("../outside/secret"), Buffer.of(0xff)]),
      join(fence.mount, "link"),
    );
    symlinkSync(Buffer.of(0x2f, 0xff), join(fence.mount, "absolute"));
    expect(guest.open("link", { rights: readRights })).toBe(-errno.perm);
    expect(guest.open("absolute", { rights: readRights })).toBe(-errno.perm);
    const names = guest.list(mount).map(({ name }) => name);
    expect(names).toEqual([".", "..", "absolute", "dir", "file", "link"]);
  });
});

describe("listings", () => {
  test("the parent's inode is told by none, wherever a directory has gone", () => {
    const { guest } = attacker;
    const directory = guest.open("dir", { rights: readRights });
    // As at a root, which is its own parent.
    const own = guest.list(directory, 0n).find(({ name }) => name === ".")?.inode;
    renameSync(join(fence.mount, "dir"), join(fence.outside, "dir"));
    for (const cookie of [0n, 1n, 2n]) {
      const parent = guest.list(directory, cookie).find(({ name }) => name === "..");
      expect([own, undefined]).toContain(parent?.inode);
    }
    expect(guest.list(directory).map(({ name }) => name)).toEqual([".", "..", "file", "sub"]);
    renameSync(join(fence.outside, "dir"), join(fence.mount, "dir"));
  });

  test("the listing of one descriptor is not another's", () => {
    const { guest } = attacker;
    const first = guest.open("dir", { rights: readRights });
    guest.list(first, 0n, 50);
    expect(guest.call("fd_close", first)).toBe(0);
    const second = guest.open(".", { rights: readRights });
    expect(second).toBe(first);
    // From where the other one had come to.
    expect(guest.list(second, 2n).map(({ name }) => name)).toEqual(["dir", "file"]);
  });
});
