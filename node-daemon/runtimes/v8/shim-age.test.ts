import { expect, test } from "vitest";
import { outdatingOf } from "./shim-age.ts";

const dayMs = 86_400_000;
const driver = { buildId: "two", shimAgeMsMax: 7 * dayMs };
const identity = { shimId: "s", namespace: "n", buildId: "two", isolation: "shared" } as const;

test.each([
  { name: "new", startedAtMs: 0, fraction: 0, afterMs: 7 * dayMs, already: false },
  {
    name: "new, at another time than the others",
    startedAtMs: 0,
    fraction: 0.5,
    afterMs: 6.65 * dayMs,
    already: false,
  },
  { name: "of an earlier daemon", startedAtMs: -6 * dayMs, fraction: 0, afterMs: dayMs, already: false },
  { name: "older than may be", startedAtMs: -8 * dayMs, fraction: 0, afterMs: 1_000, already: true },
])("outdatingOf: $name", ({ startedAtMs, fraction, afterMs, already }) => {
  const outdating = outdatingOf({ identity, startedAtMs }, driver, 0, fraction);
  expect(outdating).toEqual({ why: "its process has reached the age of 7 days", afterMs, already });
});

test("outdatingOf: another build, whatever its age", () => {
  const outdating = outdatingOf({ identity: { ...identity, buildId: "one" }, startedAtMs: 0 }, driver, 0, 0);
  expect(outdating).toEqual({
    why: "its process is of build one, the node daemon of build two",
    afterMs: 1_000,
    already: true,
  });
});
