import { expect, test } from "vitest";
import type { AutoscalerMetric } from "../../../api/gen/kinds.gen.ts";
import { FakeClock } from "../../../kit/fake-clock.ts";
import type { TargetInstance } from "../../core/autoscaling/target.ts";
import type { TrafficFigures } from "../../core/cluster-state/traffic-book.ts";
import type { UsageFigures } from "../../core/cluster-state/usage-book.ts";
import type { MetricOwner } from "../metric-source.ts";
import { NodeMetricSource } from "./node-metric-source.ts";

const quiet: TrafficFigures = {
  arrivedPerSecond: 12,
  inFlight: 90,
  queued: 91,
  inFlightMean: 34,
  queuedMean: 5,
  isAtLeast: false,
  isActive: true,
};

function setUp() {
  const clock = new FakeClock();
  const usages = new Map<string, UsageFigures>();
  const owners = new Map<string, string>();
  const traffic = new Map<string, TrafficFigures>();
  const source = new NodeMetricSource(
    {
      usageOf: (uid) => usages.get(uid),
      ownerOf: (uid) => owners.get(uid),
      isServing: (uid) => uid === "w" || uid === "v",
      trafficOf: (uid) => traffic.get(uid),
    },
    clock,
  );
  const instances: string[] = [];
  const silent = new Set<string>();
  const owner = (targetUid: string | undefined): MetricOwner => ({
    namespace: "default",
    autoscaler: "a",
    targetUid,
    instances: () => instances.map((uid) => ({ ...instance(uid), isHeardOf: !silent.has(uid) })),
  });
  /** Opens a watch that counts how often it is told of a change. */
  const open = (metric: AutoscalerMetric, targetUid: string | undefined = "w") => {
    const seen = { count: 0 };
    const watch = source.watch(metric, owner(targetUid), () => void seen.count++);
    return Object.assign(seen, { read: () => watch.read(), close: () => watch.close() });
  };
  return { clock, usages, owners, traffic, source, instances, silent, open };
}

function instance(uid: string): TargetInstance {
  const requests = { cpuMillis: 100, memoryBytes: 1_000 };
  return { uid, phase: "running", isReady: true, startedMs: 0, requests, isHeardOf: true };
}

const usage = (more: Partial<UsageFigures> = {}): UsageFigures => ({
  cpuMillis: 250,
  memoryBytes: 4_096,
  fuel: 0,
  throttledUs: 0,
  hasRate: true,
  isIdle: false,
  atMs: 0,
  ...more,
});

const requests = (metric: "perSecond" | "inFlight" | "queueLength"): AutoscalerMetric => ({
  type: "Requests",
  requests: { metric, target: { type: "AverageValue", averageValue: "10" } },
});
const resource = (name: "cpu" | "memory"): AutoscalerMetric => ({
  type: "Resource",
  resource: { name, target: { type: "Utilization", averageUtilization: 80 } },
});

test.each([
  { metric: "perSecond", value: 12 },
  { metric: "inFlight", value: 34 },
  { metric: "queueLength", value: 5 },
] as const)("NodeMetricSource: Requests: $metric", ({ metric, value }) => {
  const { traffic, open, clock } = setUp();
  traffic.set("w", quiet);
  const reading = { kind: "value", value, isAtLeast: false, isActive: true, atMs: clock.now() };
  expect(open(requests(metric)).read()).toEqual(reading);
  traffic.set("w", { ...quiet, isAtLeast: true, isActive: false });
  expect(open(requests(metric)).read()).toEqual({ ...reading, isAtLeast: true, isActive: false });
});

test.each([
  { name: "nobody has sent any", targetUid: "v", expected: { kind: "value", value: 0, isActive: false } },
  { name: "there is no target yet", targetUid: undefined, expected: { kind: "unknown", reason: "Pending" } },
  { name: "gateways do not serve it", targetUid: "x", expected: { kind: "unknown", reason: "NoData" } },
])("NodeMetricSource: Requests, where $name", ({ targetUid, expected }) => {
  const { source } = setUp();
  const owner = { namespace: "default", autoscaler: "a", targetUid, instances: () => [] };
  expect(source.watch(requests("perSecond"), owner, () => {}).read()).toMatchObject(expected);
});

test("NodeMetricSource: Requests change once a second at most, and as long as averages go on falling", () => {
  const { clock, traffic, source, open } = setUp();
  traffic.set("w", quiet);
  clock.advance(100_000);
  const watch = open(requests("perSecond"));
  clock.advance(100_000);
  const before = watch.count;
  // Two hundred gateways tell, each every second.
  for (let tick = 0; tick < 200 * 10; tick++) {
    source.trafficTold("w");
    source.trafficTold("v");
    clock.advance(5);
  }
  expect(watch.count - before).toBeGreaterThanOrEqual(9);
  expect(watch.count - before).toBeLessThanOrEqual(10);
  clock.advance(60_000);
  const settled = watch.count;
  expect(settled - before).toBeLessThanOrEqual(10 + 14);
  expect(settled - before).toBeGreaterThanOrEqual(10 + 11);
  clock.advance(600_000);
  expect(watch.count).toBe(settled);
});

test("NodeMetricSource: Requests that are known in part are looked at again now and then", () => {
  const { clock, traffic, source, open } = setUp();
  traffic.set("w", { ...quiet, isAtLeast: true });
  const watch = open(requests("inFlight"));
  source.trafficTold("w");
  clock.advance(60_000);
  const before = watch.count;
  clock.advance(300_000);
  expect(watch.count - before).toBe(20);
  traffic.set("w", quiet);
  clock.advance(30_000);
  const settled = watch.count;
  clock.advance(300_000);
  expect(watch.count).toBe(settled);
});

test("NodeMetricSource: Requests: who has closed is told nothing, the others go on", () => {
  const { clock, source, open } = setUp();
  const [one, two] = [open(requests("inFlight")), open(requests("perSecond"))];
  one.close();
  one.close();
  source.trafficTold("w");
  clock.advance(1_000);
  expect([one.count, two.count]).toEqual([0, 1]);
  two.close();
  source.trafficTold("w");
  clock.advance(60_000);
  expect(two.count).toBe(1);
});

test("NodeMetricSource: Resource, of those that are heard of", () => {
  const { clock, usages, instances, open } = setUp();
  clock.advance(100_000);
  instances.push("a", "b", "stale", "unheard", "fresh");
  usages.set("a", usage({ atMs: 95_000 }));
  usages.set("b", usage({ atMs: 99_000, cpuMillis: 50, memoryBytes: 10 }));
  usages.set("stale", usage({ atMs: 39_999 }));
  usages.set("fresh", usage({ atMs: 98_000, cpuMillis: 0, hasRate: false }));
  usages.set("of another", usage({ atMs: 100_000 }));
  const atMs = clock.now() - 1_000;
  expect(open(resource("cpu")).read()).toEqual({
    kind: "perInstance",
    samples: new Map([
      ["a", 250],
      ["b", 50],
    ]),
    atMs,
  });
  expect(open(resource("memory")).read()).toMatchObject({
    samples: new Map([
      ["a", 4_096],
      ["b", 10],
      ["fresh", 4_096],
    ]),
  });
  expect(open({ type: "Resource" }).read()).toMatchObject({
    samples: new Map([
      ["a", 250],
      ["b", 50],
    ]),
  });
});

test("NodeMetricSource: Resource, of what stands still and is not told of, as long as its node can be heard", () => {
  const { clock, usages, instances, silent, open } = setUp();
  clock.advance(1_000_000);
  instances.push("still", "away");
  silent.add("away");
  for (const uid of instances) usages.set(uid, usage({ isIdle: true, cpuMillis: 0, atMs: 5_000 }));
  expect(open(resource("cpu")).read()).toEqual({
    kind: "perInstance",
    samples: new Map([["still", 0]]),
    atMs: clock.now(),
  });
});

test("NodeMetricSource: Resource, of which nothing is known yet, has no samples", () => {
  const { clock, instances, open } = setUp();
  expect(open(resource("cpu"), undefined).read()).toEqual({
    kind: "perInstance",
    samples: new Map(),
    atMs: clock.now(),
  });
  instances.push("a");
  expect(open(resource("cpu")).read()).toMatchObject({ samples: new Map() });
});

test("NodeMetricSource: Resource changes every 15 s at most, and once when nothing more is heard", () => {
  const { clock, source, open } = setUp();
  clock.advance(100_000);
  const watch = open(resource("cpu"));
  source.usageTold("w");
  expect(watch.count).toBe(1);
  // A hundred nodes tell, each every ten seconds.
  for (let tick = 0; tick < 600; tick++) {
    source.usageTold("w");
    source.usageTold("v");
    clock.advance(100);
  }
  expect(watch.count).toBe(5);
  clock.advance(20_000);
  const before = watch.count;
  clock.advance(60_000);
  expect(watch.count).toBe(before + 1);
  clock.advance(600_000);
  expect(watch.count).toBe(before + 1);
  watch.close();
  source.usageTold("w");
  expect(watch.count).toBe(before + 1);
});

test("NodeMetricSource: Resource of what owns its instances through another follows them once it has seen them", () => {
  const { clock, source, owners, instances, open } = setUp();
  const watch = open(resource("cpu"), "app");
  instances.push("i");
  owners.set("i", "deployment-of-app");
  source.usageTold("deployment-of-app");
  expect(watch.count).toBe(0);
  watch.read();
  source.usageTold("deployment-of-app");
  expect(watch.count).toBe(1);
  watch.close();
  clock.advance(20_000);
  source.usageTold("deployment-of-app");
  clock.advance(200_000);
  expect(watch.count).toBe(1);
});

test("NodeMetricSource: disposed, it tells nothing any more", async () => {
  const { clock, source, open } = setUp();
  const [one, two] = [open(requests("perSecond")), open(resource("cpu"))];
  source.trafficTold("w");
  source.usageTold("w");
  await source[Symbol.asyncDispose]();
  const before = [one.count, two.count];
  clock.advance(200_000);
  source.trafficTold("w");
  source.usageTold("w");
  clock.advance(200_000);
  expect([one.count, two.count]).toEqual(before);
});
