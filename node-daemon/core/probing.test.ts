import { expect, test } from "vitest";
import type { Health } from "./lifecycle-state.ts";
import type { ProbeConfig, ProbeConfigs, ProbeKind } from "./probe-config.ts";
import { beginProbing, probe, type ProbeAnswer, type Probing, type ProbingAction } from "./probing.ts";

const ready: Health = { started: true, ready: true, reason: "", message: "" };
const unready: Health = { started: true, ready: false, reason: "NotReady", message: "not yet" };
const unstarted: Health = { started: false, ready: false, reason: "NotReady", message: "not yet" };

function config(given: Partial<ProbeConfig> = {}): ProbeConfig {
  return {
    target: { kind: "exec", args: [] },
    initialDelayMs: 0,
    periodMs: 10_000,
    timeoutMs: 1000,
    successThreshold: 1,
    failureThreshold: 3,
    gracePeriodMs: undefined,
    ...given,
  };
}

const at = (monotonicMs: number) => ({ wallMs: 0, monotonicMs });
const success: ProbeAnswer = { kind: "success" };
const failure: ProbeAnswer = { kind: "failure", message: "HTTP 503" };
const unknown: ProbeAnswer = { kind: "unknown", message: "no room" };

/** Asks and answers one probe again and again, a period apart; what came of it beside the next wake. */
function answers(from: Probing, kind: ProbeKind, list: readonly ProbeAnswer[], startMs = 0) {
  let probing = from;
  const told: ProbingAction[][] = [];
  for (const [index, answer] of list.entries()) {
    const now = at(startMs + index * 10_000);
    probing = probe(probing, { kind: "due", probe: kind }, now).probing;
    const step = probe(probing, { kind: "answered", probe: kind, answer }, now);
    told.push(step.actions.filter((action) => action.kind !== "wakeAfter"));
    ({ probing } = step);
  }
  return { probing, told };
}

function begun(probes: ProbeConfigs, health: Health): Probing {
  return beginProbing(probes, { startedMonotonicMs: 0, health, adopted: false }, at(0)).probing;
}

test.each<{
  name: string;
  probes: ProbeConfigs;
  health: Health;
  adopted?: boolean;
  actions: readonly unknown[];
}>([
  { name: "no probes", probes: {}, health: ready, actions: [] },
  {
    name: "each after its own delay",
    probes: { readiness: config({ initialDelayMs: 7000 }), liveness: config({ initialDelayMs: 1000 }) },
    health: unready,
    actions: [
      { kind: "wakeAfter", probe: "readiness", delayMs: 5000, spread: false },
      { kind: "wakeAfter", probe: "liveness", delayMs: 0, spread: false },
    ],
  },
  {
    name: "startup alone",
    probes: { startup: config(), readiness: config(), liveness: config() },
    health: unstarted,
    actions: [{ kind: "wakeAfter", probe: "startup", delayMs: 0, spread: false }],
  },
  {
    name: "adopted, started before: spread, and startup is not asked again",
    probes: { startup: config(), readiness: config({ periodMs: 4000 }) },
    health: ready,
    adopted: true,
    actions: [{ kind: "wakeAfter", probe: "readiness", delayMs: 4000, spread: true }],
  },
])("beginProbing: $name", ({ probes, health, adopted = false, actions }) => {
  const step = beginProbing(probes, { startedMonotonicMs: 0, health, adopted }, at(2000));
  expect(step.actions).toEqual(actions);
});

test.each<{
  name: string;
  kind: ProbeKind;
  given?: Partial<ProbeConfig>;
  health: Health;
  list: readonly ProbeAnswer[];
  told: readonly (readonly unknown[])[];
}>([
  {
    name: "readiness: ready with the first success, and silent then",
    kind: "readiness",
    health: unready,
    list: [success, success],
    told: [[{ kind: "health", health: ready }], []],
  },
  {
    name: "readiness: as many successes as its threshold, in a row",
    kind: "readiness",
    given: { successThreshold: 2 },
    health: { ...unready, reason: "Unhealthy" },
    list: [success, failure, success, success],
    told: [[], [], [], [{ kind: "health", health: ready }]],
  },
  {
    name: "readiness: the first failure says what it waits for, the next ones nothing",
    kind: "readiness",
    health: unready,
    list: [failure, failure, failure, failure],
    told: [
      [
        {
          kind: "health",
          health: { ...unready, reason: "Unhealthy", message: "its readiness probe failed: HTTP 503" },
        },
      ],
      [],
      [],
      [],
    ],
  },
  {
    name: "readiness: unready after its threshold",
    kind: "readiness",
    health: ready,
    list: [failure, failure, success, failure, failure, failure, failure],
    told: [
      [],
      [],
      [],
      [],
      [],
      [
        {
          kind: "health",
          health: {
            started: true,
            ready: false,
            reason: "Unhealthy",
            message: "its readiness probe failed 3 times in a row: HTTP 503",
          },
        },
      ],
      [],
    ],
  },
  {
    name: "readiness: a question that failed breaks no streak",
    kind: "readiness",
    given: { failureThreshold: 2 },
    health: ready,
    list: [failure, unknown, failure],
    told: [[], [], [{ kind: "health", health: expect.objectContaining({ ready: false }) as unknown }]],
  },
  {
    name: "readiness: what cannot be asked is said once while it waits",
    kind: "readiness",
    health: unready,
    list: [unknown, unknown],
    told: [
      [
        {
          kind: "health",
          health: { ...unready, message: "its readiness probe could not be asked: no room" },
        },
      ],
      [],
    ],
  },
  {
    name: "liveness: ends the run after its threshold, and then nothing is asked",
    kind: "liveness",
    given: { gracePeriodMs: 0 },
    health: ready,
    list: [failure, success, failure, failure, failure, failure],
    told: [
      [],
      [],
      [],
      [],
      [
        {
          kind: "restart",
          message: "its liveness probe failed 3 times in a row: HTTP 503",
          gracePeriodMs: 0,
        },
      ],
      [],
    ],
  },
  {
    name: "startup: says why it waits, then ends the run",
    kind: "startup",
    given: { failureThreshold: 2 },
    health: unstarted,
    list: [failure, failure],
    told: [
      [
        {
          kind: "health",
          health: expect.objectContaining({ started: false, reason: "Unhealthy" }) as unknown,
        },
      ],
      [
        {
          kind: "restart",
          message: "its startup probe failed 2 times in a row: HTTP 503",
          gracePeriodMs: undefined,
        },
      ],
    ],
  },
])("probe: $name", ({ kind, given, health, list, told }) => {
  expect(answers(begun({ [kind]: config(given) }, health), kind, list).told).toEqual(told);
});

test("probe: startup lets the others begin, each with what is left of its own delay", () => {
  const probes = {
    startup: config(),
    readiness: config(),
    liveness: config({ initialDelayMs: 25_000 }),
  };
  const asked = answers(begun(probes, unstarted), "startup", [failure, failure]).probing;
  const step = probe(
    probe(asked, { kind: "due", probe: "startup" }, at(20_000)).probing,
    { kind: "answered", probe: "startup", answer: success },
    at(20_001),
  );
  expect(step.actions).toEqual([
    { kind: "health", health: expect.objectContaining({ started: true, ready: false }) as unknown },
    { kind: "wakeAfter", probe: "readiness", delayMs: 0, spread: false },
    { kind: "wakeAfter", probe: "liveness", delayMs: 4999, spread: false },
  ]);
});

test("probe: startup alone makes it ready", () => {
  const { told } = answers(begun({ startup: config(), liveness: config() }, unstarted), "startup", [success]);
  expect(told).toEqual([[{ kind: "health", health: ready }]]);
});

test.each([
  { name: "a quick answer", answeredMs: 30, delayMs: 9970 },
  { name: "a slow one delays nothing", answeredMs: 4000, delayMs: 6000 },
  { name: "one slower than the period", answeredMs: 12_000, delayMs: 0 },
])("probe: the next question after $name", ({ answeredMs, delayMs }) => {
  const asked = probe(
    begun({ liveness: config() }, ready),
    { kind: "due", probe: "liveness" },
    at(0),
  ).probing;
  const { actions } = probe(asked, { kind: "answered", probe: "liveness", answer: success }, at(answeredMs));
  expect(actions).toEqual([{ kind: "wakeAfter", probe: "liveness", delayMs, spread: false }]);
});
