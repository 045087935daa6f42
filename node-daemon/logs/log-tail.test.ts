import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readLogTail, textOfEnd } from "./log-tail.ts";
import { currentFile, recordTime } from "./log-record.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "wherry-tail-"));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

const record = (ms: number, text: string) => `${recordTime(ms)} stdout F ${text}\n`;

test.each([
  { name: "the last lines", given: { linesMax: 2, bytesMax: 100 }, tail: "three\nfour" },
  { name: "the last bytes of them", given: { linesMax: 9, bytesMax: 8 }, tail: "ee\nfour" },
  { name: "none before a time", given: { linesMax: 9, bytesMax: 100, sinceMs: 3000 }, tail: "three\nfour" },
  { name: "nothing yet", given: { linesMax: 9, bytesMax: 100, sinceMs: 9000 }, tail: "" },
])("readLogTail: $name", async ({ given, tail }) => {
  const lines = ["one", "two", "three", "four"].map((text, at) => record((at + 1) * 1000, text));
  await writeFile(join(folder, currentFile), lines.join(""));
  expect(await readLogTail({ folder, ...given })).toBe(tail);
});

test("readLogTail: no log is no text", async () => {
  expect(await readLogTail({ folder: join(folder, "none"), linesMax: 9, bytesMax: 9 })).toBe("");
});

test("textOfEnd: no part of a character, no blanks at the end", () => {
  expect(textOfEnd(Buffer.from("€uro €\n\n").subarray(1))).toBe("uro €");
  expect(textOfEnd(Buffer.alloc(0))).toBe("");
});

test("textOfEnd: nothing that a terminal would obey", () => {
  const text = textOfEnd(Buffer.from("a\tb\r\n\x1b[2Jc\x7f\x00"));
  expect(text).toBe("a\tb\ufffd\n\ufffd[2Jc\ufffd\ufffd");
});
