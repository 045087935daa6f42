import { beforeEach, expect, test } from "vitest";
import { Drains } from "./drains.ts";

let gateways: string[];
let asked: string[];
let drains: Drains<string>;
beforeEach(() => {
  gateways = ["g", "h"];
  asked = [];
  drains = new Drains({
    gateways: () => gateways,
    ask: (gateway, uid) => asked.push(`${gateway} ${uid}`),
  });
});

/** Whether it is settled now. */
async function settled(promise: Promise<void>): Promise<boolean> {
  return await Promise.race([promise.then(() => true), new Promise<boolean>((r) => setImmediate(r, false))]);
}

test("Drains: each gateway is waited for", async () => {
  const done = drains.begin("a");
  expect(asked).toEqual(["g a", "h a"]);
  drains.drained("g", "a");
  drains.drained("g", "a");
  expect(await settled(done)).toBe(false);
  drains.drained("h", "a");
  expect(await settled(done)).toBe(true);
});

test("Drains: who waits later waits for the same", async () => {
  void drains.begin("a");
  const again = drains.begin("a");
  expect(asked.length).toBe(2);
  for (const gateway of gateways) drains.drained(gateway, "a");
  expect(await settled(again)).toBe(true);
});

test("Drains: without a gateway nothing is under way", async () => {
  gateways = [];
  expect(await settled(drains.begin("a"))).toBe(true);
});

test("Drains: a gateway that is dead has nothing under way", async () => {
  const done = drains.begin("a");
  drains.drained("g", "a");
  drains.died("h");
  expect(await settled(done)).toBe(true);
});

test("Drains: one whose connection was lost is asked again, one that comes anew is not", () => {
  void drains.begin("a");
  drains.drained("g", "a");
  expect(drains.askedOf("h")).toEqual(["a"]);
  expect(drains.askedOf("g")).toEqual([]);
  expect(drains.askedOf("new")).toEqual([]);
});

test("Drains: what is forgotten is waited for by nobody", async () => {
  const done = drains.begin("a");
  drains.forget("a");
  expect(await settled(done)).toBe(true);
  expect(drains.askedOf("g")).toEqual([]);
  drains.drained("g", "a");
});
