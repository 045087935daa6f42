import { linkSync, mkdirSync, statSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

import {
  codeName,
  generations,
  guestStream,
  MountedComponent,
  must,
  preview2,
  preview2Streams,
  preview3,
  preview3Streams,
  type TestDescriptor,
  whyOf,
} from "./test-support.ts";
import type { Advice, DescriptorFlags, NewTimestamp } from "./wit-types.ts";

const follow = { symlinkFollow: true };
const ok = (text: string) => ({ tag: "ok", val: text });
const err = (code: string) => ({ tag: "err", val: code });

let mounted: MountedComponent;
let root: TestDescriptor;

beforeEach(() => {
  mounted = new MountedComponent();
  mounted.file("file", "content");
  mkdirSync(mounted.path("dir"));
});

afterEach(() => {
  expect(mounted.host.bugs).toEqual([]);
  mounted[Symbol.dispose]();
});

function open(path: string, flags: DescriptorFlags = { read: true, write: true }): Promise<TestDescriptor> {
  return must(root.openAt(follow, path, {}, flags));
}

describe.each(generations)("$name descriptors", (generation) => {
  beforeEach(() => {
    root = mounted.root(generation);
  });

  test("get-type, get-flags, stat: of a file and of a directory", async () => {
    const file = await open("file", { read: true });
    expect(codeName(await must(file.getType()))).toBe("regular-file");
    expect(codeName(await must(root.getType()))).toBe("directory");
    expect(await must(root.getFlags())).toEqual({
      read: true,
      write: false,
      fileIntegritySync: false,
      dataIntegritySync: false,
      requestedWriteSync: false,
      mutateDirectory: true,
    });
    const stat = await must(file.stat());
    expect([codeName(stat.type), stat.size, stat.linkCount]).toEqual(["regular-file", 7n, 1n]);
    expect(codeName((await must(root.stat())).type)).toBe("directory");
    unlinkSync(mounted.path("file"));
    expect((await must(file.stat())).linkCount).toBe(0n);
  });

  test("stat: a time before 1970 is none in 0.2, and counts forwards in 0.3", async () => {
    const file = await open("file");
    const time: NewTimestamp = { tag: "timestamp", val: { seconds: -2n, nanoseconds: 250_000_000 } };
    await must(file.setTimes(time, time));
    expect(statSync(mounted.path("file"), { bigint: true }).mtimeNs).toBe(-1_750_000_000n);
    const told = (await must(file.stat())).dataModificationTimestamp;
    expect(told).toEqual(generation === preview2 ? undefined : { seconds: -2n, nanoseconds: 250_000_000 });
  });

  test("set-times: of what was opened to read too, and refused out of range", async () => {
    const file = await open("file", { read: true });
    const time: NewTimestamp = { tag: "timestamp", val: { seconds: 5n, nanoseconds: 7 } };
    await must(file.setTimes({ tag: "now" }, time));
    const { atimeNs, mtimeNs } = statSync(mounted.path("file"), { bigint: true });
    expect([atimeNs, mtimeNs]).toEqual([mounted.host.realtimeNs, 5_000_000_007n]);
    await must(root.setTimes({ tag: "no-change" }, time));
    expect(statSync(mounted.path(), { bigint: true }).mtimeNs).toBe(5_000_000_007n);
    const far: NewTimestamp = { tag: "timestamp", val: { seconds: 2n ** 62n, nanoseconds: 0 } };
    expect(await whyOf(file.setTimes(far, time))).toBe("overflow");
    const odd: NewTimestamp = { tag: "timestamp", val: { seconds: 0n, nanoseconds: 2 ** 32 - 1 } };
    expect(await whyOf(file.setTimes(time, odd))).toBe("invalid");
  });

  test("set-size: larger, smaller, and only of a file that may be written", async () => {
    const file = await open("file");
    await must(file.setSize(10n));
    expect(mounted.text("file")).toBe("content\0\0\0");
    await must(file.setSize(3n));
    expect(mounted.text("file")).toBe("con");
    expect(await whyOf(file.setSize(2n ** 64n - 1n))).toBe("file-too-large");
    expect(await whyOf(file.setSize(2n ** 53n))).toBe("file-too-large");
    expect(await whyOf((await open("file", { read: true })).setSize(0n))).toBe("bad-descriptor");
    expect(await whyOf(root.setSize(0n))).toBe("bad-descriptor");
    expect(mounted.text("file")).toBe("con");
  });

  test("advise: of any advice on a file, of none on a directory", async () => {
    const file = await open("file", { read: true });
    const all: readonly Advice[] = ["normal", "sequential", "random", "will-need", "dont-need", "no-reuse"];
    for (const advice of all) await must(file.advise(4096n, 0n, advice));
    expect(await whyOf(file.advise(2n ** 63n, 0n, "normal"))).toBe("invalid");
    expect(await whyOf(file.advise(0n, 2n ** 63n, "normal"))).toBe("invalid");
    expect(await whyOf(root.advise(0n, 0n, "normal"))).toBe("bad-descriptor");
  });

  test("sync, sync-data: of a file, also one opened to read, and of a directory", async () => {
    for (const descriptor of [await open("file"), await open("file", { read: true }), root]) {
      await must(descriptor.sync());
      await must(descriptor.syncData());
    }
  });

  test("is-same-object, metadata-hash: by what is open, not by its name", async () => {
    linkSync(mounted.path("file"), mounted.path("again"));
    mounted.file("other", "content");
    const file = await open("file");
    const again = await open("again");
    const other = await open("other");
    expect(await file.isSameObject(file)).toBe(true);
    expect(await file.isSameObject(again)).toBe(true);
    expect(await file.isSameObject(other)).toBe(false);
    expect(await root.isSameObject(await open(".", {}))).toBe(true);
    expect(await must(again.metadataHash())).toEqual(await must(file.metadataHash()));
    expect(await must(other.metadataHash())).not.toEqual(await must(file.metadataHash()));
  });

  test("read-via-stream: from anywhere, nothing behind the end, and only what may be read", async () => {
    const file = await open("file");
    expect(await generation.read(file)).toEqual(ok("content"));
    expect(await generation.read(file, 3n)).toEqual(ok("tent"));
    expect(await generation.read(file, 7n)).toEqual(ok(""));
    expect(await generation.read(file, 1000n)).toEqual(ok(""));
    expect(await generation.read(file, 2n ** 64n - 1n)).toEqual(err("invalid"));
    expect(await generation.read(root)).toEqual(err("is-directory"));
    expect(await generation.read(await open("file", { write: true }))).toEqual(err("bad-descriptor"));
  });

  test("write-via-stream, append-via-stream: from anywhere, and only what may be written", async () => {
    const file = await open("file", { write: true });
    expect(await generation.write(file, "CON")).toBe("ok");
    expect(await generation.write(file, "!", 9n)).toBe("ok");
    expect(mounted.text("file")).toBe("CONtent\0\0!");
    truncateSync(mounted.path("file"), 1);
    expect(await generation.append(file, "ab")).toBe("ok");
    expect(await generation.append(file, "cd")).toBe("ok");
    expect(mounted.text("file")).toBe("Cabcd");
    expect(await generation.write(file, "", 0n)).toBe("ok");
    expect(await generation.write(file, "x", 2n ** 64n - 1n)).toBe("file-too-large");
    expect(await generation.write(root, "x")).toBe("is-directory");
    expect(await generation.append(root, "x")).toBe("is-directory");
    const readable = await open("file", { read: true });
    expect(await generation.write(readable, "x")).toBe("bad-descriptor");
    expect(await generation.append(readable, "x")).toBe("bad-descriptor");
    expect(mounted.text("file")).toBe("Cabcd");
  });

  test("streams outlive the descriptor that they were made of", async () => {
    const file = await open("file");
    const reading = generation === preview2 ? undefined : preview3Streams(file).readViaStream(0n);
    const said = generation === preview2 ? await preview2Streams(file).readViaStream(0n) : undefined;
    file[Symbol.dispose]();
    if (reading) {
      const first = await reading[0].next();
      expect(Buffer.from(first.value as Uint8Array).toString()).toBe("content");
      expect(await reading[0].next()).toMatchObject({ done: true });
      expect(await reading[1]).toMatchObject({ tag: "ok" });
    }
    if (said?.tag === "ok") {
      expect(await said.val.blockingRead(3n)).toEqual({ tag: "ok", val: new Uint8Array(Buffer.from("con")) });
      said.val[Symbol.dispose]();
    }
  });

  test("read-directory: many entries, each once", async () => {
    for (let i = 0; i < 600; i++) writeFileSync(mounted.path("dir", `f${String(i).padStart(3, "0")}`), "");
    const names = await generation.list(await open("dir", {}));
    expect(names).toHaveLength(600);
    expect(new Set(names).size).toBe(600);
  });
});

describe("WASI 0.2", () => {
  beforeEach(() => {
    root = mounted.root(preview2);
  });

  test("read: as much as there is, and whether that was the end", async () => {
    const file = preview2Streams(await open("file"));
    const read = async (length: bigint, offset: bigint) => {
      const said = await file.read(length, offset);
      return said.tag === "ok" ? [Buffer.from(said.val[0]).toString(), said.val[1]] : said.val;
    };
    expect(await read(3n, 0n)).toEqual(["con", false]);
    expect(await read(7n, 0n)).toEqual(["content", false]);
    expect(await read(8n, 0n)).toEqual(["content", true]);
    expect(await read(2n ** 64n - 1n, 3n)).toEqual(["tent", true]);
    expect(await read(1n, 7n)).toEqual(["", true]);
    expect(await read(0n, 0n)).toEqual(["", false]);
    expect(await read(1n, 2n ** 64n - 1n)).toBe("invalid");
    expect(await whyOf(preview2Streams(root).read(1n, 0n))).toBe("is-directory");
  });

  test("write: as much as goes at once", async () => {
    const file = preview2Streams(await open("file", { write: true }));
    expect(await file.write(Buffer.from("CON"), 0n)).toEqual({ tag: "ok", val: 3n });
    expect(await file.write(new Uint8Array(0), 99n)).toEqual({ tag: "ok", val: 0n });
    expect(mounted.text("file")).toBe("CONtent");
    const large = await file.write(new Uint8Array(6 * 1024 * 1024), 0n);
    expect(large).toEqual({ tag: "ok", val: 4n * 1024n * 1024n });
    expect(await whyOf(file.write(Buffer.from("x"), 2n ** 63n))).toBe("file-too-large");
    expect(await whyOf(file.read(1n, 0n))).toBe("bad-descriptor");
    expect(await whyOf(preview2Streams(await open("file", {})).write(Buffer.from("x"), 0n))).toBe(
      "bad-descriptor",
    );
  });

  test("streams: each has its own place, and appending takes what others append in between", async () => {
    const file = preview2Streams(await open("file"));
    const first = await must(file.appendViaStream());
    const second = await must(file.appendViaStream());
    await first.blockingWriteAndFlush(Buffer.from("1"));
    await second.blockingWriteAndFlush(Buffer.from("2"));
    await first.blockingWriteAndFlush(Buffer.from("3"));
    expect(mounted.text("file")).toBe("content123");
    const input = await must(file.readViaStream(7n));
    expect(await input.blockingRead(2n)).toEqual({ tag: "ok", val: new Uint8Array(Buffer.from("12")) });
    expect(await input.blockingSkip(5n)).toEqual({ tag: "ok", val: 1n });
    expect(await input.blockingRead(1n)).toMatchObject({ tag: "err", val: { tag: "closed" } });
  });
});

describe("WASI 0.3", () => {
  beforeEach(() => {
    root = mounted.root(preview3);
  });

  test("a stream that is dropped ends well, and one that could not begin has told why before it is read", async () => {
    const file = preview3Streams(await open("file"));
    const [stream, outcome] = file.readViaStream(0n);
    await stream.return?.();
    expect(await outcome).toMatchObject({ tag: "ok" });
    const [, refused] = preview3Streams(root).readViaStream(0n);
    expect(await refused).toEqual({ tag: "err", val: { tag: "is-directory" } });
    const [, listing] = file.readDirectory();
    expect(await listing).toEqual({ tag: "err", val: { tag: "not-directory" } });
    const [entries, listed] = preview3Streams(root).readDirectory();
    await entries.next();
    await entries.return?.();
    expect(await listed).toMatchObject({ tag: "ok" });
    expect(await entries.next()).toMatchObject({ done: true });
  });

  test("what is written is taken piece by piece, and its stream is dropped at the end and when it is refused", async () => {
    const file = preview3Streams(await open("file"));
    const pieces = guestStream("one", "two", Buffer.alloc(200_000, "x"));
    expect(await file.writeViaStream(pieces, 1n)).toMatchObject({ tag: "ok" });
    expect(pieces.dropped).toBe(true);
    expect(mounted.text("file")).toBe(`conetwo${"x".repeat(200_000)}`);
    const refused = guestStream("text");
    expect(await preview3Streams(root).writeViaStream(refused, 0n)).toMatchObject({ tag: "err" });
    expect(refused.dropped).toBe(true);
  });
});
