import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { AccessLogFile, accessLogLimits } from "./access-log-file.ts";

let folder: string;
let clock: FakeClock;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-access-"));
  clock = new FakeClock();
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const fileOf = (limits: Partial<typeof accessLogLimits> = {}) => {
  const path = join(folder, "access.log");
  const made = new AccessLogFile(path, { clock, log: silentLog, limits: { ...accessLogLimits, ...limits } });
  return { path, made };
};

test("AccessLogFile: lines come in order, after those that were there", async () => {
  const { path, made } = fileOf();
  for (const line of ["a", "b"]) expect(made.write(line)).toBe(true);
  await made.close();
  const next = fileOf().made;
  next.write("c");
  clock.advance(accessLogLimits.gatherMs);
  await next.close();
  expect(readFileSync(path, "utf8")).toBe("a\nb\nc\n");
});

test("AccessLogFile: refuses what does not fit while the disk is behind, and takes more once it is not", async () => {
  const { path, made } = fileOf({ waitingBytesMax: 10, batchBytes: 5 });
  // Under way at once.
  expect(made.write("12345")).toBe(true);
  expect(made.write("123456")).toBe(true);
  expect(made.write("1234")).toBe(false);
  await made.close();
  expect(made.write("1234")).toBe(true);
  await made.close();
  expect(readFileSync(path, "utf8")).toBe("12345\n123456\n1234\n");
});

test("AccessLogFile: one that is too large is put aside", async () => {
  const { path, made } = fileOf({ fileBytesMax: 10 });
  for (const line of ["1234567", "abc", "def"]) {
    made.write(line);
    await made.close();
  }
  expect(readFileSync(`${path}.1`, "utf8")).toBe("1234567\n");
  expect(readFileSync(path, "utf8")).toBe("abc\ndef\n");
});

test("AccessLogFile: a file that cannot be written stops nobody", async () => {
  const made = new AccessLogFile(join(folder, "none", "access.log"), { clock, log: silentLog });
  expect(made.write("a")).toBe(true);
  await made.close();
  expect(made.write("b")).toBe(true);
  await made.close();
});
