import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { FakeClock } from "../kit/fake-clock.ts";
import { seededRandom } from "../kit/random.ts";
import { parseRestoreFlags, runRestore } from "./restore-command.ts";

test.each([
  { name: "missing store", args: ["--from", "b"], message: "expected sqlite:FILE" },
  { name: "another store", args: ["--store", "redis://x", "--from", "b"], message: "--store redis://x" },
  {
    name: "store without file",
    args: ["--store", "sqlite:", "--from", "b"],
    message: "expected sqlite:FILE",
  },
  { name: "missing backup", args: ["--store", "sqlite:a"], message: "--from is required" },
  { name: "unknown flag", args: ["--to", "x"], message: "--to" },
])("parseRestoreFlags: $name", ({ args, message }) => {
  expect(() => parseRestoreFlags(args)).toThrow(message);
});

function run(...args: readonly string[]) {
  const printed = { out: "", err: "" };
  const code = runRestore(args, new FakeClock(), seededRandom(1), {
    out: (text) => void (printed.out += text),
    err: (text) => void (printed.err += text),
  });
  return { code, ...printed };
}

test("runRestore: wrong flags are code 2 with the usage, a failure is code 1 with the reason", () => {
  const folder = mkdtempSync(join(tmpdir(), "wherry-restore-"));
  expect(run()).toMatchObject({ code: 2, err: expect.stringContaining("Usage: wherry-scheduler restore") });
  const store = `sqlite:${join(folder, "store.db")}`;
  const failed = run("--store", store, "--from", join(folder, "nowhere"));
  expect(failed).toMatchObject({ code: 1, out: "" });
  expect(failed.err).toMatch(/^nothing was changed: copying .*nowhere.*ENOENT/s);
  rmSync(folder, { recursive: true });
});
