import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { FakeTracer } from "../../kit/tracing/fake-tracer.ts";
import type { Instance } from "../core/model.ts";
import { WorkloadTraces, type WriteRequest } from "./workload-traces.ts";

const remote = { traceId: "a".repeat(32), spanId: "b".repeat(16) };

function setUp() {
  const clock = new FakeClock();
  const tracer = new FakeTracer();
  const traces = new WorkloadTraces(tracer, clock);
  const write = (uid: string, more: Partial<WriteRequest> = {}) =>
    traces.write({
      operation: "create",
      kind: "WasmDeployment",
      object: {
        apiVersion: "wherry.dev/v1alpha1",
        kind: "WasmDeployment",
        metadata: { name: "w", uid },
      } as never,
      traceparent: undefined,
      ...more,
    });
  /** What the engine does once: makes one instance and assigns it. Answers with what the node gets. */
  const live = (owner: string): string | undefined => {
    let given: string | undefined;
    traces.reconcile(owner, () => traces.made(owner));
    traces.place(owner, 1, () =>
      traces.assign(instanceOf(owner), "n1", (traceparent) => (given = traceparent)),
    );
    return given;
  };
  return { clock, tracer, traces, write, live };
}

// What is read of it is here.
const instanceOf = (owner: string) =>
  ({
    uid: "i",
    name: "i",
    owner: { kind: "WasmDeployment", name: "w", uid: owner },
    createdMs: 0,
  }) as Instance;

test("WorkloadTraces: each step is part of the one before, and the node gets the last", () => {
  const { tracer, write, live } = setUp();
  write("w")?.committed();
  const given = live("w");
  expect(tracer.tree()).toEqual([
    " > create WasmDeployment",
    "create WasmDeployment > reconcile",
    "reconcile > place",
    "place > assign",
  ]);
  const last = tracer.spans.at(-1)?.context;
  expect(given).toBe(`00-${last?.traceId}-${last?.spanId}-01`);
});

test("WorkloadTraces: the engine may be faster than the answer to the write", () => {
  const { tracer, write, live } = setUp();
  const written = write("w");
  expect(live("w")).toBeDefined();
  written?.committed();
  expect(tracer.spans[0]?.endMs).toBeDefined();
});

test("WorkloadTraces: nothing is told of what nobody has written here", () => {
  const { tracer, live } = setUp();
  expect(live("w")).toBeUndefined();
  expect(tracer.spans).toEqual([]);
});

test("WorkloadTraces: a look that makes nothing is not told of", () => {
  const { tracer, traces, write } = setUp();
  write("w")?.committed();
  expect(traces.reconcile("w", () => 7)).toBe(7);
  expect(tracer.tree()).toEqual([" > create WasmDeployment"]);
});

test("WorkloadTraces: a write that has failed is told with its reason, and the one before goes on", () => {
  const { tracer, write, live } = setUp();
  write("w")?.committed();
  write("w", { operation: "update" })?.failed("no space");
  write("other")?.failed("no space");
  live("w");
  expect(live("other")).toBeUndefined();
  expect(tracer.spans[1]).toMatchObject({ name: "update WasmDeployment", error: "no space" });
  expect(tracer.tree()).toContain("create WasmDeployment > reconcile");
});

test("WorkloadTraces: a client's trace is gone on with", () => {
  const { tracer, write, live } = setUp();
  write("w", { traceparent: `00-${remote.traceId}-${remote.spanId}-01` })?.committed();
  expect(live("w")).toContain(remote.traceId);
  expect(tracer.spans[0]?.parent).toEqual({ ...remote, isSampled: true });
});

test("WorkloadTraces: what a client does not want to be traced is not, nor part of an earlier trace", () => {
  const { tracer, write, live } = setUp();
  write("w")?.committed();
  expect(write("w", { traceparent: `00-${remote.traceId}-${remote.spanId}-00` })).toBeUndefined();
  expect(live("w")).toBeUndefined();
  expect(tracer.spans).toHaveLength(1);
});

test("WorkloadTraces: a traceparent that is none begins a trace", () => {
  const { tracer, write } = setUp();
  write("w", { traceparent: "00-zz" })?.committed();
  expect(tracer.spans[0]?.parent).toBeUndefined();
});

test("WorkloadTraces: what happens to a workload later is part of no write", () => {
  const { clock, write, live } = setUp();
  write("w")?.committed();
  clock.advance(11 * 60_000);
  expect(live("w")).toBeUndefined();
});

test("WorkloadTraces: a decision that throws has ended, and the next one is not part of it", () => {
  const { tracer, traces, write, live } = setUp();
  write("w")?.committed();
  const bug = () => {
    throw new Error("bug");
  };
  expect(() => traces.place("w", 1, bug)).toThrow("bug");
  live("w");
  expect(tracer.tree().filter((path) => path.endsWith("> place"))).toEqual([
    "create WasmDeployment > place",
    "reconcile > place",
  ]);
});

test("WorkloadTraces: bounds the spans of a workload", () => {
  const { tracer, write, live } = setUp();
  write("w")?.committed();
  for (let times = 0; times < 1_000; times++) live("w");
  expect(tracer.spans.length).toBe(1 + 20 + 100 + 100);
  expect(live("w")).toBeUndefined();
});

test("WorkloadTraces: bounds the workloads: the oldest are forgotten first", () => {
  const { write, live } = setUp();
  for (let n = 0; n < 1_001; n++) write(`w${n}`)?.committed();
  expect(live("w0")).toBeUndefined();
  expect(live("w1")).toBeDefined();
  expect(live("w1000")).toBeDefined();
});
