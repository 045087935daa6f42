import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { RotatingFile } from "./rotating-file.ts";

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-audit-"));
  path = join(folder, "audit.log");
  return () => rmSync(folder, { recursive: true, force: true });
});

const nowMs = Date.UTC(2026, 0, 1);
const open = (options: { fileBytesMax?: number; backupsMax?: number; now?: () => number } = {}) =>
  RotatingFile.open({ file: path, fileBytesMax: 10, backupsMax: 2, now: () => nowMs, ...options });
const read = (name: string) => readFileSync(join(folder, name), "utf8");

async function append(file: RotatingFile, text: string): Promise<void> {
  await file.prepare(Buffer.byteLength(text));
  expect(await file.write(Buffer.from(text))).toBe(Buffer.byteLength(text));
}

test("RotatingFile: appends, for its owner's eyes alone", async () => {
  writeFileSync(path, "old\n");
  chmodSync(path, 0o644);
  const file = await open();
  await append(file, "new\n");
  await file.close();
  expect(read("audit.log")).toBe("old\nnew\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("RotatingFile: begins a new file before one outgrows its size, and keeps the newest", async () => {
  let now = nowMs;
  const file = await open({ now: () => (now += 1000) });
  for (const line of ["first\n", "second\n", "third\n", "4\n", "fifth\n"]) await append(file, line);
  await file.close();
  expect(readdirSync(folder).toSorted()).toEqual([
    "audit-2026-01-01T00-00-02.000.log",
    "audit-2026-01-01T00-00-03.000.log",
    "audit.log",
  ]);
  expect(read("audit-2026-01-01T00-00-02.000.log")).toBe("second\n");
  expect(read("audit-2026-01-01T00-00-03.000.log")).toBe("third\n4\n");
  expect(read("audit.log")).toBe("fifth\n");
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

test("RotatingFile: two rotations in one millisecond lose nothing", async () => {
  const file = await open({ backupsMax: 0 });
  for (const line of ["first line\n", "second line\n", "third line\n"]) await append(file, line);
  await file.close();
  expect(read("audit-2026-01-01T00-00-00.000.log")).toBe("first line\n");
  expect(read("audit-2026-01-01T00-00-00.001.log")).toBe("second line\n");
  expect(read("audit.log")).toBe("third line\n");
});

test("RotatingFile: other files stay", async () => {
  const others = ["audit-2020.log", "audit-x.log", "other-2026-01-01T00-00-00.000.log", "audit.log.bak"];
  for (const name of others) writeFileSync(join(folder, name), "");
  const file = await open({ backupsMax: 1 });
  for (let i = 0; i < 5; i++) await append(file, "a whole line\n");
  await file.close();
  expect(readdirSync(folder)).toHaveLength(others.length + 2);
});

test("RotatingFile: half a line of a writer that was killed ends before the next", async () => {
  writeFileSync(path, '{"half');
  const file = await open({ fileBytesMax: 100 });
  await append(file, "whole\n");
  await file.close();
  expect(read("audit.log")).toBe('{"half\nwhole\n');
});

test("RotatingFile: says why it cannot be opened", async () => {
  path = join(folder, "nowhere", "audit.log");
  await expect(open()).rejects.toThrow("open the audit log: ENOENT");
});

test("RotatingFile: is there again after somebody took its folder away and gave it back", async () => {
  const file = await open();
  await append(file, "first line\n");
  rmSync(path);
  // The name is free by now, so there is nothing to rename.
  await expect(file.prepare(20)).rejects.toThrow("ENOENT");
  writeFileSync(path, "");
  await append(file, "second line\n");
  await file.close();
  expect(read("audit.log")).toBe("second line\n");
});
