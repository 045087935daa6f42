import { expect, test } from "vitest";
import type { InstanceTemplate, WasmJob, WasmJobSpec, WasmJobStatus } from "../gen/kinds.gen.ts";
import { jobSpecWarnings } from "./job-spec.ts";
import { validateWasmJob } from "./wasm-job.ts";

type Rules = NonNullable<WasmJobSpec["failurePolicy"]>["rules"];

function aTemplate(spec: Partial<InstanceTemplate["spec"]> = {}, labels = {}): InstanceTemplate {
  return {
    metadata: { labels },
    spec: {
      module: { image: "file:///m.wasm" },
      resources: {},
      terminationGracePeriodSeconds: 30,
      terminationMessagePolicy: "File",
      stopNotice: "none",
      restartPolicy: "Never",
      ...spec,
    },
  };
}

function aJob(spec: Partial<WasmJobSpec> = {}, status: WasmJobStatus = {}): WasmJob {
  const metadata = { name: "w", uid: "u", resourceVersion: "1", creationTimestamp: "2026-01-01T00:00:00Z" };
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmJob",
    metadata,
    spec: {
      completions: 5,
      parallelism: 2,
      suspend: false,
      placementPolicy: "Independent",
      template: aTemplate(),
      ...spec,
    },
    status,
  };
}

function faults(job: WasmJob, old?: WasmJob): readonly string[] {
  return validateWasmJob(job, old).map(({ field, message }) => `${field}: ${message}`);
}

/** A job with a queue of work has none. */
function withoutCompletions(spec: Partial<WasmJobSpec> = {}): WasmJob {
  const { completions: _, ...rest } = aJob(spec).spec;
  return { ...aJob(), spec: rest };
}

const policy = (...rules: Rules) => ({ failurePolicy: { rules } });

test.each<{ name: string; job: WasmJob; expected: readonly string[] }>([
  { name: "the least", job: aJob(), expected: [] },
  { name: "a queue of work", job: withoutCompletions(), expected: [] },
  {
    name: "everything at once",
    job: aJob({
      ...policy(
        { action: "FailJob", onExitCodes: { operator: "In", values: [42] } },
        { action: "FailIndex", onReasons: ["Trap"] },
      ),
      backoffLimitPerIndex: 1,
      maxFailedIndexes: 5,
      successPolicy: { rules: [{ succeededIndexes: "0,2-4", succeededCount: 4 }] },
    }),
    expected: [],
  },
  {
    name: "restarts without end",
    job: aJob({ template: aTemplate({ restartPolicy: "Always" }) }),
    expected: [
      'spec.template.spec.restartPolicy: Unsupported value: "Always": supported values: "OnFailure", "Never"',
    ],
  },
  {
    name: "restarts that ask no policy",
    job: aJob({
      ...policy({ action: "Ignore", onReasons: ["Trap"] }),
      template: aTemplate({ restartPolicy: "OnFailure" }),
    }),
    expected: [
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when failurePolicy is specified',
    ],
  },
  {
    name: "limits of indexes without what they need",
    job: withoutCompletions({ backoffLimitPerIndex: 1 }),
    expected: ["spec.completions: Required value: when backoffLimitPerIndex is specified"],
  },
  {
    name: "more failed indexes than there are, and no limit for each",
    job: aJob({ maxFailedIndexes: 6 }),
    expected: [
      "spec.backoffLimitPerIndex: Required value: when maxFailedIndexes is specified",
      "spec.maxFailedIndexes: Invalid value: 6: must be less than or equal to completions, which is 5",
    ],
  },
  {
    name: "an index that cannot fail by itself",
    job: aJob(policy({ action: "FailIndex", onReasons: ["Trap"] })),
    expected: [
      'spec.failurePolicy.rules[0].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
    ],
  },
  {
    name: "rules that match nothing, both, success, or our own orders",
    job: aJob(
      policy(
        { action: "Count" },
        { action: "Count", onReasons: ["Trap"], onExitCodes: { operator: "NotIn", values: [1] } },
        { action: "Count", onExitCodes: { operator: "In", values: [0, 1] } },
        { action: "Count", onReasons: ["Stopped", "Trap", "Trap"] },
      ),
    ),
    expected: [
      "spec.failurePolicy.rules[0]: Invalid value: {}: specifying one of onExitCodes and onReasons is required, and not both",
      expect.stringContaining("spec.failurePolicy.rules[1]: Invalid value: "),
      "spec.failurePolicy.rules[2].onExitCodes.values: Invalid value: 0: must not be 0 for the In operator: that is success",
      'spec.failurePolicy.rules[3].onReasons[0]: Invalid value: "Stopped": is the end of what was stopped by order, which is never a failure',
      'spec.failurePolicy.rules[3].onReasons[2]: Duplicate value: "Trap"',
    ],
  },
  {
    name: "success of a queue of work",
    job: withoutCompletions({ successPolicy: { rules: [{ succeededCount: 1 }] } }),
    expected: ["spec.completions: Required value: when successPolicy is specified"],
  },
  {
    name: "success that says nothing, of indexes that are not there, backwards, twice, no number, or too many",
    job: aJob({
      successPolicy: {
        rules: [
          {},
          { succeededIndexes: "3-5" },
          { succeededIndexes: "4-2" },
          { succeededIndexes: "1-2,2" },
          { succeededIndexes: "1,x" },
          { succeededIndexes: "0-1", succeededCount: 3 },
          { succeededCount: 6 },
        ],
      },
    }),
    expected: [
      "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified",
      'spec.successPolicy.rules[1].succeededIndexes: Invalid value: "3-5": 3-5 is not below completions, which is 5',
      'spec.successPolicy.rules[2].succeededIndexes: Invalid value: "4-2": 4-2 ends before it begins',
      'spec.successPolicy.rules[3].succeededIndexes: Invalid value: "1-2,2": 2 does not come after 2; write indexes once and in ascending order',
      'spec.successPolicy.rules[4].succeededIndexes: Invalid value: "1,x": "x" is neither an index nor a range such as 2-4',
      "spec.successPolicy.rules[5].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in succeededIndexes)",
      "spec.successPolicy.rules[6].succeededCount: Invalid value: 6: must be less than or equal to 5 (completions)",
    ],
  },
])("validateWasmJob: $name", ({ job, expected }) => {
  expect(faults(job)).toEqual(expected);
});

const begun: WasmJobStatus = { startTime: "2026-01-01T00:00:00Z" };
const labelled = { template: aTemplate({ nodeSelector: { zone: "a" } }, { team: "red" }) };
const notWhileItRuns = expect.stringContaining(
  "can only be changed while the job is suspended and has no instances",
);

test.each<{ name: string; old: WasmJob; job: WasmJob; expected: readonly string[] }>([
  {
    name: "what may change at any time",
    old: aJob({ backoffLimitPerIndex: 1 }, begun),
    job: aJob({
      parallelism: 0,
      suspend: true,
      backoffLimit: 1,
      backoffLimitPerIndex: 1,
      maxFailedIndexes: 2,
      activeDeadlineSeconds: 5,
      ttlSecondsAfterFinished: 5,
    }),
    expected: [],
  },
  {
    name: "completions together with parallelism",
    old: aJob({}, begun),
    job: aJob({ completions: 8, parallelism: 8 }),
    expected: [],
  },
  {
    name: "completions alone",
    old: aJob({}, begun),
    job: aJob({ completions: 8 }),
    expected: [
      expect.stringContaining(
        "spec.completions: Invalid value: 8: can only be modified in tandem with spec.parallelism",
      ),
    ],
  },
  {
    name: "a queue of work that gets completions",
    old: withoutCompletions(),
    job: aJob({ parallelism: 5 }),
    expected: [expect.stringContaining("spec.completions: Invalid value: 5: cannot be added or taken away")],
  },
  {
    name: "policies",
    old: aJob({}, begun),
    job: aJob({
      backoffLimitPerIndex: 1,
      ...policy({ action: "Ignore", onReasons: ["Trap"] }),
      successPolicy: { rules: [{ succeededCount: 1 }] },
    }),
    expected: ["backoffLimitPerIndex", "failurePolicy", "successPolicy"].map((name) =>
      expect.stringMatching(
        new RegExp(`^spec.${name}: Invalid value: .*: field is immutable; delete the job`),
      ),
    ),
  },
  {
    name: "another module, even while it is suspended",
    old: aJob({ suspend: true }),
    job: aJob({ suspend: true, template: aTemplate({ module: { image: "file:///n.wasm" } }) }),
    expected: [
      expect.stringContaining("field is immutable; delete the job and create it again. Only metadata.labels"),
    ],
  },
  {
    name: "where it runs, while it runs",
    old: aJob({}, begun),
    job: aJob(labelled),
    expected: [notWhileItRuns],
  },
  {
    name: "where it runs, while its instances still stop",
    old: aJob({ suspend: true }, { terminating: 1 }),
    job: aJob({ suspend: true, ...labelled }),
    expected: [notWhileItRuns],
  },
  {
    name: "where it runs, before its suspension is seen",
    old: aJob({ suspend: true }, begun),
    job: aJob({ suspend: true, ...labelled }),
    expected: [notWhileItRuns],
  },
  {
    name: "where it runs, while it is suspended",
    old: aJob({ suspend: true }, { active: 0, terminating: 0 }),
    job: aJob({ suspend: false, ...labelled }),
    expected: [],
  },
])("validateWasmJob: a change of $name", ({ old, job, expected }) => {
  expect(faults(job, old)).toEqual(expected);
});

test("jobSpecWarnings: a reason that no end has, which is probably misspelt", () => {
  const { spec } = aJob(policy({ action: "FailJob", onReasons: ["OOMKilled", "OutOfMemory"] }));
  expect(jobSpecWarnings(spec, "spec")).toEqual([
    expect.stringContaining(
      'spec.failurePolicy.rules[0].onReasons: no instance is known to end with reason "OOMKilled"',
    ),
  ]);
});
