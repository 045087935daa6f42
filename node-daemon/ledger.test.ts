import { expect, test } from "vitest";
import { FakeClock } from "../kit/fake-clock.ts";
import { silentLog } from "../kit/log.ts";
import { assigned } from "./core/lifecycle.ts";
import { Ledger } from "./ledger.ts";
import type { CheckpointChange } from "./session/checkpoint.ts";
import { buildAssignment } from "./testing/builders.ts";

const { lifecycle } = assigned({
  restart: "Always",
  stopNotice: "none",
  heldBack: "nothing",
  hasPreStop: false,
});

function build() {
  const clock = new FakeClock();
  const written: (readonly CheckpointChange[])[] = [];
  const disk = { full: false };
  const commit = (changes: readonly CheckpointChange[]) => {
    if (disk.full) throw new Error("no space left");
    written.push(changes);
  };
  const instanceOf = (uid: string) =>
    uid === "gone" ? undefined : { assignment: buildAssignment({ uid }), lifecycle };
  const ledger = new Ledger({ checkpoint: { commit }, instanceOf, clock, log: silentLog });
  return { clock, written, disk, ledger };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("Ledger: one turn is one transaction, and drivers are told after it", async () => {
  const { ledger, written } = build();
  const order: string[] = [];
  ledger.add({ kind: "removeInstance", uid: "x" });
  ledger.note("a");
  ledger.note("a");
  ledger.note("gone");
  ledger.afterCommit(() => order.push(`start after ${written.length}`));
  ledger.afterCommit(() => order.push("settle"));
  expect(order).toEqual([]);
  await turn();
  expect(written.map((changes) => changes.map(({ kind }) => kind))).toEqual([
    ["removeInstance", "putInstance"],
  ]);
  expect(order).toEqual(["start after 1", "settle"]);
});

test("Ledger: a full disk delays everything and loses nothing", () => {
  const { ledger, written, disk, clock } = build();
  const told: string[] = [];
  disk.full = true;
  ledger.note("a");
  ledger.afterCommit(() => told.push("start"));
  ledger.commit();
  expect(told).toEqual([]);
  disk.full = false;
  clock.advance(1000);
  expect(told).toEqual(["start"]);
  expect(written).toHaveLength(1);
});

test("Ledger: a task that fails takes no other one with it", () => {
  const { ledger } = build();
  const told: string[] = [];
  ledger.afterCommit(() => {
    throw new Error("bug");
  });
  ledger.afterCommit(() => told.push("second"));
  ledger.commit();
  expect(told).toEqual(["second"]);
});

test("Ledger: nothing after close", async () => {
  const { ledger, written } = build();
  ledger.note("a");
  ledger.close();
  ledger.note("b");
  await turn();
  expect(written).toHaveLength(1);
});
