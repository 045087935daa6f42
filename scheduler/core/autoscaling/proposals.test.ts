/** What each metric proposes, by the documented behaviour of Kubernetes' HPA. */
import { describe, expect, test } from "vitest";
import type { AutoscalerMetric, WasmAutoscalerSpec } from "../../../api/gen/kinds.gen.ts";
import type { Reading } from "./reading.ts";
import type { TargetInstance } from "./target.ts";
import {
  AutoscalerLife,
  cpu,
  inFlight,
  instance,
  instances,
  list,
  query,
  schedule,
  startMs,
  use,
  value,
} from "./testing/autoscalers.ts";

const memoryAverage = (averageValue: string): AutoscalerMetric => ({
  type: "Resource",
  resource: { name: "memory", target: { type: "AverageValue", averageValue } },
});

const cpuAverage = (averageValue: string): AutoscalerMetric => ({
  type: "Resource",
  resource: { name: "cpu", target: { type: "AverageValue", averageValue } },
});

const memory = (averageUtilization: number): AutoscalerMetric => ({
  type: "Resource",
  resource: { name: "memory", target: { type: "Utilization", averageUtilization } },
});

/** `count` ready ones, with `others` put over the last of them. */
function some(count: number, ...others: readonly Partial<TargetInstance>[]): readonly TargetInstance[] {
  const from = count - others.length;
  return instances(count).map((one, at) => (at < from ? one : instance(one.uid, others[at - from])));
}

const pending: Partial<TargetInstance> = {
  phase: "pending",
  isReady: false,
  startedMs: undefined,
  isHeardOf: false,
};
const starting: Partial<TargetInstance> = { phase: "starting", isReady: false, startedMs: undefined };
const notReadyYet: Partial<TargetInstance> = { isReady: false, startedMs: startMs - 60_000 };
const notReadyForLong: Partial<TargetInstance> = { isReady: false };
const young: Partial<TargetInstance> = { startedMs: startMs - 10_000 };
const stopping: Partial<TargetInstance> = { phase: "stopping" };

interface Row {
  readonly name: string;
  readonly metric: AutoscalerMetric;
  readonly current: number;
  readonly reading: Reading;
  /** As many as `current`, if not said. */
  readonly instances?: readonly TargetInstance[];
  readonly behavior?: WasmAutoscalerSpec["behavior"];
  /** A number of instances, or why there is none. */
  readonly expected: number | RegExp;
}

function proposed({ metric, current, reading, instances, behavior }: Row): number | string | undefined {
  const life = new AutoscalerLife(
    { metrics: [metric], maxReplicas: 1_000_000, ...(behavior === undefined ? {} : { behavior }) },
    current,
  );
  life.instances = instances;
  life.look(0, reading);
  const [status] = life.status?.currentMetrics ?? [];
  return status?.proposedReplicas ?? status?.message;
}

function check(row: Row): void {
  const found = proposed(row);
  if (typeof row.expected === "number") expect(found).toBe(row.expected);
  else expect(found).toMatch(row.expected);
}

describe("what instances use", () => {
  const rows: readonly Row[] = [
    { name: "twice the target", metric: cpu(50), current: 3, reading: use(1_000, 1_000, 1_000), expected: 6 },
    { name: "half the target", metric: cpu(50), current: 4, reading: use(250, 250, 250, 250), expected: 2 },
    {
      name: "what does not divide, rounded up",
      metric: cpu(50),
      current: 3,
      reading: use(600, 600, 600),
      expected: 4,
    },
    {
      name: "the mean of unlike ones",
      metric: cpu(50),
      current: 5,
      reading: use(100, 300, 500, 250, 250),
      expected: 3,
    },
    { name: "nothing at all", metric: cpu(50), current: 4, reading: use(0, 0, 0, 0), expected: 0 },
    {
      name: "unlike requests: the sums count",
      metric: cpu(50),
      current: 2,
      reading: use(300, 900),
      instances: some(2, { requests: { cpuMillis: 3_000, memoryBytes: 100 } }),
      // 1,200 of 4,000 are 30 percent.
      expected: 2,
    },
    {
      name: "whole percents",
      metric: cpu(80),
      current: 10,
      reading: use(...Array.from({ length: 10 }, () => 889)),
      expected: 10,
    },
    {
      name: "an average in millicores",
      metric: cpuAverage("250m"),
      current: 2,
      reading: use(500, 500),
      expected: 4,
    },
    {
      name: "an average in bytes",
      metric: memoryAverage("1Ki"),
      current: 2,
      reading: use(4_096, 2_048),
      expected: 6,
    },
    { name: "a share of memory", metric: memory(50), current: 2, reading: use(100, 100), expected: 4 },
    { name: "above what is requested", metric: cpu(50), current: 1, reading: use(4_000), expected: 8 },

    {
      name: "up, at the edge of the tolerance",
      metric: cpu(100),
      current: 10,
      reading: use(...Array.from({ length: 10 }, () => 1_100)),
      expected: 10,
    },
    {
      name: "up, beyond the tolerance",
      metric: cpu(100),
      current: 10,
      reading: use(...Array.from({ length: 10 }, () => 1_110)),
      expected: 12,
    },
    {
      name: "down, at the edge of the tolerance",
      metric: cpu(100),
      current: 10,
      reading: use(...Array.from({ length: 10 }, () => 900)),
      expected: 10,
    },
    {
      name: "down, beyond the tolerance",
      metric: cpu(100),
      current: 10,
      reading: use(...Array.from({ length: 10 }, () => 890)),
      expected: 9,
    },
    {
      name: "no tolerance up",
      metric: cpu(100),
      current: 10,
      reading: use(...Array.from({ length: 10 }, () => 1_010)),
      behavior: { scaleUp: { selectPolicy: "Max", tolerance: 0 } },
      expected: 11,
    },
    {
      name: "no tolerance up is none down",
      metric: cpu(100),
      current: 10,
      reading: use(...Array.from({ length: 10 }, () => 910)),
      behavior: { scaleUp: { selectPolicy: "Max", tolerance: 0 } },
      expected: 10,
    },
    {
      name: "a tolerance of half down",
      metric: cpu(100),
      current: 10,
      reading: use(...Array.from({ length: 10 }, () => 500)),
      behavior: { scaleDown: { selectPolicy: "Max", tolerance: "500m" } },
      expected: 10,
    },

    {
      name: "missing ones, up: as if they used nothing",
      metric: cpu(50),
      current: 4,
      reading: use(1_000, 1_000, 1_000),
      instances: some(4, young),
      expected: 6,
    },
    {
      name: "missing ones, up: no change, if that turns it",
      metric: cpu(50),
      current: 4,
      reading: use(600),
      instances: some(4, young, young, young),
      expected: 4,
    },
    {
      name: "missing ones, down: as if they used all that they request",
      metric: cpu(100),
      current: 5,
      reading: use(200, 200, 200, 200),
      instances: some(5, young),
      expected: 2,
    },
    {
      name: "missing ones, down: no change, if that turns it",
      metric: cpu(50),
      current: 4,
      reading: use(400, 400),
      instances: some(4, young, young),
      expected: 4,
    },
    {
      name: "missing ones, down, and a target above 100: as if they were at the target",
      metric: cpu(300),
      current: 3,
      reading: use(600, 600),
      instances: some(3, young),
      expected: 2,
    },
    {
      name: "missing ones, down, an average: as if they were at it",
      metric: cpuAverage("1"),
      current: 4,
      reading: use(100, 100),
      instances: some(4, young, young),
      expected: 3,
    },
    {
      name: "missing ones, at the target: no change",
      metric: cpuAverage("1"),
      current: 4,
      reading: use(1_000, 1_000),
      instances: some(4, young, young),
      expected: 4,
    },
    {
      name: "missing ones within the tolerance: no change",
      metric: cpu(100),
      current: 4,
      reading: use(1_080, 1_080, 1_080),
      instances: some(4, young),
      expected: 4,
    },
    {
      name: "all missing",
      metric: cpu(50),
      current: 2,
      reading: use(undefined, undefined),
      expected: /^NoData: nothing is known of what the ready instances use/,
    },
    {
      name: "samples of others",
      metric: cpu(50),
      current: 2,
      reading: { kind: "perInstance", samples: new Map([["x", 5]]), atMs: 0 },
      expected: /^NoData/,
    },
    {
      name: "samples of more than there are",
      metric: cpu(50),
      current: 1,
      reading: use(1_000, 1_000, 1_000),
      instances: instances(1),
      expected: 2,
    },
    {
      name: "samples that are no numbers",
      metric: cpu(50),
      current: 2,
      reading: use(Number.NaN, -5),
      expected: /^NoData/,
    },
    {
      name: "no instances",
      metric: cpu(50),
      current: 2,
      reading: use(),
      instances: [],
      expected: /^NoData: there are no instances/,
    },
    {
      name: "a request that is missing",
      metric: cpu(50),
      current: 2,
      reading: use(5, 5),
      instances: some(2, { requests: { cpuMillis: 0, memoryBytes: 5 } }),
      expected: /^Misdeclared: 1 of 2 instances request no cpu.*set resources.requests.cpu/,
    },
    {
      name: "an average needs no request",
      metric: cpuAverage("5m"),
      current: 2,
      reading: use(10, 10),
      instances: some(2, { requests: { cpuMillis: 0, memoryBytes: 5 } }),
      expected: 4,
    },

    {
      name: "pending ones, up: as if they used nothing",
      metric: cpu(50),
      current: 4,
      reading: use(1_000, 1_000, 1_000),
      instances: some(4, pending),
      expected: 6,
    },
    {
      name: "starting ones, up, of memory as well",
      metric: memory(50),
      current: 4,
      reading: use(100, 100, 100),
      instances: some(4, starting),
      expected: 6,
    },
    {
      name: "unready ones, up: less",
      metric: cpu(50),
      current: 4,
      reading: use(1_000, 1_000, 1_000, 1_000),
      instances: some(4, notReadyYet),
      expected: 6,
    },
    {
      name: "unready ones, up: no change, if that turns it",
      metric: cpu(50),
      current: 3,
      reading: use(600, 1_000, 1_000),
      instances: some(3, notReadyYet, notReadyYet),
      expected: 3,
    },
    {
      name: "unready ones, down: do not count",
      metric: cpu(50),
      current: 5,
      reading: use(250, 250, 250, 900, 900),
      instances: some(5, notReadyYet, notReadyYet),
      expected: 2,
    },
    {
      name: "unready ones of whom nothing is known are missing",
      metric: cpu(50),
      current: 5,
      reading: use(250, 250, 250, undefined, undefined),
      instances: some(5, { ...young, isReady: false }, { ...young, isReady: false }),
      expected: 5,
    },
    {
      name: "unready ones count for memory",
      metric: memory(50),
      current: 4,
      reading: use(100, 100, 100, 100),
      instances: some(4, notReadyYet),
      expected: 8,
    },
    {
      name: "unready ones count when they have run for long",
      metric: cpu(50),
      current: 4,
      reading: use(1_000, 1_000, 1_000, 1_000),
      instances: some(4, notReadyForLong),
      expected: 8,
    },
    {
      name: "ready ones count while they start up",
      metric: cpu(50),
      current: 4,
      reading: use(1_000, 1_000, 1_000, 1_000),
      instances: some(4, young),
      expected: 8,
    },
    {
      name: "none but unready ones",
      metric: cpu(50),
      current: 2,
      reading: use(900, 900),
      instances: some(2, notReadyYet, notReadyYet),
      expected: /^NoData/,
    },
    {
      name: "unready and missing ones, up",
      metric: cpu(50),
      current: 6,
      reading: use(1_000, 1_000, 1_000, 1_000, 1_000),
      instances: some(6, notReadyYet, young),
      expected: 8,
    },
    {
      name: "unready and missing ones, down",
      metric: cpu(100),
      current: 6,
      reading: use(200, 200, 200, 200, 900),
      instances: some(6, notReadyYet, young),
      expected: 2,
    },
    {
      name: "stopping ones, up: nobody",
      metric: cpu(50),
      current: 3,
      reading: use(1_000, 1_000, 1_000, 0),
      instances: some(4, stopping),
      expected: 6,
    },
    {
      name: "stopping ones, down: nobody",
      metric: cpu(50),
      current: 4,
      reading: use(250, 250, 250, 250, 5_000),
      instances: some(5, stopping),
      expected: 2,
    },
    {
      name: "more than there should be: never more while below",
      metric: cpu(100),
      current: 2,
      reading: use(800, 800, 800, 800),
      instances: instances(4),
      expected: 2,
    },
    {
      name: "fewer than there should be: never fewer while above",
      metric: cpu(100),
      current: 8,
      reading: use(1_500, 1_500),
      instances: instances(2),
      expected: 8,
    },
    {
      name: "one of a workload for another kind of metric",
      metric: inFlight(1),
      current: 2,
      reading: use(5, 5),
      expected: /^Malformed/,
    },
    {
      name: "a hundred thousand",
      metric: cpu(50),
      current: 100_000,
      reading: use(...Array.from({ length: 100_000 }, () => 600)),
      expected: 120_000,
    },
  ];
  test.each(rows)("decide: proposes by $name", check);
});

describe("values of the whole workload", () => {
  const rows: readonly Row[] = [
    { name: "an average, up", metric: list(10), current: 3, reading: value(60), expected: 6 },
    { name: "an average, rounded up", metric: list(10), current: 3, reading: value(51), expected: 6 },
    { name: "an average, down", metric: list(10), current: 3, reading: value(20), expected: 2 },
    {
      name: "an average at the edge of the tolerance",
      metric: list(10),
      current: 10,
      reading: value(110),
      expected: 10,
    },
    {
      name: "an average beyond the tolerance",
      metric: list(10),
      current: 10,
      reading: value(111),
      expected: 12,
    },
    {
      name: "an average below the tolerance",
      metric: list(10),
      current: 10,
      reading: value(89),
      expected: 9,
    },
    {
      name: "an average of tenths, in binary",
      metric: list("100m"),
      current: 1,
      reading: value(0.1 + 0.2),
      expected: 3,
    },
    { name: "an average of nothing", metric: list(10), current: 3, reading: value(0), expected: 0 },
    { name: "less than nothing", metric: list(10), current: 3, reading: value(-50), expected: 0 },
    {
      name: "an average, whatever is ready",
      metric: list(10),
      current: 3,
      reading: value(60),
      instances: [],
      expected: 6,
    },
    { name: "a value, up", metric: query({ value: 100 }), current: 4, reading: value(150), expected: 6 },
    { name: "a value, down", metric: query({ value: 100 }), current: 4, reading: value(50), expected: 2 },
    {
      name: "a value within the tolerance",
      metric: query({ value: 100 }),
      current: 4,
      reading: value(109),
      expected: 4,
    },
    {
      name: "a value: the ready ones have made it",
      metric: query({ value: 100 }),
      current: 4,
      reading: value(300),
      instances: some(4, pending, notReadyYet),
      expected: 6,
    },
    {
      name: "a value: never fewer while above",
      metric: query({ value: 100 }),
      current: 4,
      reading: value(150),
      instances: some(4, pending, pending, pending),
      expected: 4,
    },
    {
      name: "a value: never more while below",
      metric: query({ value: 100 }),
      current: 2,
      reading: value(80),
      instances: instances(5),
      expected: 2,
    },
    {
      name: "a value where none is ready",
      metric: query({ value: 100 }),
      current: 4,
      reading: value(1),
      instances: some(2, pending, pending),
      expected: 4,
    },
    {
      name: "more than can be counted",
      metric: query({ averageValue: "1m" }),
      current: 1,
      reading: value(1e300),
      expected: 2 ** 31 - 1,
    },
    {
      name: "infinitely much",
      metric: query({ value: 1 }),
      current: 1,
      reading: value(Number.POSITIVE_INFINITY),
      expected: /^NoData: its value is Infinity/,
    },
    {
      name: "no number",
      metric: query({ value: 1 }),
      current: 1,
      reading: value(Number.NaN),
      expected: /^NoData: its value is NaN/,
    },
    {
      name: "a target that validation would refuse",
      metric: query({ value: 0 }),
      current: 1,
      reading: value(5),
      expected: /^Misdeclared/,
    },
    { name: "a schedule that is on", metric: schedule(7), current: 2, reading: value(1), expected: 7 },
    {
      name: "a schedule that is on, without tolerance",
      metric: schedule(101),
      current: 100,
      reading: value(1),
      expected: 101,
    },
    { name: "a schedule that is off", metric: schedule(7), current: 2, reading: value(0), expected: 0 },
  ];
  test.each(rows)("decide: proposes by $name", check);
});
