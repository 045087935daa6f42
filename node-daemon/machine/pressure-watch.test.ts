import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { silentLog } from "../../kit/log.ts";
import { ConditionBoard } from "./condition-board.ts";
import type { EvictionCandidate } from "./core/eviction-order.ts";
import { burstLimits, pressureLimits } from "./core/limits.ts";
import { PressureWatch } from "./pressure-watch.ts";

const mebibyte = 2 ** 20;
const capacityBytes = 1000 * mebibyte;

/** A machine of 1000 MiB, of which instances have 100 each: memory and disk. */
class SmallMachine {
  readonly clock = new FakeClock();
  readonly board = new ConditionBoard(this.clock, silentLog);
  readonly alive: EvictionCandidate[] = [];
  readonly evicted: string[] = [];
  /** What others have. */
  otherBytes = 0;
  garbageBytes = 0;
  stalledShare = 0;
  /** Evicted instances go at once. */
  obedient = true;
  collections = 0;
  releases = 0;
  readonly instances = {
    countMax: 100_000,
    count: 0,
    memoryCandidates: () => (this.short === "memory" ? this.alive : []),
    diskCandidates: () => Promise.resolve(this.short === "disk" ? this.alive : []),
    evict: (uid: string) => {
      this.evicted.push(uid);
      if (this.obedient) this.end(uid);
    },
  };
  readonly watch = new PressureWatch({
    room: {
      memory: () => ({ availableBytes: this.#available(), capacityBytes, stalledShare: this.stalledShare }),
      disk: () =>
        Promise.resolve({
          availableBytes: this.#available() - this.garbageBytes,
          capacityBytes,
          inodesFreeShare: 1,
        }),
    },
    instances: this.instances,
    thresholds: {
      evictionMemory: { kind: "share", share: 0.1 },
      evictionDisk: { kind: "bytes", bytes: 100 * mebibyte },
    },
    collectGarbage: () => {
      this.collections++;
      this.garbageBytes = 0;
      return Promise.resolve();
    },
    releaseHeap: () => this.releases++,
    board: this.board,
    clock: this.clock,
    log: silentLog,
  });
  readonly short: "memory" | "disk";

  constructor(short: "memory" | "disk", instances: readonly Partial<EvictionCandidate>[]) {
    this.short = short;
    for (const [at, given] of instances.entries()) {
      const uid = `uid-${at}`;
      const usage = 100 * mebibyte;
      this.alive.push({
        uid,
        namespace: "d",
        name: uid,
        qos: "Burstable",
        priority: 0,
        request: usage,
        usage,
        ...given,
      });
    }
  }

  end(uid: string): void {
    this.alive.splice(
      this.alive.findIndex((one) => one.uid === uid),
      1,
    );
  }

  is(type: string): boolean | undefined {
    return this.board.conditions().find((condition) => condition.type === type)?.status;
  }

  /** Looks are asynchronous for the disk only, and settle with the microtasks. */
  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 1000) {
      this.clock.advance(1000);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #available(): number {
    return capacityBytes - this.otherBytes - this.alive.length * 100 * mebibyte;
  }
}

test("PressureWatch: with enough of everything says so, and evicts nobody", async () => {
  const machine = new SmallMachine("memory", [{}]);
  await machine.watch.start();
  await machine.pass(60_000);
  expect(machine.board.conditions()).toMatchObject([
    { type: "InstancePressure", status: false },
    { type: "MemoryPressure", status: false, reason: "NodeHasSufficientMemory" },
    { type: "DiskPressure", status: false, reason: "NodeHasNoDiskPressure" },
  ]);
  expect(machine.evicted).toEqual([]);
});

test("PressureWatch: short of memory evicts in order, as many as are needed, and clears after a while", async () => {
  const machine = new SmallMachine("memory", [{ priority: 5 }, {}, { qos: "BestEffort", request: 0 }]);
  machine.otherBytes = 660 * mebibyte;
  await machine.watch.start();
  expect(machine.is("MemoryPressure")).toBe(true);
  // 40 of 1000 are available; 240 are wanted, which is two.
  expect(machine.evicted).toEqual(["uid-2", "uid-1"]);
  machine.otherBytes = 0;
  await machine.pass(5_000);
  expect(machine.is("MemoryPressure")).toBe(true);
  await machine.pass(pressureLimits.pressureMsMin);
  expect(machine.is("MemoryPressure")).toBe(false);
  expect(machine.evicted).toHaveLength(2);
  expect(machine.watch.evictions.memory).toBe(2);
});

test("PressureWatch: who was evicted is waited for, though not for ever", async () => {
  const machine = new SmallMachine("memory", [{}, {}, {}, {}]);
  machine.obedient = false;
  machine.otherBytes = 540 * mebibyte;
  await machine.watch.start();
  expect(machine.evicted).toEqual(["uid-0", "uid-1"]);
  await machine.pass(pressureLimits.evictionMsMax - 2000);
  expect(machine.evicted).toHaveLength(2);
  await machine.pass(4000);
  expect(machine.evicted).toEqual(["uid-0", "uid-1", "uid-2", "uid-3"]);
});

test("PressureWatch: a machine that stalls evicts after the grace", async () => {
  const machine = new SmallMachine("memory", [{}, {}]);
  machine.stalledShare = 0.5;
  await machine.watch.start();
  expect(machine.is("MemoryPressure")).toBe(true);
  expect(machine.evicted).toEqual([]);
  await machine.pass(pressureLimits.softGraceMs);
  expect(machine.evicted).toEqual(["uid-0"]);
});

test("PressureWatch: a full disk is emptied of garbage before anybody goes", async () => {
  const machine = new SmallMachine("disk", [{}]);
  machine.garbageBytes = 850 * mebibyte;
  await machine.watch.start();
  expect(machine.collections).toBe(1);
  expect(machine.evicted).toEqual([]);
  expect(machine.is("DiskPressure")).toBe(true);
  await machine.pass(pressureLimits.pressureMsMin + 1000);
  expect(machine.is("DiskPressure")).toBe(false);
});

test("PressureWatch: a disk that garbage does not help takes from those who use it", async () => {
  const machine = new SmallMachine("disk", [{}, {}]);
  machine.otherBytes = 750 * mebibyte;
  await machine.watch.start();
  expect(machine.evicted).toEqual(["uid-0", "uid-1"]);
});

test("PressureWatch: gives memory back once many instances have come and no more do", async () => {
  const machine = new SmallMachine("memory", []);
  await machine.watch.start();
  machine.instances.count = burstLimits.instancesMin;
  await machine.pass(pressureLimits.lookMs);
  expect(machine.releases).toBe(0);
  await machine.pass(10 * pressureLimits.lookMs);
  expect(machine.releases).toBe(1);
});
