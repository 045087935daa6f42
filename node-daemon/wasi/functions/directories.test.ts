import { rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

import { errno, fileType, right } from "../abi.ts";
import { MountedGuest } from "../guest-fixture.ts";
import { ListingCache } from "../file-system/listing-cache.ts";
import { limits } from "../limits.ts";
import { allRights, readRights } from "../test-support.ts";

test("fd_readdir: dots first, then names in order, with inodes and types", () => {
  using mounted = new MountedGuest();
  mounted.file("b/inner", "");
  mounted.file("a", "");
  symlinkSync("a", mounted.path("c"));
  const listing = mounted.guest.list(3);
  expect(listing.map(({ name, type, next }) => [name, type, next])).toEqual([
    [".", fileType.directory, 1n],
    ["..", fileType.directory, 2n],
    ["a", fileType.regularFile, 3n],
    ["b", fileType.directory, 4n],
    ["c", fileType.symbolicLink, 5n],
  ]);
  const inode = (name: string) => statSync(mounted.path(name), { bigint: true }).ino;
  expect([listing[0]?.inode, listing[1]?.inode, listing[2]?.inode]).toEqual([
    inode("."),
    inode("."),
    inode("a"),
  ]);
});

test("fd_readdir: continues at a cookie in a snapshot, however the directory changes", () => {
  using mounted = new MountedGuest();
  for (let i = 0; i < 50; i++) mounted.file(`file-${String(i).padStart(2, "0")}`, "");
  const { guest } = mounted;
  const names: string[] = [];
  for (let cookie = 0n; ;) {
    const part = guest.list(3, cookie, 256);
    names.push(...part.map(({ name }) => name));
    for (const { name } of part) if (name.startsWith("file")) rmSync(mounted.path(name));
    writeFileSync(mounted.path("aaa"), "");
    if (guest.u32() < 256) break;
    cookie = part.at(-1)?.next ?? 0n;
  }
  expect(names.length).toBe(52);
  expect(guest.list(3).map(({ name }) => name)).toEqual([".", "..", "aaa"]);
});

test("fd_readdir: cuts the last entry off, and starts anywhere", () => {
  using mounted = new MountedGuest();
  mounted.file("name", "");
  const { guest } = mounted;
  expect(guest.list(3, 0n, 30).map(({ name }) => name)).toEqual(["."]);
  expect(guest.u32()).toBe(30);
  expect(guest.list(3, 2n).map(({ name }) => name)).toEqual(["name"]);
  expect(guest.list(3, 99n)).toEqual([]);
});

test("fd_readdir: a listing that was dropped is read again", () => {
  const listings = new ListingCache(10);
  using mounted = new MountedGuest({ listings });
  const { guest } = mounted;
  mounted.file("d/one", "");
  mounted.file("d/two", "");
  const fds = Array.from({ length: 4 }, () => guest.open("d", { rights: readRights }));
  for (const fd of fds) guest.list(fd);
  expect(listings.entries).toBe(8);
  expect(guest.list(fds[0] ?? 0, 3n).map(({ name }) => name)).toEqual(["two"]);
  guest.call("fd_close", fds[0] ?? 0);
  expect(listings.entries).toBe(4);
  guest.preview1.close();
  expect(listings.entries).toBe(0);
});

test("fd_readdir: a large buffer is filled in turns, and to the end", async () => {
  // Holds not even one listing: each turn reads its own.
  using mounted = new MountedGuest({ listings: new ListingCache(1) });
  const { guest, sandbox } = mounted;
  const names = Array.from(
    { length: 2 * limits.listingEntriesPerTurn },
    (_, index) => `file-${1000 + index}`,
  );
  for (const name of names) mounted.file(name, "");
  const length = 40_000;
  expect(await guest.invoke("fd_readdir", 3, guest.buffer, length, 0n, guest.out)).toBe(0);
  expect(sandbox.host.yields).toBe(2);
  expect(guest.entries().map(({ name }) => name)).toEqual([".", "..", ...names]);
  const [whole] = [guest.u32()];
  expect(whole).toBeLessThan(length);
  // And to the last byte of one that is too small for all.
  expect(await guest.invoke("fd_readdir", 3, guest.buffer, whole - 5, 0n, guest.out)).toBe(0);
  expect(guest.u32()).toBe(whole - 5);
  expect(guest.entries().map(({ name }) => name)).toEqual([".", "..", ...names.slice(0, -1)]);
});

test("fd_readdir: a long listing is made in turns, sorted; a longer one is refused", async () => {
  using mounted = new MountedGuest();
  const { guest, sandbox } = mounted;
  const names = Array.from({ length: limits.listingEntriesMax }, (_, index) => `${index}`);
  for (const name of names) writeFileSync(mounted.path(name), "");
  expect(await guest.invoke("fd_readdir", 3, guest.buffer, 2_000, 0n, guest.out)).toBe(0);
  const turns = limits.listingEntriesMax / limits.listingEntriesPerStep;
  expect(sandbox.host.yields).toBeGreaterThan(turns - 1);
  const sorted = names.sort((a, b) => (a < b ? -1 : 1));
  const shown = guest.entries().map(({ name }) => name);
  expect(shown.length).toBeGreaterThan(50);
  expect(shown).toEqual([".", "..", ...sorted].slice(0, shown.length));
  const last = BigInt(names.length);
  expect(guest.list(3, last).map(({ name }) => name)).toEqual(sorted.slice(-2));
  writeFileSync(mounted.path("one more"), "");
  expect(await guest.invoke("fd_readdir", 3, guest.buffer, 100, 0n, guest.out)).toBe(errno.nomem);
}, 120_000);

test("fd_readdir: leaves out names that are no UTF-8", () => {
  using mounted = new MountedGuest();
  writeFileSync(Buffer.concat([Buffer.from(mounted.path("bad-")), Buffer.of(0xff)]), "");
  expect(mounted.guest.list(3).map(({ name }) => name)).toEqual([".", ".."]);
});

describe("fd_readdir: errno", () => {
  type Arguments = readonly (number | bigint)[];
  const rows: readonly (readonly [name: string, args: Arguments, expected: number])[] = [
    ["not open", [9, 65_536, 100, 0n, 1024], errno.badf],
    ["a stream", [0, 65_536, 100, 0n, 1024], errno.notdir],
    ["a file", [4, 65_536, 100, 0n, 1024], errno.notdir],
    ["without the right", [5, 65_536, 100, 0n, 1024], errno.notcapable],
    ["a buffer outside of memory", [3, -8, 100, 0n, 1024], errno.fault],
    ["a result outside of memory", [3, 65_536, 100, 0n, -2], errno.fault],
    ["no room at all", [3, 65_536, 0, 0n, 1024], 0],
  ];
  test.each(rows)("%s", (_name, args, expected) => {
    using mounted = new MountedGuest();
    mounted.file("file", "");
    const { guest } = mounted;
    guest.open("file");
    guest.open(".", { rights: allRights & ~BigInt(right.fdReaddir | right.fdWrite) });
    expect(guest.call("fd_readdir", ...args)).toBe(expected);
  });
});
