import { mkdtempSync, mkdirSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";

import { limits } from "../wasi/limits.ts";
import { MountTable } from "./mount-table.ts";

/** A table of mounts in which everything below `folder` is on a network file system. */
const tableWith = (folder: string): string =>
  `1 0 0:1 / / rw - ext4 /dev/a rw\n2 1 0:2 / ${folder} rw - nfs4 server:/ rw\n`;

class Folder implements Disposable {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), "wherry-mounts-")));

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

const openDescriptors = () => readdirSync("/proc/self/fd").length;

test("MountTable: one directory for all who mount it, closed with the last of them", () => {
  using folder = new Folder();
  const before = openDescriptors();
  const table = new MountTable({ monotonic: () => 0, descriptorsMax: 100_000 });
  const [one, other] = [0, 1].map(() => table.open({ hostPath: folder.path }));
  if (one === undefined || other === undefined || one instanceof Promise || other instanceof Promise)
    throw new Error("a local directory is open at once");
  expect([one.directory === other.directory, one.directory.files.mayBlock, table.size]).toEqual([
    true,
    false,
    1,
  ]);
  one.close();
  expect(table.size).toBe(1);
  other.close();
  expect([table.size, openDescriptors()]).toEqual([0, before]);
});

test("MountTable: a process that has too many descriptors opens no other directory, and keeps none of it", () => {
  using folder = new Folder();
  const before = openDescriptors();
  const table = new MountTable({ monotonic: () => 0, descriptorsMax: 0 });
  expect(() => table.open({ hostPath: folder.path })).toThrow("descriptors are in use");
  expect([table.size, openDescriptors()]).toEqual([0, before]);
});

test("MountTable: with a bound it has a quota of its own, which knows what is there", async () => {
  using folder = new Folder();
  for (let i = 0; i < 2 * limits.listingEntriesPerTurn; i++) writeFileSync(join(folder.path, `${i}`), "");
  const table = new MountTable({ monotonic: () => 0, descriptorsMax: 100_000 });
  const sizeBytesMax = 2 * limits.listingEntriesPerTurn * limits.quotaEntryBytes;
  const opening = [sizeBytesMax, sizeBytesMax, sizeBytesMax + 1].map((bytes) =>
    table.open({ hostPath: folder.path, sizeBytesMax: bytes }),
  );
  // There is more than one turn's worth to measure.
  expect(opening.map((opened) => opened instanceof Promise)).toEqual([true, true, true]);
  const [one, same, larger] = await Promise.all(opening.map(async (held) => held));
  if (!one || !same || !larger) throw new Error("three were opened");
  expect([one.directory === same.directory, one.directory === larger.directory]).toEqual([true, false]);
  const { files, fd } = one.directory;
  expect(await files.createDirectory(fd, "new")).not.toBe(0);
  for (const held of [one, same, larger]) held.close();
  expect(table.size).toBe(0);
});

test("MountTable: what may block is opened and served by threads of its path's own, which end with it", async () => {
  using folder = new Folder();
  mkdirSync(join(folder.path, "far/inner"), { recursive: true });
  mkdirSync(join(folder.path, "near"));
  const before = openDescriptors();
  const table = new MountTable({
    monotonic: () => 0,
    descriptorsMax: 100_000,
    readTable: () => tableWith(join(folder.path, "far")),
  });
  expect(table.open({ hostPath: join(folder.path, "near") })).not.toBeInstanceOf(Promise);
  const paths = ["far", "far/inner", "far/inner", "."].map((name) => join(folder.path, name));
  const held = await Promise.all(paths.map(async (hostPath) => table.open({ hostPath })));
  expect(held.map(({ directory }) => directory.files.mayBlock)).toEqual([true, true, true, true]);
  expect(held[1]?.directory).toBe(held[2]?.directory);
  expect(held[0]?.directory.files).not.toBe(held[1]?.directory.files);
  await expect(table.open({ hostPath: join(folder.path, "far/none") })).rejects.toMatchObject({
    code: "mount-unavailable",
  });
  for (const one of held) one.close();
  while (table.threads > 0) await nextTurn();
  expect([table.size, openDescriptors()]).toEqual([1, before + 1]);
});
