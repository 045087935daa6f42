import { expect, test } from "vitest";
import type { WorkloadFigures } from "../gateway/control.ts";
import { Figures, wholeFigures } from "./figures.ts";

const counted = (uid: string, n: number): WorkloadFigures => ({
  uid,
  arrived: 3 * n,
  inFlight: n,
  waiting: n,
  queued: 2 * n,
  requests: { "1xx": 0, "2xx": n, "3xx": 0, "4xx": 0, "5xx": 1 },
  durations: [n, 0, 1],
  durationSumMs: 10 * n,
  wakeUps: n,
  wakeUpSumMs: n,
  retries: n,
});

test("Figures: those of all gateways together, each as it said last", () => {
  const figures = new Figures<string>(() => false);
  figures.note("g", [counted("w", 1), counted("v", 5)]);
  figures.note("g", [counted("w", 2)]);
  figures.note("h", [counted("w", 3)]);
  expect(figures.all()).toEqual([
    {
      ...counted("w", 5),
      requests: { "1xx": 0, "2xx": 5, "3xx": 0, "4xx": 0, "5xx": 2 },
      durations: [5, 0, 2],
      durationSumMs: 50,
    },
    counted("v", 5),
  ]);
});

test("Figures: what a gateway that is gone has counted stays, and nothing of it is under way", () => {
  const figures = new Figures<string>(() => false);
  figures.note("g", [counted("w", 2)]);
  expect(figures.died("g")).toEqual(["w"]);
  expect(figures.died("never there")).toEqual([]);
  expect(figures.all()).toEqual([{ ...counted("w", 2), inFlight: 0, waiting: 0, queued: 0 }]);
  figures.note("h", [counted("w", 1)]);
  expect(figures.all()[0]?.requests["2xx"]).toBe(3);
});

test("Figures: a workload that is gone has none", () => {
  const figures = new Figures<string>(() => false);
  figures.note("g", [counted("w", 2)]);
  figures.died("g");
  figures.note("h", [counted("w", 2)]);
  figures.forget("w");
  expect(figures.all()).toEqual([]);
});

test("Figures.traffic: what all gateways say of one workload", () => {
  const figures = new Figures<string>(() => false);
  figures.note("g", [counted("w", 1), counted("v", 5)]);
  figures.note("h", [counted("w", 3)]);
  expect(figures.traffic("w")).toEqual({ uid: "w", arrived: 12, inFlight: 4, queued: 8 });
  figures.died("h");
  expect(figures.traffic("w")).toEqual({ uid: "w", arrived: 12, inFlight: 1, queued: 2 });
  expect(figures.traffic("none")).toBeUndefined();
  figures.forget("w");
  expect(figures.traffic("w")).toBeUndefined();
});

test("Figures.traffic: what arrived at a gateway before this daemon began is not counted, and all that arrives after it", () => {
  const figures = new Figures<string>((gateway) => gateway.startsWith("found"));
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

test("wholeFigures: a gateway of before says less", () => {
  const { arrived: _arrived, queued: _queued, ...less } = counted("w", 3);
  expect(wholeFigures(less)).toEqual({ ...counted("w", 3), arrived: 7, queued: 3 });
  expect(wholeFigures(counted("w", 3))).toEqual(counted("w", 3));
});
