import { expect, test } from "vitest";
import { RequestTimes } from "./request-times.ts";

const never = Number.POSITIVE_INFINITY;

test("RequestTimes: each step has its own time, and the route one for all of them", () => {
  const times = new RequestTimes(100, { requestTimeoutMs: 1_000 });
  expect(times.dueMs).toBe(1_100);
  times.gather(30);
  expect(times.dueMs).toBe(130);
  times.gathered(120);
  times.hold(120, 10);
  expect(times.dueMs).toBe(130);
  times.released(125);
  expect(times.attempt(125, 50)).toBe(175);
  times.hold(150, 10);
  expect(times.dueMs).toBe(130);
  times.released(155);
  times.attempt(155, 5_000);
  expect(times.dueMs).toBe(1_100);
  expect(times.timing(160)).toBe("wake;dur=10.0, queue;dur=45.0, backend;dur=5.0");
});

test("RequestTimes: without a limit of the route there is that of the step alone", () => {
  const times = new RequestTimes(0, { requestTimeoutMs: 0 });
  expect([times.wholeDueMs, times.dueMs]).toEqual([never, never]);
  times.attempt(0, 50);
  expect(times.dueMs).toBe(50);
});

test("RequestTimes: an answer that has begun is due when nothing has come for long, or the attempt's time is over", () => {
  const times = new RequestTimes(0, { requestTimeoutMs: 0 });
  times.attempt(0, 50);
  expect(times.answer(10, never, 1_000)).toBe(false);
  expect(times.dueMs).toBe(1_010);
  times.active(500);
  expect(times.dueMs).toBe(1_500);
  times.attempt(0, 50);
  expect(times.answer(10, never, 20)).toBe(true);
  times.attempt(0, 30);
  expect(times.answer(10, 40, 1_000)).toBe(false);
  expect(times.dueMs).toBe(40);
});

test("RequestTimes: once an upgrade is answered only silence counts, and that is how long it took", () => {
  const times = new RequestTimes(100, { requestTimeoutMs: 1_000 });
  times.attempt(200, 300);
  expect([times.dueMs, times.durationMs(250)]).toEqual([500, 150]);
  times.upgraded(250, 5_000);
  expect([times.dueMs, times.wholeDueMs]).toEqual([5_250, never]);
  times.active(4_000);
  expect([times.dueMs, times.durationMs(9_000)]).toEqual([9_000, 150]);
});
