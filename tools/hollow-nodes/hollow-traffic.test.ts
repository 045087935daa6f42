import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { type HollowLoad, levelAt, sleepingLoad, workBetween } from "./hollow-load.ts";
import { HollowTraffic } from "./hollow-traffic.ts";

const busy: HollowLoad = { ...sleepingLoad, requestsPerSecond: 10, answerMs: 500 };

function setUp(load: HollowLoad) {
  const clock = new FakeClock(0);
  const running = new Map([["w", 3]]);
  const traffic = new HollowTraffic({ load, running: () => running, clock });
  const told: string[] = [];
  traffic.onTraffic((uid) => told.push(uid));
  return { clock, running, traffic, told };
}

test("HollowTraffic: each instance has its requests", () => {
  const { clock, running, traffic, told } = setUp(busy);
  expect(traffic.uids()).toEqual([]);
  clock.advance(10_000);
  expect(traffic.trafficOf("w")).toEqual({ uid: "w", arrived: 300, inFlight: 15, queued: 0 });
  expect(told).toHaveLength(10);
  running.set("w", 1).set("v", 2);
  clock.advance(1_000);
  expect(traffic.trafficOf("w")).toMatchObject({ arrived: 310, inFlight: 5 });
  expect(traffic.uids()).toEqual(["w", "v"]);
  running.delete("w");
  told.length = 0;
  clock.advance(1_000);
  expect(traffic.trafficOf("w")).toBeUndefined();
  expect(told).toEqual(["w", "v"]);
  traffic.close();
  clock.advance(10_000);
  expect(told).toHaveLength(2);
});

test("HollowTraffic: without a load nothing is told", () => {
  const { clock, told } = setUp(sleepingLoad);
  clock.advance(60_000);
  expect(told).toEqual([]);
});

test("workBetween: of a wave it is what its level comes to, never less than nothing, and the average over all of it", () => {
  const load = { ...busy, waveMs: 60_000 };
  let sum = 0;
  for (let atMs = 12_345; atMs < 72_345; atMs += 100) {
    const work = workBetween(load, atMs, atMs + 100);
    expect(work).toBeGreaterThanOrEqual(0);
    expect(work).toBeCloseTo(100 * levelAt(load, atMs + 50), 1);
    sum += work;
  }
  expect(sum).toBeCloseTo(60_000, 6);
  expect(workBetween(load, 5, 5)).toBe(0);
  expect(workBetween(load, 6, 5)).toBe(0);
});
