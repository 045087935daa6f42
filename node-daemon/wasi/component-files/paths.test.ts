import {
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import { limits } from "../limits.ts";
import { generations, MountedComponent, must, rootsOf, whyOf, type TestDescriptor } from "./test-support.ts";
import type { DescriptorFlags, NewTimestamp, OpenFlags } from "./wit-types.ts";

const follow = { symlinkFollow: true };
const noFollow = { symlinkFollow: false };
const noChange: NewTimestamp = { tag: "no-change" };

function at(seconds: bigint, nanoseconds = 0): NewTimestamp {
  return { tag: "timestamp", val: { seconds, nanoseconds } };
}

describe.each(generations)("$name paths", (generation) => {
  let mounted: MountedComponent;
  let root: TestDescriptor;

  beforeEach(() => {
    mounted = new MountedComponent();
    root = mounted.root(generation);
    mounted.file("file", "content");
    mounted.file("dir/inner", "inner");
    mkdirSync(mounted.path("empty"));
    symlinkSync("file", mounted.path("link"));
    symlinkSync("dir", mounted.path("dir-link"));
    symlinkSync("nowhere", mounted.path("dangling"));
    symlinkSync("..", mounted.path("climbing"));
    symlinkSync("/etc", mounted.path("absolute"));
    symlinkSync("loop", mounted.path("loop"));
  });

  afterEach(() => {
    expect(mounted.host.bugs).toEqual([]);
    mounted[Symbol.dispose]();
  });

  const open = (
    path: string,
    openFlags: OpenFlags = {},
    flags: DescriptorFlags = { read: true },
    pathFlags = follow,
    base = root,
  ) => base.openAt(pathFlags, path, openFlags, flags);

  test("what is no path is refused everywhere, and what a path can't be as a new name too", async () => {
    const refused: readonly (readonly [path: string, code: string])[] = [
      ["", "no-entry"],
      ["/", "not-permitted"],
      ["/file", "not-permitted"],
      ["..", "not-permitted"],
      ["dir/../../file", "not-permitted"],
      ["climbing/file", "not-permitted"],
      ["absolute/passwd", "not-permitted"],
      ["loop/file", "loop"],
      ["nul\0byte", "invalid"],
      ["\ud800", "illegal-byte-sequence"],
      ["n".repeat(300), "name-too-long"],
      ["é".repeat(limits.pathBytesMax / 2 + 1), "name-too-long"],
      ["p/".repeat(limits.pathBytesMax / 2 + 1), "name-too-long"],
      ["file/below", "not-directory"],
      ["nowhere/below", "no-entry"],
    ];
    const calls: readonly (readonly [name: string, call: (path: string) => Promise<string>])[] = [
      ["open-at", (path) => whyOf(open(path))],
      ["open-at to create", (path) => whyOf(open(path, { create: true }, { write: true }))],
      ["stat-at", (path) => whyOf(root.statAt(follow, path))],
      ["set-times-at", (path) => whyOf(root.setTimesAt(follow, path, at(1n), at(1n)))],
      ["metadata-hash-at", (path) => whyOf(root.metadataHashAt(follow, path))],
      ["create-directory-at", (path) => whyOf(root.createDirectoryAt(path))],
      ["remove-directory-at", (path) => whyOf(root.removeDirectoryAt(path))],
      ["unlink-file-at", (path) => whyOf(root.unlinkFileAt(path))],
      ["readlink-at", (path) => whyOf(root.readlinkAt(path))],
      ["symlink-at", (path) => whyOf(root.symlinkAt("file", path))],
      ["link-at from", (path) => whyOf(root.linkAt(noFollow, path, root, "new"))],
      ["link-at to", (path) => whyOf(root.linkAt(noFollow, "file", root, path))],
      ["rename-at from", (path) => whyOf(root.renameAt(path, root, "new"))],
      ["rename-at to", (path) => whyOf(root.renameAt("file", root, path))],
    ];
    const before = readdirSync(mounted.path(), { recursive: true });
    for (const [path, code] of refused) {
      for (const [name, call] of calls) {
        expect([name, path.slice(0, 20), await call(path)]).toEqual([name, path.slice(0, 20), code]);
      }
    }
    expect(readdirSync(mounted.path(), { recursive: true })).toEqual(before);
  });

  test("only directories have paths below them", async () => {
    const file = await must(open("file"));
    const calls = [
      file.openAt(follow, "x", {}, {}),
      file.statAt(follow, "."),
      file.setTimesAt(follow, "x", noChange, noChange),
      file.metadataHashAt(follow, "x"),
      file.createDirectoryAt("x"),
      file.removeDirectoryAt("x"),
      file.unlinkFileAt("x"),
      file.readlinkAt("x"),
      file.symlinkAt("file", "x"),
      file.linkAt(noFollow, "x", root, "new"),
      root.linkAt(noFollow, "file", file, "new"),
      file.renameAt("x", root, "new"),
      root.renameAt("file", file, "new"),
    ];
    expect(await Promise.all(calls.map(whyOf))).toEqual(calls.map(() => "not-directory"));
    expect(await generation.list(file)).toBe("not-directory");
  });

  const opened: readonly (readonly [
    name: string,
    path: string,
    openFlags: OpenFlags,
    flags: DescriptorFlags,
    got: DescriptorFlags | string,
  ])[] = [
    ["nothing asked: reading", "file", {}, {}, { read: true }],
    ["reading", "file", {}, { read: true }, { read: true }],
    ["writing is not reading", "file", {}, { write: true }, { write: true }],
    ["both", "file", {}, { read: true, write: true }, { read: true, write: true }],
    ["exclusive alone means nothing", "file", { exclusive: true }, {}, { read: true }],
    ["creating is writing", "new", { create: true }, {}, { read: true, write: true }],
    ["creating and reading", "new", { create: true }, { read: true }, { read: true, write: true }],
    ["creating, writing only", "new", { create: true }, { write: true }, { write: true }],
    ["creating what is there", "file", { create: true }, { write: true }, { write: true }],
    ["exclusively, what is there", "file", { create: true, exclusive: true }, {}, "exist"],
    ["exclusively, a link", "dangling", { create: true, exclusive: true }, {}, "exist"],
    ["through a link that leads nowhere", "dangling", {}, {}, "no-entry"],
    ["nothing there", "nowhere", {}, {}, "no-entry"],
    ["truncating", "file", { truncate: true }, { write: true }, { write: true }],
    ["a directory", "dir", {}, {}, { read: true }],
    ["a directory by its link", "dir-link", { directory: true }, {}, { read: true }],
    ["a directory with a slash", "dir/", {}, { read: true }, { read: true }],
    ["the directory itself", ".", {}, {}, { read: true }],
    [
      "to change it",
      "dir",
      { directory: true },
      { mutateDirectory: true },
      { read: true, mutateDirectory: true },
    ],
    ["a file as a directory", "file", { directory: true }, {}, "not-directory"],
    ["a file with a slash", "file/", {}, {}, "not-directory"],
    ["a file to change it", "file", {}, { write: true, mutateDirectory: true }, { write: true }],
    ["writing a directory", "dir", {}, { write: true }, "is-directory"],
    ["writing what must be one", "dir", { directory: true }, { write: true }, "is-directory"],
    ["truncating a directory", "dir", { directory: true, truncate: true }, {}, "is-directory"],
    ["creating a directory", "new", { directory: true, create: true }, {}, "invalid"],
    ["creating with a slash", "new/", { create: true }, {}, "is-directory"],
    [
      "writing to the disk",
      "file",
      {},
      { write: true, fileIntegritySync: true },
      { write: true, fileIntegritySync: true },
    ],
    [
      "data to the disk",
      "file",
      {},
      { write: true, dataIntegritySync: true, requestedWriteSync: true },
      { write: true, dataIntegritySync: true, requestedWriteSync: true },
    ],
  ];
  test.each(opened)("open-at: %s", async (_name, path, openFlags, flags, got) => {
    const said = await open(path, openFlags, flags);
    if (typeof got === "string") {
      expect(await whyOf(said)).toBe(got);
      return;
    }
    const descriptor = await must(said);
    const told = await must(descriptor.getFlags());
    expect(Object.fromEntries(Object.entries(told).filter(([, set]) => set))).toEqual(got);
  });

  test("open-at: without following, a link is no file and no directory", async () => {
    expect(await whyOf(open("link", {}, {}, noFollow))).toBe("loop");
    expect(await whyOf(open("dir-link", { directory: true }, {}, noFollow))).toBe("not-directory");
    expect(await whyOf(open("climbing", {}, {}, noFollow))).toBe("loop");
    expect(await whyOf(open("climbing"))).toBe("not-permitted");
  });

  test("open-at: truncates, and creates where it was told to", async () => {
    await must(open("file", { truncate: true }));
    expect(mounted.text("file")).toBe("");
    await must(open("dir-link/new", { create: true, exclusive: true }));
    expect(statSync(mounted.path("dir/new")).size).toBe(0);
  });

  test("stat-at: what a path names, or what that leads to", async () => {
    const stat = statSync(mounted.path("file"), { bigint: true });
    const seen = await must(root.statAt(follow, "link"));
    expect(seen).toMatchObject({ size: 7n, linkCount: 1n });
    expect(seen.dataModificationTimestamp).toEqual({
      seconds: stat.mtimeNs / 1_000_000_000n,
      nanoseconds: Number(stat.mtimeNs % 1_000_000_000n),
    });
    expect(seen).toEqual(await must(root.statAt(noFollow, "file")));
    const link = await must(root.statAt(noFollow, "link"));
    expect(link.size).toBe(BigInt("file".length));
    expect(await must(root.statAt(noFollow, "."))).toEqual(await must(root.stat()));
    expect(await whyOf(root.statAt(follow, "dangling"))).toBe("no-entry");
    expect(await whyOf(root.statAt(follow, "climbing"))).toBe("not-permitted");
  });

  test("set-times-at: to the nanosecond, of the link or of what it leads to, and only what is asked", async () => {
    await must(root.setTimesAt(follow, "link", at(42n, 1), at(69n, 999_999_999)));
    const file = statSync(mounted.path("file"), { bigint: true });
    expect([file.atimeNs, file.mtimeNs]).toEqual([42_000_000_001n, 69_999_999_999n]);
    await must(root.setTimesAt(noFollow, "link", at(1n), at(2n)));
    expect(lstatSync(mounted.path("link"), { bigint: true }).mtimeNs).toBe(2_000_000_000n);
    await must(root.setTimesAt(follow, "file", noChange, { tag: "now" }));
    const touched = statSync(mounted.path("file"), { bigint: true });
    expect([touched.atimeNs, touched.mtimeNs]).toEqual([42_000_000_001n, mounted.host.realtimeNs]);
    await must(root.setTimesAt(follow, "file", noChange, noChange));
    expect(statSync(mounted.path("file"), { bigint: true }).mtimeNs).toBe(mounted.host.realtimeNs);
    expect(await whyOf(root.setTimesAt(follow, "nowhere", noChange, noChange))).toBe("no-entry");
  });

  test.each([
    ["a nanosecond too many", at(0n, 1_000_000_000), "invalid"],
    ["behind what fits", at(2n ** 63n / 1_000_000_000n + 1n), "overflow"],
    ["all seconds", at(2n ** 64n - 1n), "overflow"],
    ["as far as they go", at(9_223_372_036n, 854_775_807), "ok"],
  ])("set-times-at: %s", async (_name, time, code) => {
    expect(await whyOf(root.setTimesAt(follow, "file", time, noChange))).toBe(code);
    expect(await whyOf(root.setTimesAt(follow, "file", noChange, time))).toBe(code);
  });

  test("create-directory-at, remove-directory-at: each kind of what is there", async () => {
    const made = [
      ["new", "ok"],
      ["slash/", "ok"],
      ["dir-link/new", "ok"],
      [".", "exist"],
      ["file", "exist"],
      ["dangling", "exist"],
    ] as const;
    for (const [path, code] of made) {
      expect([path, await whyOf(root.createDirectoryAt(path))]).toEqual([path, code]);
    }
    const removed = [
      ["new", "ok"],
      ["slash/", "ok"],
      ["dir", "not-empty"],
      ["file", "not-directory"],
      ["link", "not-directory"],
      ["dir-link", "not-directory"],
      ["dir-link/", "not-directory"],
      ["dangling/", "not-directory"],
      ["climbing", "not-directory"],
      ["climbing/", "not-permitted"],
      ["absolute/", "not-permitted"],
      [".", "invalid"],
      ["nowhere", "no-entry"],
      ["nowhere/", "no-entry"],
    ] as const;
    for (const [path, code] of removed) {
      expect([path, await whyOf(root.removeDirectoryAt(path))]).toEqual([path, code]);
    }
  });

  test("unlink-file-at: the link, never what it leads to, and no directory", async () => {
    const unlinked = [
      ["link", "ok"],
      ["climbing", "ok"],
      ["file/", "not-directory"],
      ["dir", "is-directory"],
      ["dir/", "is-directory"],
      [".", "is-directory"],
      ["nowhere", "no-entry"],
      ["file", "ok"],
    ] as const;
    for (const [path, code] of unlinked) {
      expect([path, await whyOf(root.unlinkFileAt(path))]).toEqual([path, code]);
    }
    expect(readdirSync(mounted.path())).not.toContain("file");
  });

  test("link-at: another name of the same file", async () => {
    await must(root.linkAt(noFollow, "file", root, "again"));
    expect(statSync(mounted.path("again")).ino).toBe(statSync(mounted.path("file")).ino);
    await must(root.linkAt(noFollow, "link", root, "link-again"));
    expect(readlinkSync(mounted.path("link-again"))).toBe("file");
    const refused = [
      [root.linkAt(follow, "link", root, "followed"), "invalid"],
      [root.linkAt(noFollow, "file", root, "dir"), "exist"],
      [root.linkAt(noFollow, "file", root, "."), "exist"],
      [root.linkAt(noFollow, ".", root, "new"), "not-permitted"],
      [root.linkAt(noFollow, "dir", root, "new"), "not-permitted"],
      [root.linkAt(noFollow, "nowhere", root, "new"), "no-entry"],
      [root.linkAt(noFollow, "file/", root, "new"), "not-directory"],
    ] as const;
    for (const [said, code] of refused) expect(await whyOf(said)).toBe(code);
  });

  test("rename-at: within a directory, and between two", async () => {
    const dir = await must(open("dir", {}, { mutateDirectory: true }));
    await must(root.renameAt("file", root, "moved"));
    await must(root.renameAt("moved", dir, "deeper"));
    expect(mounted.text("dir/deeper")).toBe("content");
    await must(dir.renameAt("deeper", root, "link"));
    expect(mounted.text("link")).toBe("content");
    const refused = [
      [root.renameAt(".", root, "new"), "busy"],
      [root.renameAt("dir", root, "."), "busy"],
      [root.renameAt("dir", root, "dir/below"), "invalid"],
      [root.renameAt("empty", root, "dir"), "not-empty"],
      [root.renameAt("link", root, "empty"), "is-directory"],
      [root.renameAt("empty", root, "link"), "not-directory"],
      [root.renameAt("link/", root, "new"), "not-directory"],
      [root.renameAt("nowhere", root, "new"), "no-entry"],
    ] as const;
    for (const [said, code] of refused) expect(await whyOf(said)).toBe(code);
  });

  test("symlink-at and readlink-at: the text as it is, but none that is absolute", async () => {
    for (const text of ["file", "../..", "nowhere/é", "a b"]) {
      await must(root.symlinkAt(text, "made"));
      expect(await must(root.readlinkAt("made"))).toBe(text);
      await must(root.unlinkFileAt("made"));
    }
    symlinkSync(Buffer.of(0x61, 0xff), mounted.path("no-text"));
    const refused = [
      [root.symlinkAt("/etc", "made"), "not-permitted"],
      [root.symlinkAt("", "made"), "no-entry"],
      [root.symlinkAt("nul\0", "made"), "invalid"],
      [root.symlinkAt("t".repeat(limits.pathBytesMax + 1), "made"), "name-too-long"],
      [root.symlinkAt("file", "link"), "exist"],
      [root.symlinkAt("file", "new/"), "no-entry"],
      [root.readlinkAt("absolute"), "not-permitted"],
      [root.readlinkAt("no-text"), "illegal-byte-sequence"],
      [root.readlinkAt("file"), "invalid"],
      [root.readlinkAt("dir/"), "invalid"],
      [root.readlinkAt("nowhere"), "no-entry"],
    ] as const;
    for (const [said, code] of refused) expect(await whyOf(said)).toBe(code);
  });

  test("metadata-hash-at: one object by any name, changed with what is in it, and nothing of the host in it", async () => {
    linkSync(mounted.path("file"), mounted.path("again"));
    const stat = statSync(mounted.path("file"), { bigint: true });
    const hash = await must(root.metadataHashAt(follow, "link"));
    expect(await must(root.metadataHashAt(noFollow, "again"))).toEqual(hash);
    expect(await must(root.metadataHashAt(noFollow, "link"))).not.toEqual(hash);
    expect(await must(root.metadataHashAt(noFollow, "dir/inner"))).not.toEqual(hash);
    expect([hash.lower, hash.upper]).not.toContain(stat.ino);
    writeFileSync(mounted.path("file"), "longer content");
    const changed = await must(root.metadataHashAt(noFollow, "file"));
    expect(changed.lower).toBe(hash.lower);
    expect(changed.upper).not.toBe(hash.upper);
    using stranger = new MountedComponent();
    stranger.host.random = (target) => void target.fill(1);
    linkSync(mounted.path("file"), stranger.path("same"));
    const other = await must(stranger.root(generation).metadataHashAt(noFollow, "same"));
    expect(other.lower).not.toBe(hash.lower);
  });

  test("read-directory: all but . and .., and no name that is no text", async () => {
    mounted.file("odd/\uFFFD", "a name that is text");
    writeFileSync(Buffer.concat([Buffer.from(`${mounted.path("odd")}/`), Buffer.of(0xff)]), "no text");
    for (const name of ["b", "a", "é"]) mounted.file(`odd/${name}`, "");
    const odd = await must(open("odd"));
    expect(await generation.list(odd)).toEqual(["a", "b", "é", "\uFFFD"]);
    expect(await generation.list(await must(open("empty")))).toEqual([]);
  });
});

describe.each(generations)("$name mounts", (generation) => {
  test("read-only: everything that changes anything is refused as that, whatever is below", async () => {
    using mounted = new MountedComponent({ readOnly: true });
    mounted.file("file", "content");
    mounted.file("dir/file", "content");
    mounted.mount("/other", "other");
    const [root, other] = rootsOf(generation, mounted.host);
    if (root === undefined || other === undefined) throw new Error("two mounts");
    expect(await must(root.getFlags())).toMatchObject({ read: true, mutateDirectory: false });
    await must(other.openAt(follow, "file", { create: true }, {}));
    const dir = await must(root.openAt(follow, "dir", {}, {}));
    for (const base of [root, dir]) {
      const calls = [
        base.openAt(follow, "file", {}, { write: true }),
        base.openAt(follow, "file", { truncate: true }, {}),
        base.openAt(follow, "new", { create: true }, {}),
        base.openAt(follow, ".", {}, { mutateDirectory: true }),
        base.setTimesAt(follow, "file", noChange, noChange),
        base.createDirectoryAt("new"),
        base.removeDirectoryAt("dir"),
        base.unlinkFileAt("file"),
        base.symlinkAt("file", "new"),
        base.linkAt(noFollow, "file", other, "stolen"),
        other.linkAt(noFollow, "file", base, "new"),
        base.renameAt("file", other, "stolen"),
        other.renameAt("file", base, "new"),
        base.setTimes(noChange, noChange),
      ];
      expect(await Promise.all(calls.map(whyOf))).toEqual(calls.map(() => "read-only"));
      const file = await must(base.openAt(follow, "file", {}, {}));
      expect(await whyOf(file.setTimes(noChange, noChange))).toBe("read-only");
      expect(await whyOf(file.setSize(0n))).toBe("bad-descriptor");
      expect(await generation.read(file)).toEqual({ tag: "ok", val: "content" });
    }
    expect(readdirSync(join(mounted.folder, "other"))).toEqual(["file"]);
  });

  test("a directory that was not opened to be changed: 0.3 refuses as WIT says, 0.2 as its implementations do not", async () => {
    using mounted = new MountedComponent();
    mounted.file("dir/file", "content");
    const root = mounted.root(generation);
    const code = generation.name === "WASI 0.3" ? "read-only" : "ok";
    const dir = await must(root.openAt(follow, "dir", {}, { read: true }));
    expect(await must(dir.getFlags())).toMatchObject({ mutateDirectory: false });
    const file = await must(dir.openAt(follow, "file", {}, {}));
    expect(await whyOf(file.setTimes(noChange, noChange))).toBe(code);
    expect(await whyOf(dir.openAt(follow, "file", {}, { write: true }))).toBe(code);
    expect(await whyOf(dir.openAt(follow, ".", {}, { mutateDirectory: true }))).toBe(code);
    expect(await whyOf(dir.createDirectoryAt("new"))).toBe(code);
    expect(await whyOf(dir.unlinkFileAt("file"))).toBe(code);
  });
});
