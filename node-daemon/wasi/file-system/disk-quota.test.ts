import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { describe, expect, test } from "vitest";

import { errno, fdFlag, openFlag } from "../abi.ts";
import { limits } from "../limits.ts";
import { openMount } from "./directory-capability.ts";
import { DiskQuota } from "./disk-quota.ts";
import { localFiles } from "./local-files.ts";
import type { OpenedEntry } from "./open.ts";
import type { FileOperations } from "./operations.ts";

const entry = limits.quotaEntryBytes;
const bytesMax = 100_000;

/** A folder with a quota, and what a guest does there. */
class QuotaFixture implements Disposable {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "wherry-quota-")));
  readonly quota: DiskQuota;
  readonly root: number;
  nowMs = 0;

  constructor(options: { readonly bytesMax?: number; readonly files?: FileOperations } = {}) {
    this.root = openMount(this.folder).fd;
    this.quota = new DiskQuota({
      files: options.files ?? localFiles,
      root: this.root,
      bytesMax: options.bytesMax ?? bytesMax,
      monotonic: () => this.nowMs,
    });
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  /** The descriptor, or a negative errno. */
  async open(path: string, openFlags: number = openFlag.create, fdFlags = 0): Promise<number> {
    const request = { path, followSymlink: true, openFlags, fdFlags, read: true, write: true };
    const opened: OpenedEntry | number = await this.quota.open(this.root, request);
    return typeof opened === "number" ? -opened : opened.fd;
  }

  async write(fd: number, length: number, position = 0): Promise<number> {
    return await this.quota.write(fd, [new Uint8Array(length)], position);
  }

  /** A new file of that size, closed. */
  async file(path: string, length: number): Promise<number> {
    const fd = await this.open(path);
    if (fd < 0) return fd;
    const written = await this.write(fd, length);
    this.quota.close(fd);
    return written;
  }

  /** What a measurement finds now. */
  async measured(): Promise<number> {
    const usage = await this.quota.usage(this.root);
    return typeof usage === "number" ? -usage : usage.bytes + usage.entries * entry;
  }

  [Symbol.dispose](): void {
    this.quota.close(this.root);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

describe("DiskQuota: counts", () => {
  type Act = (fixture: QuotaFixture) => Promise<unknown>;
  const rows: readonly (readonly [name: string, act: Act, used: number])[] = [
    ["a file by its entry and its bytes", (at) => at.file("a", 1000), entry + 1000],
    [
      "bytes over one another once",
      async (at) => {
        const fd = await at.open("a");
        await at.write(fd, 1000);
        await at.write(fd, 500, 700);
        await at.write(fd, 10, 0);
      },
      entry + 1200,
    ],
    [
      "what is appended",
      async (at) => {
        await at.file("a", 10);
        const fd = await at.open("a", openFlag.create, fdFlag.append);
        await at.write(fd, 5, 0);
        await at.write(fd, 5, 0);
      },
      entry + 20,
    ],
    ["holes", async (at) => at.write(await at.open("a"), 1, 50_000), entry + 50_001],
    [
      "several ranges",
      async (at) => at.quota.write(await at.open("a"), [new Uint8Array(3), new Uint8Array(4)], 0),
      entry + 7,
    ],
    [
      "a size that was set, larger and smaller",
      async (at) => {
        const fd = await at.open("a");
        await at.quota.setSize(fd, 5000);
        await at.quota.setSize(fd, 3000);
      },
      entry + 3000,
    ],
    [
      "space that was allocated",
      async (at) => at.quota.allocate(await at.open("a"), 100n, 900n),
      entry + 1000,
    ],
    [
      "a file that is truncated when it is opened",
      async (at) => {
        await at.file("a", 1000);
        await at.open("a", openFlag.truncate);
        await at.open("a", openFlag.create | openFlag.truncate);
      },
      entry,
    ],
    [
      "an open of what is there as nothing",
      async (at) => {
        await at.file("a", 10);
        await at.open("a", 0);
        await at.open("a");
        await at.open("a", openFlag.create | openFlag.exclusive);
        await at.open("none/a");
      },
      entry + 10,
    ],
    [
      "directories and symlinks by their entries",
      async (at) => {
        await at.quota.createDirectory(at.root, "d");
        await at.quota.createDirectory(at.root, "d");
        await at.quota.symlink("d", at.root, "d/s");
      },
      2 * entry,
    ],
    [
      "a file made behind a dangling link",
      async (at) => {
        symlinkSync("target", at.path("link"));
        await at.file("link", 10);
      },
      entry + 10,
    ],
    [
      "hard links once",
      async (at) => {
        await at.file("a", 1000);
        await at.quota.link(at.root, "a", at.root, "b");
        await at.quota.unlink(at.root, "a");
      },
      entry + 1000,
    ],
    [
      "no more what was unlinked",
      async (at) => {
        await at.file("a", 1000);
        await at.quota.unlink(at.root, "a");
        await at.quota.unlink(at.root, "a");
      },
      0,
    ],
    [
      "no more a directory that was removed",
      async (at) => {
        await at.quota.createDirectory(at.root, "d");
        await at.quota.removeDirectory(at.root, "d");
        await at.quota.removeDirectory(at.root, "d");
      },
      0,
    ],
    [
      "what is unlinked but open",
      async (at) => {
        const fd = await at.open("a");
        await at.write(fd, 1000);
        await at.quota.unlink(at.root, "a");
        await at.write(fd, 500, 1000);
      },
      1500,
    ],
    [
      "no more what was unlinked once its last descriptor is closed",
      async (at) => {
        const fd = await at.open("a");
        const other = await at.quota.reopen(fd, { fdFlags: 0, read: true, write: true });
        await at.write(other, 1000);
        await at.quota.unlink(at.root, "a");
        at.quota.close(fd);
        at.quota.close(other);
      },
      0,
    ],
    [
      "no more what a rename replaced",
      async (at) => {
        await at.file("a", 1000);
        await at.file("b", 500);
        await at.quota.rename(at.root, "a", at.root, "b");
      },
      entry + 1000,
    ],
    [
      "a rename from one hard link to the other as nothing",
      async (at) => {
        await at.file("a", 1000);
        await at.quota.link(at.root, "a", at.root, "b");
        await at.quota.rename(at.root, "a", at.root, "b");
      },
      2 * entry + 1000,
    ],
    [
      "what was replaced but is open",
      async (at) => {
        await at.file("a", 1000);
        const fd = await at.open("b");
        await at.write(fd, 500);
        await at.quota.rename(at.root, "a", at.root, "b");
      },
      entry + 1500,
    ],
  ];
  test.each(rows)("%s", async (_name, act, used) => {
    using at = new QuotaFixture();
    await act(at);
    expect(at.quota.usedBytes).toBe(used);
  });

  test("what was there before, when it begins", async () => {
    using at = new QuotaFixture();
    mkdirSync(at.path("d/e"), { recursive: true });
    writeFileSync(at.path("d/e/f"), "x".repeat(1000));
    linkSync(at.path("d/e/f"), at.path("d/g"));
    symlinkSync("d", at.path("s"));
    await at.quota.begin();
    expect(at.quota.usedBytes).toBe(5 * entry + 1000);
  });
});

describe("DiskQuota: refuses with EDQUOT, before anything is done", () => {
  type Act = (fixture: QuotaFixture, fd: number) => unknown;
  const rows: readonly (readonly [name: string, act: Act])[] = [
    ["a write", (at, fd) => at.write(fd, 1, bytesMax)],
    ["a write behind a hole", (at, fd) => at.write(fd, 1, 10 * bytesMax)],
    ["several ranges", (at, fd) => at.quota.write(fd, [new Uint8Array(1), new Uint8Array(1)], bytesMax)],
    ["a size", (at, fd) => at.quota.setSize(fd, bytesMax)],
    ["an allocation", (at, fd) => at.quota.allocate(fd, 0n, BigInt(bytesMax))],
    ["a file", (at) => at.open("new")],
    ["a file, exclusively", (at) => at.open("new", openFlag.create | openFlag.exclusive)],
    ["a directory", (at) => at.quota.createDirectory(at.root, "new")],
    ["a symlink", (at) => at.quota.symlink("full", at.root, "new")],
    ["a hard link", (at) => at.quota.link(at.root, "full", at.root, "new")],
  ];
  test.each(rows)("%s", async (_name, act) => {
    using at = new QuotaFixture();
    const full = bytesMax - entry;
    const fd = await at.open("full");
    expect(await at.write(fd, full)).toBe(full);
    const refused = await act(at, fd);
    expect(Math.abs(Number(refused))).toBe(errno.dquot);
    expect([at.quota.usedBytes, await at.measured(), statSync(at.path("full")).size]).toEqual([
      bytesMax,
      bytesMax,
      full,
    ]);
  });

  test("but what changes no size, and what frees space, is done", async () => {
    using at = new QuotaFixture();
    await at.file("full", bytesMax - entry);
    const fd = await at.open("full", 0);
    expect(await at.write(fd, 10, 0)).toBe(10);
    expect(await at.quota.rename(at.root, "full", at.root, "renamed")).toBe(0);
    expect(await at.quota.setSize(fd, 0)).toBe(0);
    expect(await at.file("other", 100)).toBe(100);
  });
});

test("DiskQuota: a write is cut short to what there is room for", async () => {
  using at = new QuotaFixture();
  const fd = await at.open("a");
  const sources = [new Uint8Array(60_000), new Uint8Array(60_000)];
  expect(await at.quota.write(fd, sources, 0)).toBe(bytesMax - entry);
  expect(statSync(at.path("a")).size).toBe(bytesMax - entry);
  // Half of it over what is there.
  expect(await at.write(fd, 20, bytesMax - entry - 10)).toBe(10);
  expect(await at.write(fd, 20, bytesMax - entry)).toBe(-errno.dquot);
});

test("DiskQuota: a write that fails gives back what it had reserved", async () => {
  const broken: FileOperations = { ...localFiles, write: () => -errno.io };
  using at = new QuotaFixture({ files: broken });
  const fd = await at.open("a");
  expect(await at.write(fd, 1000)).toBe(-errno.io);
  expect(at.quota.usedBytes).toBe(entry);
});

test("DiskQuota: what the host frees is found when the limit is reached, but not asked for again and again", async () => {
  let measurements = 0;
  const files: FileOperations = {
    ...localFiles,
    usage(directory) {
      measurements++;
      return localFiles.usage(directory);
    },
  };
  using at = new QuotaFixture({ files });
  await at.file("a", 50_000);
  await at.file("b", 30_000);
  unlinkSync(at.path("a"));
  expect(await at.file("c", 40_000)).toBe(40_000);
  expect(measurements).toBe(1);
  truncateSync(at.path("b"), 0);
  expect(await at.file("d", 40_000)).toBeLessThan(40_000);
  for (let i = 0; i < 10; i++) expect(await at.open("e")).toBe(-errno.dquot);
  expect(measurements).toBe(1);
  at.nowMs = limits.quotaMeasurePauseMsMin;
  expect(await at.file("e", 10_000)).toBe(10_000);
  expect(measurements).toBe(2);
});

test("DiskQuota: a measurement counts what the host has unlinked but a guest has open", async () => {
  using at = new QuotaFixture();
  const fd = await at.open("a");
  await at.write(fd, 80_000);
  unlinkSync(at.path("a"));
  expect(await at.file("b", 40_000)).toBe(bytesMax - 80_000 - entry);
  at.quota.close(fd);
  expect(at.quota.usedBytes).toBe(bytesMax - 80_000);
});

test("DiskQuota: with files on another thread, changes follow one another and stay within the limit", async () => {
  const later = { ...localFiles } as Record<string, unknown>;
  for (const [name, call] of Object.entries(localFiles)) {
    if (typeof call !== "function" || name === "close") continue;
    later[name] = async (...args: never[]) => {
      await new Promise((resolve) => setImmediate(resolve));
      return Reflect.apply(call, undefined, args) as unknown;
    };
  }
  using at = new QuotaFixture({ files: later as unknown as FileOperations });
  await at.quota.begin();
  const opened = await Promise.all(["a", "b", "c", "d"].map((name) => at.open(name)));
  const written = await Promise.all(opened.map((fd) => at.write(fd, 40_000)));
  expect(written).toEqual([40_000, 40_000, 20_000 - 4 * entry, -errno.dquot]);
  await Promise.all([at.quota.unlink(at.root, "a"), at.quota.unlink(at.root, "a")]);
  expect(at.quota.usedBytes).toBe(bytesMax - entry);
  at.quota.close(opened[0] ?? -1);
  expect(at.quota.usedBytes).toBe(await at.measured());
});

test("DiskQuota: what can't be measured is full", async () => {
  using at = new QuotaFixture();
  let path = "d";
  mkdirSync(at.path(path));
  const steps = limits.pathDepthMax + 2;
  for (let i = 0; i < steps; i++) mkdirSync(at.path((path += "/d")));
  await at.quota.begin();
  expect(at.quota.usedBytes).toBeGreaterThanOrEqual(bytesMax);
  expect(await at.open("a")).toBe(-errno.dquot);
});

test("DiskQuota: after whatever changes, what it counts is what there is", async () => {
  const name = fc.constantFrom("a", "b", "c", "d/a", "d/b");
  const step = fc.oneof(
    fc.record({ kind: fc.constant("write" as const), name, length: fc.nat(30_000), at: fc.nat(20_000) }),
    fc.record({ kind: fc.constantFrom("truncate", "unlink", "mkdir", "rmdir", "close"), name }),
    fc.record({ kind: fc.constantFrom("rename", "link"), name, to: name }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      using at = new QuotaFixture();
      const open: number[] = [];
      await at.quota.createDirectory(at.root, "d");
      for (const step of steps) {
        if (step.kind === "write") {
          const fd = await at.open(step.name);
          if (fd < 0) continue;
          open.push(fd);
          await at.write(fd, step.length, step.at);
        } else if ("to" in step) {
          const call = step.kind === "link" ? "link" : "rename";
          await at.quota[call](at.root, step.name, at.root, step.to);
        } else if (step.kind === "truncate") {
          const fd = await at.open(step.name, openFlag.truncate);
          if (fd >= 0) open.push(fd);
        } else if (step.kind === "close") at.quota.close(open.pop() ?? (await at.open("spare")));
        else if (step.kind === "unlink") await at.quota.unlink(at.root, step.name);
        else if (step.kind === "mkdir") await at.quota.createDirectory(at.root, step.name);
        else await at.quota.removeDirectory(at.root, step.name);
        expect(at.quota.usedBytes).toBeLessThanOrEqual(bytesMax);
      }
      for (const fd of open) at.quota.close(fd);
      expect(at.quota.usedBytes).toBe(await at.measured());
    }),
    { numRuns: 60 },
  );
});
