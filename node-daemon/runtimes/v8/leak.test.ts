import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { guests } from "../../shim/test-guests.ts";
import { TestNode } from "./test-driver.ts";

const mappingsOf = (pid: number) => readFileSync(`/proc/${pid}/maps`, "utf8").split("\n").length;

test("shim: thousands of starts and stops leave no more behind than one round did", async () => {
  await using node = new TestNode();
  const { driver, told } = await node.open();
  const module = await node.prepared(driver, guests.sleeps(3_600_000));
  const perRound = 500;
  const after: number[] = [];
  for (let round = 0; round < 8; round++) {
    const uids = Array.from({ length: perRound }, (_, index) => `run-${round}-${index}`);
    for (const uid of uids) driver.start(node.spec(uid, module));
    await told.hasStarted((round + 1) * perRound);
    for (const uid of uids) driver.stop(uid, 0);
    await told.hasEnded((round + 1) * perRound);
    for (const uid of uids) driver.settle({ uid, run: 0 });
    after.push(mappingsOf(node.shimPids()[0]!));
  }
  // The engine keeps stacks for the next instance, and memories until it collects: some three rounds at most, not eight.
  expect(Math.max(...after)).toBeLessThan((after[0] ?? 0) + 3 * 5 * perRound);
  expect(new Set(told.ends.map(({ end }) => end.kind))).toEqual(new Set(["stopped"]));
  expect(told.ends).toHaveLength(8 * perRound);
});
