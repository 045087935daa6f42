import { expect, test } from "vitest";
import type { InstanceLoad, WorkloadFigures } from "../gateway/control.ts";
import { Figures, type SummedFigures, wholeFigures } from "./figures.ts";

const counted = (uid: string, n: number): WorkloadFigures => ({
  uid,
  arrived: 3 * n,
  inFlight: n,
  waiting: n,
  instances: [],
  requests: { "1xx": 0, "2xx": n, "3xx": 0, "4xx": 0, "5xx": 1 },
  durations: [n, 0, 1],
  durationSumMs: 10 * n,
  wakeUps: n,
  wakeUpSumMs: n,
  retries: n,
});

/** Nothing of it waits with an instance. */
function summed({ instances: _instances, ...counts }: WorkloadFigures): SummedFigures {
  return { ...counts, queued: counts.waiting };
}

const figuresOf = (hasPast: (gateway: string) => boolean = () => false) =>
  new Figures<string>({ hasPast, idOf: (gateway) => gateway });

test("Figures: those of all gateways together, each as it said last", () => {
  const figures = figuresOf();
  figures.note("g", [counted("w", 1), counted("v", 5)]);
  figures.note("g", [counted("w", 2)]);
  figures.note("h", [counted("w", 3)]);
  expect(figures.all()).toEqual([
    {
      ...summed(counted("w", 5)),
      requests: { "1xx": 0, "2xx": 5, "3xx": 0, "4xx": 0, "5xx": 2 },
      durations: [5, 0, 2],
      durationSumMs: 50,
    },
    summed(counted("v", 5)),
  ]);
});

test("Figures: what a gateway that is gone has counted stays, and nothing of it is under way", () => {
  const figures = figuresOf();
  figures.note("g", [counted("w", 2)]);
  expect(figures.died("g")).toEqual(["w"]);
  expect(figures.died("never there")).toEqual([]);
  expect(figures.all()).toEqual([{ ...summed(counted("w", 2)), inFlight: 0, waiting: 0, queued: 0 }]);
  figures.note("h", [counted("w", 1)]);
  expect(figures.all()[0]?.requests["2xx"]).toBe(3);
});

test("Figures: a workload that is gone has none", () => {
  const figures = figuresOf();
  figures.note("g", [counted("w", 2)]);
  figures.died("g");
  figures.note("h", [counted("w", 2)]);
  figures.forget("w");
  expect(figures.all()).toEqual([]);
});

test("Figures.traffic: what all gateways say of one workload", () => {
  const figures = figuresOf();
  figures.note("g", [counted("w", 1), counted("v", 5)]);
  figures.note("h", [counted("w", 3)]);
  expect(figures.traffic("w")).toEqual({ uid: "w", arrived: 12, inFlight: 4, queued: 4 });
  figures.died("h");
  expect(figures.traffic("w")).toEqual({ uid: "w", arrived: 12, inFlight: 1, queued: 1 });
  expect(figures.traffic("none")).toBeUndefined();
  figures.forget("w");
  expect(figures.traffic("w")).toBeUndefined();
});

test("Figures.traffic: what arrived at a gateway before this daemon began is not counted, and all that arrives after it", () => {
  const figures = figuresOf((gateway) => gateway.startsWith("found"));
  figures.note("found", [counted("w", 100)]);
  expect(figures.traffic("w")).toMatchObject({ arrived: 0, inFlight: 100 });
  figures.note("found", [counted("w", 101), counted("v", 2)]);
  expect(figures.traffic("w")?.arrived).toBe(3);
  expect(figures.traffic("v")?.arrived).toBe(6);
  figures.note("started", [counted("w", 10)]);
  figures.note("found too", [counted("w", 50)]);
  expect(figures.traffic("w")?.arrived).toBe(33);
  figures.died("found");
  expect(figures.traffic("w")?.arrived).toBe(33);
  // Prometheus is told all of it.
  expect(figures.all().find(({ uid }) => uid === "w")?.arrived).toBe(303 + 30 + 150);
});

const load = (uid: string, inFlight: number) => ({ uid, inFlight, concurrency: 4 });

test("Figures.traffic: what waits with an instance are the requests beyond its concurrency, whoever has sent them there", () => {
  const figures = figuresOf();
  const note = (gateway: string, ...instances: readonly InstanceLoad[]) =>
    figures.note(gateway, [{ ...counted("w", 0), waiting: 1, instances }]);
  const queued = () => figures.traffic("w")?.queued;
  note("g", load("i", 4), load("j", 9));
  expect(queued()).toBe(1 + 5);
  note("h", load("i", 3), load("k", 4));
  expect(queued()).toBe(2 + 3 + 5);
  note("g", load("i", 1));
  expect(queued()).toBe(2);
  note("g", load("i", 2));
  expect(queued()).toBe(2 + 1);
  figures.died("h");
  expect(queued()).toBe(1);
});

test("Figures.note: says of which workloads that is news", () => {
  const figures = figuresOf((gateway) => gateway === "found");
  const note = (gateway: string, ...instances: readonly InstanceLoad[]) =>
    figures.note(gateway, [
      { ...counted("w", 1), instances },
      { ...counted("v", 1), instances: [] },
    ]);
  expect(note("g")).toEqual(["w", "v"]);
  expect(note("g", load("i", 4))).toEqual([]);
  expect(note("g", load("i", 5))).toEqual(["w"]);
  expect(note("found")).toEqual(["w", "v"]);
});

test("wholeFigures: a gateway of before says less, and what waits of its own requests waits beside those of others", () => {
  const { arrived: _arrived, instances: _instances, ...less } = counted("w", 3);
  const unnamed = (inFlight: number) => ({ uid: "", inFlight, concurrency: 0 });
  expect(wholeFigures(less)).toEqual({ ...counted("w", 3), arrived: 7, instances: [unnamed(0)] });
  expect(wholeFigures(counted("w", 3))).toEqual(counted("w", 3));
  const old = wholeFigures({ ...less, queued: 5 });
  expect(old).toEqual({ ...counted("w", 3), arrived: 7, instances: [unnamed(2)] });
  const figures = figuresOf();
  figures.note("old", [old]);
  figures.note("older", [old]);
  figures.note("new", [{ ...counted("w", 0), instances: [load("i", 5)] }]);
  expect(figures.traffic("w")?.queued).toBe(5 + 5 + 1);
});

test("Figures.load: what a daemon before has written down counts until its gateway speaks, and nothing of it is news", () => {
  const before = figuresOf();
  before.note("gone", [counted("w", 1)]);
  before.died("gone");
  before.note("dies", [{ ...counted("w", 2), instances: [load("i", 9)] }]);
  before.note("stays", [counted("w", 3), counted("unknown", 1)]);
  const arrived = (figures: Figures<string>) =>
    figures.all().map((sum) => [sum.uid, sum.arrived, sum.queued]);
  const figures = figuresOf((gateway) => gateway === "stays");
  figures.load(before.toSave(() => true));
  expect(arrived(figures)).toEqual([
    ["w", 3 + 6 + 9, 0],
    ["unknown", 3, 0],
  ]);
  figures.loadedOnly(new Set(["stays"]));
  expect(figures.traffic("w")).toBeUndefined();
  figures.note("stays", [counted("w", 4)]);
  expect(arrived(figures)).toEqual([["w", 3 + 6 + 12, 4]]);
  expect(figures.traffic("w")).toMatchObject({ arrived: 0, inFlight: 4 });
  // And so on with the next one.
  const next = figuresOf();
  next.load(figures.toSave((uid) => uid === "w"));
  next.note("stays", [counted("w", 5)]);
  expect(arrived(next)).toEqual([["w", 3 + 6 + 15, 5]]);
  next.forget("w");
  expect([next.all(), Object.values(next.toSave(() => true)).flat()]).toEqual([[], []]);
});
