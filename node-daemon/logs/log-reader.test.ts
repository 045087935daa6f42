import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, appendFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type LogReadOptions, readInstanceLog } from "./log-reader.ts";
import { recordTime } from "./log-record.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wherry-read-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const time = (second: number) => recordTime(Date.UTC(2026, 0, 1, 0, 0, second));
const record = (second: number, text: string, tag = "F") => `${time(second)} stdout ${tag} ${text}\n`;

function options(given: Partial<LogReadOptions> = {}): LogReadOptions {
  return {
    folder,
    timestamps: false,
    follow: false,
    ended: new AbortController().signal,
    signal: new AbortController().signal,
    ...given,
  };
}

async function readAll(given: Partial<LogReadOptions> = {}): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of readInstanceLog(options(given))) parts.push(part);
  return Buffer.concat(parts).toString();
}

test.each([
  { name: "everything", given: {}, expected: "a\nb\nc\nd\n" },
  { name: "tail within the current file", given: { tailLines: 1 }, expected: "d\n" },
  { name: "tail across both files", given: { tailLines: 3 }, expected: "b\nc\nd\n" },
  { name: "tail longer than the log", given: { tailLines: 99 }, expected: "a\nb\nc\nd\n" },
  { name: "tail of nothing", given: { tailLines: 0 }, expected: "" },
  { name: "since", given: { sinceMs: Date.UTC(2026, 0, 1, 0, 0, 3) }, expected: "c\nd\n" },
  { name: "since after the end", given: { sinceMs: Date.UTC(2027, 0, 1) }, expected: "" },
  { name: "with times", given: { tailLines: 1, timestamps: true }, expected: `${time(4)} d\n` },
])("readInstanceLog: $name", async ({ given, expected }) => {
  await writeFile(join(folder, "previous.log"), record(1, "a") + record(2, "b"));
  await writeFile(join(folder, "current.log"), record(3, "c") + record(4, "d"));
  expect(await readAll(given)).toBe(expected);
});

test("readInstanceLog: an instance that never wrote has an empty log", async () => {
  expect(await readAll({ folder: join(folder, "absent") })).toBe("");
});

test.each([
  { name: "a link", make: (file: string) => symlinkSync("/etc/passwd", file) },
  { name: "a pipe", make: (file: string) => execFileSync("mkfifo", [file]) },
  { name: "a folder", make: (file: string) => mkdirSync(file) },
])("readInstanceLog: $name in place of a log is none", async ({ make }) => {
  make(join(folder, "previous.log"));
  await writeFile(join(folder, "current.log"), record(1, "a"));
  expect(await readAll()).toBe("a\n");
});

test("readInstanceLog: cut lines are joined, an unterminated one gets its newline only before more", async () => {
  const long = "x".repeat(16 * 1024);
  await writeFile(
    join(folder, "current.log"),
    record(1, long, "P") + record(1, "end") + record(2, "half", "P") + record(3, "next", "P"),
  );
  expect(await readAll()).toBe(`${long}end\nhalf\nnext`);
});

test("readInstanceLog: the last lines of a file much larger than a block", async () => {
  const lines = Array.from({ length: 20_000 }, (_, i) => record(i % 60, `line ${i}`));
  await writeFile(join(folder, "current.log"), lines.join(""));
  expect((await readAll({ tailLines: 5000 })).split("\n").slice(0, 2)).toEqual(["line 15000", "line 15001"]);
  expect((await readAll()).length).toBe(lines.reduce((sum, _, i) => sum + `line ${i}\n`.length, 0));
});

test("readInstanceLog: bytes that are no records pass through", async () => {
  await writeFile(join(folder, "current.log"), "torn\n" + record(1, "whole"));
  expect(await readAll()).toBe("torn\nwhole\n");
});

test("readInstanceLog: follows across a rotation and ends when the instance has ended", async () => {
  const current = join(folder, "current.log");
  await writeFile(current, record(1, "a"));
  const ended = new AbortController();
  const reader = readInstanceLog(options({ follow: true, ended: ended.signal }));
  const next = async () => Buffer.from((await reader.next()).value ?? []).toString();
  expect(await next()).toBe("a\n");
  const second = next();
  await appendFile(current, record(2, "b"));
  expect(await second).toBe("b\n");
  const third = next();
  await rename(current, join(folder, "previous.log"));
  await writeFile(current, record(3, "c"));
  expect(await third).toBe("c\n");
  await appendFile(current, record(4, "d"));
  ended.abort();
  expect(await next()).toBe("d\n");
  expect((await reader.next()).done).toBe(true);
});

test("readInstanceLog: follows a log that does not exist yet", async () => {
  const later = join(folder, "later");
  const ended = new AbortController();
  const reader = readInstanceLog(options({ folder: later, follow: true, ended: ended.signal }));
  const first = reader.next();
  await mkdir(later, { recursive: true });
  await writeFile(join(later, "current.log"), record(1, "a"));
  expect(Buffer.from((await first).value ?? []).toString()).toBe("a\n");
  ended.abort();
  expect((await reader.next()).done).toBe(true);
});

test("readInstanceLog: the signal ends a follower at once", async () => {
  await writeFile(join(folder, "current.log"), record(1, "a"));
  const stop = new AbortController();
  const reader = readInstanceLog(options({ follow: true, signal: stop.signal }));
  await reader.next();
  const waiting = reader.next();
  stop.abort();
  expect((await waiting).done).toBe(true);
});

test("readInstanceLog: without following, what is written meanwhile is left out, also across rotations", async () => {
  const current = join(folder, "current.log");
  const previous = join(folder, "previous.log");
  const lines = (from: number, count: number) =>
    Array.from({ length: count }, (_, i) => record(1, `line ${from + i}`)).join("");
  await writeFile(previous, lines(0, 3_000));
  await writeFile(current, lines(3_000, 3_000));
  const parts: Uint8Array[] = [];
  let rotated = false;
  for await (const part of readInstanceLog(options())) {
    parts.push(part);
    if (rotated) continue;
    rotated = true;
    await appendFile(current, lines(6_000, 3_000));
    await rename(current, previous);
    await writeFile(current, lines(9_000, 3_000));
  }
  const read = Buffer.concat(parts).toString().trimEnd().split("\n");
  expect(read.length).toBe(6_000);
  expect(read.at(-1)).toBe("line 5999");
});
