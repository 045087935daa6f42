import { existsSync, readFileSync } from "node:fs";
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { openInstanceLog, pendingBytesMax } from "./instance-log.ts";
import { parseRecord } from "./log-record.ts";
import { Gate } from "../core/gate.ts";

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "wherry-log-"));
});
afterEach(() => rm(root, { recursive: true, force: true }));

function openLog(
  options: {
    fileBytesMax?: number;
    bytesPerSecondMax?: number;
    folder?: string;
    gate?: Gate;
    clock?: FakeClock;
    atOnce?: boolean;
  } = {},
) {
  const seen = { drops: 0, written: 0 };
  const folder = options.folder ?? join(root, "uid");
  const log = openInstanceLog({
    folder,
    limits: {
      fileBytesMax: options.fileBytesMax ?? 1 << 20,
      bytesPerSecondMax: options.bytesPerSecondMax ?? 1e9,
    },
    clock: options.clock ?? new FakeClock(),
    onDropped: () => seen.drops++,
    onWritten: (count) => (seen.written += count),
    ...(options.gate ? { gate: options.gate } : {}),
    ...(options.atOnce === undefined ? {} : { atOnce: options.atOnce }),
  });
  return { log, seen, folder, out: log.sink("stdout"), err: log.sink("stderr") };
}

test("openInstanceLog: at once, whole lines are on disk when they are written, in order and across files", async () => {
  const { log, folder, out, seen } = openLog({ atOnce: true, fileBytesMax: 120 });
  const current = () => readFileSync(join(folder, "current.log"), "utf8");
  out.write(bytes("one\ntwo\nthr"));
  expect(current()).toBe(`${at} stdout F one\n${at} stdout F two\n`);
  out.write(bytes("ee\n"));
  expect(current()).toBe(`${at} stdout F three\n`);
  expect(seen.drops).toBe(0);
  out.write(bytes("four\nfive\nsix\n"));
  expect(current()).toContain("stdout F six\n");
  expect(seen.drops).toBe(1);
  out.write(bytes("seven"));
  await log.close();
  expect(current()).toContain("stdout P seven\n");
});

test("openInstanceLog: at once, a flood waits for its pace all the same, and loses nothing", async () => {
  const clock = new FakeClock();
  const { log, folder, out } = openLog({ atOnce: true, bytesPerSecondMax: 100, clock });
  for (let i = 0; i < 20; i++) out.write(bytes(`line ${i}\n`));
  const lines = () => readFileSync(join(folder, "current.log"), "utf8").split("\n").length - 1;
  expect(lines()).toBeLessThan(20);
  await log.close();
  expect(lines()).toBe(20);
});

const bytes = (text: string) => Buffer.from(text);
const at = "2026-01-01T00:00:00.000000000Z";

test("openInstanceLog: lines of both streams in CRI form, an unterminated one as partial at close", async () => {
  const { log, folder, out, err } = openLog();
  out.write(bytes("one\ntw"));
  err.write(bytes("bad\n"));
  out.write(bytes("o\nthree"));
  await log.close();
  expect(await readFile(join(folder, "current.log"), "utf8")).toBe(
    `${at} stdout F one\n${at} stderr F bad\n${at} stdout F two\n${at} stdout P three\n`,
  );
});

test("openInstanceLog: tells what it has written", async () => {
  const { log, folder, seen, out } = openLog();
  out.write(bytes("one\ntwo\n"));
  await log.close();
  expect(seen.written).toBe((await stat(join(folder, "current.log"))).size);
});

test("openInstanceLog: a line longer than 16 KiB is cut into partial records", async () => {
  const { log, folder, out } = openLog();
  out.write(bytes(`${"x".repeat(40_000)}\n`));
  await log.close();
  const records = (await readFile(join(folder, "current.log")))
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => parseRecord(Buffer.from(line)));
  expect(records.map((record) => [record.partial, record.content.length])).toEqual([
    [true, 16_384],
    [true, 16_384],
    [false, 7232],
  ]);
});

test("openInstanceLog: single bytes become the same records as one write", async () => {
  const text = bytes(`${"a".repeat(300)}\n\n${"b".repeat(16_384)}\n${"c".repeat(20_000)}`);
  const whole = openLog({ folder: join(root, "whole") });
  const single = openLog({ folder: join(root, "single") });
  expect(whole.out.write(text)).toBe(text.length);
  // The writer's own buffer is used again: what an open line keeps are copies.
  const one = new Uint8Array(1);
  for (const byte of text) {
    one[0] = byte;
    expect(single.out.write(one)).toBe(1);
  }
  await Promise.all([whole.log.close(), single.log.close()]);
  const [expected, found] = await Promise.all(
    [whole, single].map(({ folder }) => readFile(join(folder, "current.log"), "utf8")),
  );
  expect(found).toBe(expected);
});

test("openInstanceLog: no folder before the first line", async () => {
  const { log, folder } = openLog();
  await log.close();
  await expect(stat(folder)).rejects.toThrow("ENOENT");
});

test("openInstanceLog: a restarted run appends", async () => {
  for (const text of ["first\n", "second\n"]) {
    const { log, out } = openLog();
    out.write(bytes(text));
    await log.close();
  }
  expect(await readFile(join(root, "uid", "current.log"), "utf8")).toBe(
    `${at} stdout F first\n${at} stdout F second\n`,
  );
});

test("sink.write: takes what fits, then nothing, and wakes the writer when there is room", async () => {
  const gate = new Gate(1);
  let release: (() => void) | undefined;
  const held = gate.run(() => new Promise<void>((resolve) => (release = resolve)));
  const { log, out } = openLog({ gate });
  const flood = bytes("y\n".repeat(pendingBytesMax));
  const taken = out.write(flood);
  expect(taken).toBeGreaterThan(0);
  expect(taken).toBeLessThan(flood.length);
  expect(out.write(flood)).toBe(0);
  const woken = new Promise<void>((resolve) => out.onWritable(resolve));
  release?.();
  await held;
  await woken;
  expect(out.write(bytes("z\n"))).toBe(2);
  await log.close();
});

test("sink.write: the guest may reuse its memory at once", async () => {
  const { log, folder, out } = openLog();
  const memory = bytes("good\n");
  out.write(memory);
  memory.fill(0x21);
  await log.close();
  expect(await readFile(join(folder, "current.log"), "utf8")).toContain("good");
});

test("openInstanceLog: a flood stays within two files and tells once that lines were dropped", async () => {
  const { log, seen, folder, out } = openLog({ fileBytesMax: 2000 });
  for (let i = 0; i < 200; i++) out.write(bytes(`line ${i} ${"-".repeat(40)}\n`));
  await log.close();
  const current = await readFile(join(folder, "current.log"), "utf8");
  const previous = await readFile(join(folder, "previous.log"), "utf8");
  expect(current.length).toBeLessThanOrEqual(2000);
  expect(previous.length).toBeLessThanOrEqual(2000);
  expect(current).toContain("line 199 ");
  expect(current.endsWith("\n") && previous.endsWith("\n")).toBe(true);
  expect(seen.drops).toBe(1);
});

test("openInstanceLog: one rotation drops nothing", async () => {
  const { log, seen, out } = openLog({ fileBytesMax: 200 });
  for (let i = 0; i < 6; i++) out.write(bytes(`line ${i}\n`));
  await log.close();
  expect(seen.drops).toBe(0);
});

test("openInstanceLog: a disk that refuses costs counted lines, nothing else", async () => {
  const blocked = join(root, "file");
  await writeFile(blocked, "not a folder");
  await chmod(blocked, 0o400);
  const { log, seen, out } = openLog({ folder: join(blocked, "uid") });
  out.write(bytes("a\nb\n"));
  await log.close();
  expect(log.linesLost()).toBe(2);
  expect(seen.drops).toBe(1);
});

test("Gate.run: never more at once than its bound", async () => {
  const gate = new Gate(2);
  let running = 0;
  let most = 0;
  const task = async () => {
    most = Math.max(most, ++running);
    await Promise.resolve();
    await Promise.resolve();
    running--;
  };
  await Promise.all(Array.from({ length: 20 }, () => gate.run(task)));
  expect(most).toBe(2);
});

describe("openInstanceLog: a rate of 1 kB/s", () => {
  const line = `${"x".repeat(99)}\n`;
  const writeUntilFull = (sink: { write(bytes: Uint8Array): number }) => {
    while (sink.write(bytes(line.repeat(100))) === 10_000);
  };

  test("after a burst the writer has to wait until it is paid for", async () => {
    const clock = new FakeClock();
    const { log, out, folder } = openLog({ bytesPerSecondMax: 1000, clock });
    writeUntilFull(out);
    await expect.poll(() => existsSync(join(folder, "current.log"))).toBe(true);
    await new Promise<void>((resolve) => out.onWritable(resolve));
    const before = (await stat(join(folder, "current.log"))).size;
    writeUntilFull(out);
    const room = new Promise<void>((resolve) => out.onWritable(resolve));
    expect((await stat(join(folder, "current.log"))).size).toBe(before);
    clock.advance(before);
    await room;
    expect((await stat(join(folder, "current.log"))).size).toBeGreaterThan(before);
    await log.close();
  });

  test("a log that is closed does not wait", async () => {
    const { log, out, folder } = openLog({ bytesPerSecondMax: 1000 });
    writeUntilFull(out);
    await new Promise<void>((resolve) => out.onWritable(resolve));
    out.write(bytes("last\n"));
    await log.close();
    expect(await readFile(join(folder, "current.log"), "utf8")).toContain("last\n");
  });
});
