import { expect, test } from "vitest";
import type { WorkloadFigures } from "../gateway/control.ts";
import { Figures } from "./figures.ts";

const counted = (uid: string, n: number): WorkloadFigures => ({
  uid,
  inFlight: n,
  waiting: n,
  requests: { "1xx": 0, "2xx": n, "3xx": 0, "4xx": 0, "5xx": 1 },
  durations: [n, 0, 1],
  durationSumMs: 10 * n,
  wakeUps: n,
  wakeUpSumMs: n,
  retries: n,
});

test("Figures: those of all gateways together, each as it said last", () => {
  const figures = new Figures<string>();
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
  const figures = new Figures<string>();
  figures.note("g", [counted("w", 2)]);
  figures.died("g");
  figures.died("never there");
  expect(figures.all()).toEqual([{ ...counted("w", 2), inFlight: 0, waiting: 0 }]);
  figures.note("h", [counted("w", 1)]);
  expect(figures.all()[0]?.requests["2xx"]).toBe(3);
});

test("Figures: connections of all gateways together; those of one that is gone are closed, and its refusals stay", () => {
  const figures = new Figures<string>();
  const said = (open: number, perClient: number) => ({ open, refused: { perClient, inAll: 1 } });
  figures.noteConnections("g", said(3, 1));
  figures.noteConnections("g", said(4, 2));
  figures.noteConnections("h", said(5, 3));
  expect(figures.connections()).toEqual({ open: 9, refused: { perClient: 5, inAll: 2 } });
  figures.died("g");
  figures.died("g");
  expect(figures.connections()).toEqual({ open: 5, refused: { perClient: 5, inAll: 2 } });
});

test("Figures: a workload that is gone has none", () => {
  const figures = new Figures<string>();
  figures.note("g", [counted("w", 2)]);
  figures.died("g");
  figures.note("h", [counted("w", 2)]);
  figures.forget("w");
  expect(figures.all()).toEqual([]);
});
