import { expect, test } from "vitest";
import { stoppedReason, terminationReasons } from "../../../../api/termination-reasons.ts";
import { disruptionReasons } from "../../model.ts";
import { aStatus } from "../../testing/builders.ts";
import { type FailurePolicy, judgeFailure } from "./failure-policy.ts";

const rules: FailurePolicy["rules"] = [
  { action: "FailJob", onExitCodes: { operator: "In", values: [42, 43] } },
  { action: "Ignore", onReasons: ["ShimLost", "Stopped"] },
  { action: "Count", onReasons: ["Preempted"] },
  { action: "FailIndex", onReasons: ["FuelExhausted", "Trap"] },
  { action: "Ignore", onExitCodes: { operator: "NotIn", values: [1, 2] } },
];

test.each([
  { name: "an exit code of the first rule", reason: "Error", exitCode: 42, kind: "jobFailed" },
  { name: "an exit code that a later rule does not name", reason: "Error", exitCode: 7, kind: "ignored" },
  { name: "an exit code that every rule leaves alone", reason: "Error", exitCode: 1, kind: "counted" },
  { name: "a reason", reason: "Trap", exitCode: undefined, kind: "indexFailed" },
  {
    name: "no exit code, which is not in any list",
    reason: "OutOfMemory",
    exitCode: undefined,
    kind: "counted",
  },
  {
    name: "a disruption that counts all the same",
    reason: "Preempted",
    exitCode: undefined,
    kind: "counted",
  },
  { name: "a disruption that no rule names", reason: "Evicted", exitCode: undefined, kind: "disrupted" },
  { name: "the exit code of what was disrupted", reason: "Evicted", exitCode: 42, kind: "disrupted" },
  {
    name: "what was stopped by order, whatever rules say",
    reason: "Stopped",
    exitCode: 42,
    kind: "disrupted",
  },
])("judgeFailure: $name", ({ reason, exitCode, kind }) => {
  expect(judgeFailure({ rules }, aStatus({ phase: "Failed", reason, exitCode })).kind).toBe(kind);
});

test("judgeFailure: says which rule fails the job", () => {
  const trap = aStatus({ phase: "Failed", reason: "Trap" });
  const policy = { rules: [rules[0]!, { action: "FailJob", onReasons: ["Trap"] }] } as const;
  expect(judgeFailure(policy, trap)).toEqual({ kind: "jobFailed", rule: 1 });
});

test.each([
  { reason: "Error", kind: "counted" },
  { reason: "NodeLost", kind: "disrupted" },
])("judgeFailure: without a policy $reason is $kind", ({ reason, kind }) => {
  expect(judgeFailure(undefined, aStatus({ phase: "Failed", reason }))).toEqual({ kind });
});

test("judgeFailure: rules may name every disruption but what was stopped by order", () => {
  const unknown = [...disruptionReasons].filter((reason) => !terminationReasons.has(reason));
  expect(unknown).toEqual([stoppedReason]);
});
