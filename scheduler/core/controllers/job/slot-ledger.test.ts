import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { WasmJobStatus } from "../../../../api/gen/kinds.gen.ts";
import { aStatus } from "../../testing/builders.ts";
import { type FailureRules, SlotLedger } from "./slot-ledger.ts";

const unlimited: FailureRules = { policy: undefined, limitPerIndex: Infinity };

/** What the ledger says, as the status that it is read from next time. */
function written(ledger: SlotLedger): WasmJobStatus {
  return {
    failed: ledger.failed,
    completedIndexes: ledger.completed().toString(),
    failedIndexes: ledger.givenUp().toString(),
    failedAttempts: ledger.failedAttempts(),
  };
}

const outcomes = {
  success: { phase: "Succeeded", reason: "Completed", exitCode: 0 },
  failure: { phase: "Failed", reason: "Error", exitCode: 1 },
  fatalToIndex: { phase: "Failed", reason: "Trap" },
  ignored: { phase: "Failed", reason: "ShimLost" },
  disruption: { phase: "Failed", reason: "NodeLost" },
} as const;

const rules: FailureRules = {
  policy: {
    rules: [
      { action: "FailIndex", onReasons: ["Trap"] },
      { action: "Ignore", onReasons: ["ShimLost"] },
    ],
  },
  limitPerIndex: 2,
};

const anEnd = fc.record({
  index: fc.nat(3),
  attempt: fc.nat(4),
  outcome: fc.constantFrom<keyof typeof outcomes>(
    "success",
    "failure",
    "fatalToIndex",
    "ignored",
    "disruption",
  ),
  /** Whether the status is stored, and another scheduler reads it, before this end. */
  isRead: fc.boolean(),
});

test("SlotLedger: ends that come twice, late and in any order count once", () => {
  fc.assert(
    fc.property(fc.array(anEnd, { maxLength: 60 }), (ends) => {
      let ledger = new SlotLedger(undefined, rules);
      const closed = new Map<number, "completed" | "givenUp">();
      const attemptsOver = new Map<number, number>();
      const failuresOf = new Map<number, number>();
      let failed = 0;
      for (const { index, attempt, outcome, isRead } of ends) {
        if (isRead) ledger = new SlotLedger(written(ledger), rules);
        const isNews = !closed.has(index) && attempt >= (attemptsOver.get(index) ?? 0);
        const counted = ledger.count({ index, attempt }, aStatus(outcomes[outcome]));
        expect(counted.kind === "countedBefore").toBe(!isNews);
        if (!isNews) continue;
        if (outcome === "success") {
          closed.set(index, "completed");
          continue;
        }
        attemptsOver.set(index, attempt + 1);
        if (outcome === "failure" || outcome === "fatalToIndex") {
          failed++;
          failuresOf.set(index, (failuresOf.get(index) ?? 0) + 1);
        }
        if (outcome === "fatalToIndex" || (failuresOf.get(index) ?? 0) > 2) closed.set(index, "givenUp");
      }
      const ofKind = (kind: string) =>
        [...closed]
          .filter(([, how]) => how === kind)
          .map(([index]) => index)
          .sort((a, b) => a - b);
      expect([...ledger.completed()]).toEqual(ofKind("completed"));
      expect([...ledger.givenUp()]).toEqual(ofKind("givenUp"));
      expect(ledger.failed).toBe(failed);
    }),
  );
});

test("SlotLedger: the status that it writes says all that it knows", () => {
  fc.assert(
    fc.property(fc.array(anEnd, { maxLength: 60 }), (ends) => {
      const ledger = new SlotLedger(undefined, rules);
      for (const { index, attempt, outcome } of ends)
        ledger.count({ index, attempt }, aStatus(outcomes[outcome]));
      const read = new SlotLedger(written(ledger), rules);
      expect(written(read)).toEqual(written(ledger));
      for (let index = 0; index < 4; index++) {
        expect(read.account(index)).toEqual(ledger.account(index));
        for (let attempt = 0; attempt < 6; attempt++)
          expect(read.isOver({ index, attempt })).toBe(ledger.isOver({ index, attempt }));
      }
    }),
  );
});

test("SlotLedger: 100,000 indexes that all were stopped take one line", () => {
  const ledger = new SlotLedger(undefined, unlimited);
  for (let index = 0; index < 100_000; index++)
    ledger.count({ index, attempt: 0 }, aStatus({ phase: "Failed", reason: "Stopped" }));
  expect(ledger.failedAttempts()).toEqual([{ indexes: "0-99999", attempts: 1, failures: 0 }]);
});

test("SlotLedger: restarts in place count with the attempt that had them", () => {
  const ledger = new SlotLedger(undefined, unlimited);
  ledger.count({ index: 0, attempt: 0 }, aStatus({ phase: "Failed", reason: "Stopped", restarts: 2 }));
  ledger.count({ index: 1, attempt: 0 }, aStatus({ phase: "Succeeded", restarts: 3 }));
  expect(ledger.failed).toBe(5);
  expect(ledger.account(0)).toEqual({ attempts: 1, failures: 2 });
});

test("SlotLedger: a status that somebody has made up costs no more than a large job", () => {
  const failedAttempts = Array.from({ length: 1_000 }, (_, at) => ({
    indexes: "0-99999999999999",
    attempts: at,
    failures: 0,
  }));
  const ledger = new SlotLedger({ failedAttempts }, unlimited);
  expect([...ledger.accounts()]).toHaveLength(100_000);
});
