import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { guests } from "../../shim/test-guests.ts";
import type { RunEnd } from "../runtime-driver.ts";
import { TestNode } from "./test-driver.ts";

describe("createV8Driver: how a run ends", () => {
  const pages = (count: number) => count * 65_536;
  const table: readonly {
    readonly name: string;
    readonly module: Uint8Array;
    readonly memoryBytesMax?: number;
    readonly end: Partial<RunEnd>;
    readonly says?: string;
  }[] = [
    { name: "by returning", module: guests.hello("hi\n"), end: { kind: "exited", exitCode: 0 } },
    { name: "with an exit code", module: guests.exits(42), end: { kind: "exited", exitCode: 42 } },
    { name: "after a sleep", module: guests.sleepsThenExits(20, 3), end: { kind: "exited", exitCode: 3 } },
    {
      name: "after a sleep in its start section",
      module: guests.sleepsInStartSection(20, 4),
      end: { kind: "exited", exitCode: 4 },
    },
    {
      name: "by a trap, with the guest's own stack",
      module: guests.traps(),
      end: { kind: "trapped", reason: "Trap" },
      says: "trap: unreachable\n    at innermost [1]\n    at _start [0]",
    },
    {
      name: "by another trap",
      module: guests.divides(),
      end: { kind: "trapped", reason: "Trap" },
      says: "divide by zero",
    },
    {
      name: "by unbounded recursion",
      module: guests.recurses(),
      end: { kind: "trapped", reason: "StackOverflow" },
      says: "at deeper [1]",
    },
    {
      name: "growing up to its memory limit",
      module: guests.grows(3),
      memoryBytesMax: pages(4),
      end: { kind: "exited", exitCode: 0 },
    },
    {
      name: "not growing beyond its memory limit",
      module: guests.grows(4),
      memoryBytesMax: pages(4),
      end: { kind: "exited", exitCode: 1 },
    },
    {
      name: "refused for a limit below what it needs",
      module: guests.needsPages(5),
      memoryBytesMax: pages(4),
      end: { kind: "refused", reason: "MemoryLimitTooSmall" },
      says: "needs 327680 bytes of memory to start, its limit is 262144: set resources.limits.memory to",
    },
  ];

  test.each(table)("$name", async ({ module, memoryBytesMax = pages(64), end, says = "" }) => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    driver.start(node.spec("one", await node.prepared(driver, module), { memoryBytesMax }));
    const actual = await told.endOf("one");
    expect(actual).toMatchObject(end);
    expect("message" in actual ? actual.message : "").toContain(says);
  });

  test("hello: standard output is in the log before the end is told", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    driver.start(node.spec("one", await node.prepared(driver, guests.hello("hello, world\n"))));
    await told.endOf("one");
    expect(node.log("one")).toContain("stdout F hello, world\n");
    expect(told.startedUids).toEqual(["one"]);
    const usage = told.usages.at(-1);
    expect(usage).toMatchObject({ id: { uid: "one", run: 0 } });
    // Its page, and a frame.
    expect(usage?.memoryBytes).toBeGreaterThan(65_536);
    expect(usage?.memoryBytes).toBeLessThan(66_560);
  });

  test("a mount that is missing refuses the run and says which", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const mounts = [{ guestPath: "/data", hostPath: join(node.folder, "missing"), readOnly: true }];
    driver.start(node.spec("one", await node.prepared(driver, guests.exits(0)), { mounts }));
    expect(await told.endOf("one")).toMatchObject({
      kind: "refused",
      reason: "MountFailed",
      retryable: true,
    });
    mkdirSync(join(node.folder, "missing"));
    driver.start(node.spec("two", await node.prepared(driver, guests.exits(0)), { mounts }));
    expect(await told.endOf("two")).toEqual({ kind: "exited", exitCode: 0 });
  });
});

describe("stop", () => {
  const table: readonly { readonly name: string; readonly module: Uint8Array }[] = [
    { name: "a sleeper", module: guests.sleeps(3_600_000) },
    { name: "an endless loop", module: guests.spins() },
    { name: "an endless loop in the start section", module: guests.spinsInStartSection() },
    { name: "a catch_all around a sleep", module: guests.catchesAll(5) },
    { name: "a catch_all around a loop", module: guests.catchesAllSpinning() },
    { name: "a loop of host calls that flood the log", module: guests.callsHost() },
    { name: "a loop of yields", module: guests.yields() },
  ];

  test.each(table)("kills $name", async ({ module }) => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    driver.start(node.spec("one", await node.prepared(driver, module)));
    await told.hasStarted(1);
    driver.stop("one", 0);
    expect(await told.endOf("one")).toEqual({ kind: "stopped" });
  });

  test("stdin notice: standard input ends, and the guest ends by itself", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.readsInput(7));
    driver.start(node.spec("one", module, { stopNotice: "stdin" }));
    await told.hasStarted(1);
    driver.stop("one", 60_000);
    expect(await told.endOf("one")).toEqual({ kind: "exited", exitCode: 7 });
    driver.start(node.spec("two", module));
    expect(await told.endOf("two")).toEqual({ kind: "exited", exitCode: 7 });
  });

  test("stdin notice: a guest that does not care is killed after the grace, sooner when asked again", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.spins());
    for (const uid of ["one", "two"]) driver.start(node.spec(uid, module, { stopNotice: "stdin" }));
    await told.hasStarted(2);
    driver.stop("one", 30);
    driver.stop("two", 60_000);
    expect(await told.endOf("one")).toEqual({ kind: "stopped" });
    driver.stop("two", 0);
    expect(await told.endOf("two")).toEqual({ kind: "stopped" });
  });

  test("a run whose shim is still being started never starts", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    driver.start(node.spec("one", await node.prepared(driver, guests.sleeps(1000))));
    driver.stop("one", 10_000);
    expect(await told.endOf("one")).toEqual({ kind: "stopped" });
    expect(told.startedUids).toEqual([]);
  });
});

describe("many instances", () => {
  test("an endless loop leaves 100 neighbours ticking, and can be stopped", async () => {
    await using node = new TestNode({ usagePeriodMs: 100 });
    const { driver, told } = await node.open();
    const ticks = await node.prepared(driver, guests.ticks(10, "tick\n"));
    driver.start(node.spec("loop", await node.prepared(driver, guests.spins())));
    const uids = Array.from({ length: 100 }, (_, index) => `tick-${index}`);
    for (const uid of uids) driver.start(node.spec(uid, ticks));
    await told.hasStarted(101);
    const cpuUs = (uid: string) => told.usages.findLast(({ id }) => id.uid === uid)?.cpuUs ?? 0;
    // Each neighbour goes on from one usage report to the next while the loop burns.
    await told.until(() => (uids.every((uid) => cpuUs(uid) > 0) ? true : undefined));
    const before = new Map(uids.map((uid) => [uid, cpuUs(uid)]));
    const loopBefore = cpuUs("loop");
    await told.until(() => (uids.every((uid) => cpuUs(uid) > (before.get(uid) ?? 0)) ? true : undefined));
    expect(cpuUs("loop")).toBeGreaterThan(loopBefore);
    driver.stop("loop", 0);
    expect(await told.endOf("loop")).toEqual({ kind: "stopped" });
    expect(told.ends).toHaveLength(1);
  });

  test("1,000 sleepers in one shim, stopped again", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.sleeps(3_600_000));
    for (let i = 0; i < 1000; i++) driver.start(node.spec(`sleeper-${i}`, module));
    await told.hasStarted(1000);
    expect(node.shimPids()).toHaveLength(1);
    for (let i = 0; i < 1000; i++) driver.stop(`sleeper-${i}`, 0);
    await told.hasEnded(1000);
    expect(told.ends.every(({ end }) => end.kind === "stopped")).toBe(true);
  });

  test("a full shim is followed by another, and namespaces never share one", async () => {
    await using node = new TestNode({ instancesMax: 3 });
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.sleeps(3_600_000));
    for (let i = 0; i < 5; i++) driver.start(node.spec(`a-${i}`, module));
    driver.start(node.spec("b-0", module, { namespace: "other" }));
    await told.hasStarted(6);
    expect(node.shimPids()).toHaveLength(3);
  });
});

describe("failures of processes", () => {
  test("kill -9 of the shim: each of its runs is lost once, the next start gets another shim", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.sleeps(3_600_000));
    for (let i = 0; i < 20; i++) driver.start(node.spec(`run-${i}`, module));
    await told.hasStarted(20);
    const [pid] = node.shimPids();
    process.kill(pid!, "SIGKILL");
    await told.hasEnded(20);
    expect(new Set(told.ends.map(({ id }) => id.uid)).size).toBe(20);
    expect(told.ends.every(({ end }) => end.kind === "lost")).toBe(true);
    driver.start(node.spec("after", module));
    await told.hasStarted(21);
    expect(told.ends).toHaveLength(20);
    expect(node.shimPids()).not.toContain(pid);
  });

  test("SIGTERM to the shim: its runs are lost, not stopped", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    driver.start(node.spec("one", await node.prepared(driver, guests.sleeps(3_600_000))));
    await told.hasStarted(1);
    process.kill(node.shimPids()[0]!, "SIGTERM");
    expect(await told.endOf("one")).toMatchObject({ kind: "lost" });
    driver.settle({ uid: "one", run: 0 });
  });

  test("close keep: the next driver adopts what runs, and sees the ends it missed until they are settled", async () => {
    await using node = new TestNode();
    const first = await node.open();
    const sleeps = await node.prepared(first.driver, guests.sleeps(3_600_000));
    const short = await node.prepared(first.driver, guests.sleepsThenExits(300, 5));
    first.driver.start(node.spec("long", sleeps));
    first.driver.start(node.spec("short", short));
    await first.told.hasStarted(2);
    await first.driver.close("keep");
    const [pid] = node.shimPids();

    const second = await node.open();
    expect(second.adopted.map(({ id }) => id.uid).sort()).toEqual(["long", "short"]);
    // Where the machine is slow it has ended before anybody could adopt it.
    const missed = second.adopted.some(({ id, kind }) => id.uid === "short" && kind === "ended");
    if (!missed) await second.told.endOf("short");
    await second.driver.close("keep");

    const third = await node.open();
    const ended = third.adopted.find(({ kind }) => kind === "ended");
    expect(ended).toMatchObject({ id: { uid: "short", run: 0 }, end: { kind: "exited", exitCode: 5 } });
    third.driver.settle({ uid: "short", run: 0 });
    third.driver.start(node.spec("more", sleeps));
    await third.told.hasStarted(1);
    expect(node.shimPids()).toEqual([pid]);
    await third.driver.close("keep");

    const fourth = await node.open();
    expect(fourth.adopted.map(({ id, kind }) => `${id.uid} ${kind}`).sort()).toEqual([
      "long running",
      "more running",
    ]);
    fourth.driver.stop("long", 0);
    expect(await fourth.told.endOf("long")).toEqual({ kind: "stopped" });
  });

  test("close stop: all runs are told as stopped and no process stays", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.sleeps(3_600_000));
    for (let i = 0; i < 10; i++) driver.start(node.spec(`run-${i}`, module));
    await told.hasStarted(10);
    await driver.close("stop");
    expect(told.ends.map(({ end }) => end.kind)).toEqual(Array.from({ length: 10 }, () => "stopped"));
    expect(node.shimPids()).toEqual([]);
  });

  test("adopt: the folder of a dead shim is removed", async () => {
    await using node = new TestNode();
    const first = await node.open();
    first.driver.start(node.spec("one", await node.prepared(first.driver, guests.sleeps(3_600_000))));
    await first.told.hasStarted(1);
    await first.driver.close("keep");
    process.kill(node.shimPids()[0]!, "SIGKILL");
    const second = await node.open();
    expect(second.adopted).toEqual([]);
    expect(node.shimPids()).toEqual([]);
  });
});
