import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { FakeTracer } from "../../kit/tracing/fake-tracer.ts";
import { assigned, reduce } from "../core/lifecycle.ts";
import type { Lifecycle, LifecycleEvent } from "../core/lifecycle-state.ts";
import { buildAssignment } from "../testing/builders.ts";
import { StartTraces } from "./start-traces.ts";

const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
const policy = { restart: "Always", stopNotice: "none", heldBack: "nothing", hasPreStop: false } as const;
const noHealth = { kind: "runStarted", run: 1, atMs: 0, isolation: "shared" } as const;
const untilMounted: readonly LifecycleEvent[] = [
  { kind: "fetched", attempt: 1, digest: "sha256:d" },
  { kind: "prepared", attempt: 1 },
  { kind: "mounted", attempt: 1 },
];

function setUp() {
  const clock = new FakeClock();
  const tracer = new FakeTracer();
  const traces = new StartTraces(tracer, clock);
  const begin = (uid: string, given = traceparent): Lifecycle => {
    const { lifecycle } = assigned(policy);
    traces.assigned(buildAssignment({ uid, traceparent: given }), lifecycle.state);
    return lifecycle;
  };
  const go = (uid: string, from: Lifecycle, events: readonly LifecycleEvent[]): Lifecycle => {
    let lifecycle = from;
    for (const event of events) {
      clock.advance(10);
      const before = lifecycle;
      const now = { wallMs: clock.now(), monotonicMs: clock.monotonic() };
      // Some have one of them, some the other.
      const due = Object.assign({}, event, { attempt: before.attempt, run: before.run });
      lifecycle = reduce(before, due, now).lifecycle;
      if (lifecycle.state.kind !== before.state.kind) traces.changed(uid, lifecycle);
    }
    return lifecycle;
  };
  return { tracer, traces, begin, go };
}

const all = [" > start", "start > fetch", "start > prepare", "start > mount", "start > run"];

test("StartTraces: tells of each step up to the first instruction, and of nothing after it", () => {
  const { tracer, begin, go } = setUp();
  const running = go("u", begin("u"), [...untilMounted, noHealth]);
  expect(running.state.kind).toBe("running");
  expect(tracer.tree()).toEqual(all);
  const [start, ...steps] = tracer.spans;
  expect(start?.parent).toEqual({ traceId: "a".repeat(32), spanId: "b".repeat(16), isSampled: true });
  expect(start?.attributes).toMatchObject({ "wherry.module.digest": "sha256:d", "wherry.instance.uid": "u" });
  expect(steps.map(({ startMs, endMs }) => (endMs ?? 0) - startMs)).toEqual([10, 10, 10, 10]);
  go("u", running, [{ kind: "stop", cause: "Stopped", graceMs: 0 }]);
  expect(tracer.spans).toHaveLength(5);
});

test("StartTraces: a step that fails ends the start, with its reason", () => {
  const { tracer, begin, go } = setUp();
  const failed = {
    kind: "setupFailed",
    attempt: 1,
    reason: "FetchFailed",
    message: "m",
    retryable: true,
  } as const;
  go("u", begin("u"), [failed]);
  expect(tracer.spans.map(({ name, error }) => [name, error])).toEqual([
    ["start", "FetchFailed"],
    ["fetch", "FetchFailed"],
  ]);
});

test("StartTraces: one that is stopped before it runs is over", () => {
  const { tracer, begin, go } = setUp();
  go("u", begin("u"), [...untilMounted.slice(0, 1), { kind: "stop", cause: "Preempted", graceMs: 0 }]);
  expect(tracer.tree()).toEqual(all.slice(0, 3));
  expect(tracer.spans[0]?.error).toBeDefined();
});

test.each([
  { name: "none", given: "" },
  { name: "one that is none", given: "yes" },
  { name: "one that is not sampled", given: traceparent.replace(/01$/, "00") },
])("StartTraces: with a traceparent of $name nothing is told", ({ given }) => {
  const { tracer, begin, go } = setUp();
  go("u", begin("u", given), [...untilMounted, noHealth]);
  expect(tracer.spans).toEqual([]);
});

test("StartTraces: follows no more than a thousand at a time", () => {
  const { tracer, begin, go } = setUp();
  const first = begin("u0");
  for (let n = 1; n < 1_500; n++) begin(`u${n}`);
  const starts = () => tracer.spans.filter(({ name }) => name === "start").length;
  expect(starts()).toBe(1_000);
  go("u0", first, [...untilMounted, noHealth]);
  begin("next");
  expect(starts()).toBe(1_001);
});
