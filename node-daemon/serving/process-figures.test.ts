import { expect, test } from "vitest";
import type { ProcessFigures } from "../gateway/control.ts";
import { ProcessBook } from "./process-figures.ts";

const figures = (n: number): ProcessFigures => ({
  connections: { http: n, https: 0, peer: 1, functions: 0 },
  accepted: { http: 10 * n, https: 0, peer: 1, functions: 0 },
  connectionsRefused: { perClient: n, inAll: 0 },
  handshakesFailed: n,
  refusals: { NoRoute: n },
  droppedLogLines: n,
  cpuSeconds: n,
  residentBytes: 100 * n,
  loopDelayMs: n,
  loopUtilization: n / 10,
});

test("ProcessBook: processes together, and the one that is worst off", () => {
  const book = new ProcessBook<string>();
  expect(book.all()).toBeUndefined();
  book.note("g", figures(9));
  book.note("g", figures(1));
  const traceSpans = { exported: 3, dropped: 2, failed: 1 };
  book.note("h", { ...figures(2), refusals: { NoRoute: 2, BadRequest: 5 }, traceSpans });
  expect(book.all()).toEqual({
    count: 2,
    connections: { http: 3, https: 0, peer: 2, functions: 0 },
    accepted: { http: 30, https: 0, peer: 2, functions: 0 },
    connectionsRefused: { perClient: 3, inAll: 0 },
    handshakesFailed: 3,
    refusals: { NoRoute: 3, BadRequest: 5 },
    droppedLogLines: 3,
    // A gateway of a version before says nothing of them.
    traceSpans,
    cpuSeconds: 3,
    residentBytes: 300,
    loopDelayMs: 2,
    loopUtilization: 0.2,
  });
});

test("ProcessBook: of one that is gone stays what it has counted", () => {
  const book = new ProcessBook<string>();
  book.note("g", figures(3));
  book.died("g");
  book.died("never there");
  expect(book.all()).toMatchObject({
    count: 0,
    connections: { http: 0, peer: 0 },
    accepted: { http: 30 },
    refusals: { NoRoute: 3 },
    cpuSeconds: 3,
    residentBytes: 0,
    loopDelayMs: 0,
    loopUtilization: 0,
  });
});
