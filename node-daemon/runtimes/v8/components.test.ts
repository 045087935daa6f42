import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { adapted, components } from "../../components/test-components.ts";
import { guests } from "../../shim/test-guests.ts";
import type { RunEnd } from "../runtime-driver.ts";
import { type Recorder, TestNode } from "./test-driver.ts";
import type { RuntimeDriver } from "../runtime-driver.ts";

/** One for all tests: starting the translator takes longer than any of them. */
let node: TestNode;
let driver: RuntimeDriver;
let told: Recorder;
let count = 0;

beforeAll(async () => {
  node = new TestNode();
  ({ driver, told } = await node.open());
});
afterAll(async () => {
  await node[Symbol.asyncDispose]();
});

const nextUid = () => `guest-${count++}`;

const pages = (count: number) => count * 65_536;

describe("a component: how its run ends", () => {
  const table: readonly {
    readonly name: string;
    readonly component: () => Promise<Uint8Array>;
    readonly memoryBytesMax?: number;
    readonly end: Partial<RunEnd>;
    readonly says?: readonly string[];
  }[] = [
    {
      name: "by returning",
      component: () => components.exits(0),
      end: { kind: "exited", exitCode: 0 },
    },
    {
      name: "by returning an error",
      component: () => components.exits(1),
      end: { kind: "exited", exitCode: 1 },
    },
    {
      name: "by exit",
      component: () => components.callsExit(0),
      end: { kind: "exited", exitCode: 0 },
    },
    {
      name: "by exit with an error",
      component: () => components.callsExit(1),
      end: { kind: "exited", exitCode: 1 },
    },
    {
      name: "after a sleep",
      component: () => components.sleeps(20),
      end: { kind: "exited", exitCode: 0 },
    },
    {
      name: "by a trap, with the guest's own stack alone",
      component: () => components.traps(),
      end: { kind: "trapped", reason: "Trap" },
      says: ["unreachable", "\n    at innermost [12]\n    at inner [13]\n    at function [14]"],
    },
    {
      name: "by unbounded recursion",
      component: () => components.recurses(),
      end: { kind: "trapped", reason: "StackOverflow" },
      says: ["at deeper [12]"],
    },
    {
      name: "by an endless loop in its allocator, which cannot be suspended",
      component: () => components.spinsInRealloc(),
      end: { kind: "trapped", reason: "Trap" },
      says: ["a call that cannot be suspended took too long", "at arguments [11]"],
    },
    {
      name: "by an endless loop in its allocator, with a catch_all around everything",
      component: () => components.catchesAllInRealloc(),
      end: { kind: "trapped", reason: "Trap" },
      says: ["a call that cannot be suspended took too long"],
    },
    {
      name: "by an endless loop in what cleans up after run",
      component: () => components.spinsInPostReturn(),
      end: { kind: "trapped", reason: "Trap" },
      says: ["a call that cannot be suspended took too long"],
    },
    {
      name: "by an endless loop in a destructor",
      component: () => components.spinsInDestructor(),
      end: { kind: "trapped", reason: "Trap" },
      says: ["a call that cannot be suspended took too long"],
    },
    {
      name: "by a trap in a destructor",
      component: () => components.trapsInDestructor(),
      end: { kind: "trapped", reason: "Trap" },
    },
    {
      name: "growing up to its memory limit",
      component: () => components.grows(2),
      memoryBytesMax: pages(4),
      end: { kind: "exited", exitCode: 0 },
    },
    {
      name: "not growing beyond its memory limit",
      component: () => components.grows(3),
      memoryBytesMax: pages(4),
      end: { kind: "exited", exitCode: 1 },
    },
    {
      name: "by two memories that grow beyond the limit together",
      component: () => components.growsTwo(8),
      memoryBytesMax: pages(16),
      end: { kind: "trapped", reason: "Trap" },
      says: ["the memory limit is passed", "1245184 of 1048576 bytes are in use"],
    },
    {
      name: "refused for a limit below what it needs",
      component: () => components.needsPages(5),
      memoryBytesMax: pages(4),
      end: { kind: "refused", reason: "MemoryLimitTooSmall" },
      says: ["needs 327680 bytes of memory to start, its limit is 262144: set resources.limits.memory to"],
    },
  ];

  test.each(table)("$name", async ({ component, memoryBytesMax = pages(64), end, says = [] }) => {
    const uid = nextUid();
    driver.start(node.spec(uid, await node.prepared(driver, await component()), { memoryBytesMax }));
    const actual = await told.endOf(uid);
    expect(actual).toMatchObject(end);
    for (const text of says) expect("message" in actual ? actual.message : "").toContain(text);
  });

  test("standard output is in the log before the end is told", async () => {
    const uid = nextUid();
    driver.start(node.spec(uid, await node.prepared(driver, await components.hello("hello, world\n"))));
    await told.endOf(uid);
    expect(node.log(uid)).toContain("stdout F hello, world\n");
    expect(told.startedUids).toContain(uid);
    expect(told.usages.findLast(({ id }) => id.uid === uid)).toMatchObject({ memoryBytes: pages(2) });
  });
});

describe("a module made a component by the adapter", () => {
  test("it runs, and says when its memory is too tight for the adapter", async () => {
    const prepared = await node.prepared(driver, await adapted(guests.hello("hello\n")));
    const uid = nextUid();
    driver.start(node.spec(uid, prepared));
    expect(await told.endOf(uid)).toEqual({ kind: "exited", exitCode: 0 });
    expect(node.log(uid)).toContain("stdout F hello\n");
    const tight = nextUid();
    driver.start(node.spec(tight, prepared, { memoryBytesMax: prepared.memoryBytesMin + pages(1) }));
    const end = await told.endOf(tight);
    expect(end).toMatchObject({ kind: "trapped", reason: "Trap" });
    expect("message" in end ? end.message : "").toContain("set resources.limits.memory to more");
  });

  test("its exit code, sleep and standard input", async () => {
    const sleeps = await node.prepared(driver, await adapted(guests.sleepsThenExits(5, 0)));
    const reads = await node.prepared(driver, await adapted(guests.readsInput(0)));
    const [one, two] = [nextUid(), nextUid()];
    driver.start(node.spec(one, sleeps));
    expect(await told.endOf(one)).toEqual({ kind: "exited", exitCode: 0 });
    const started = told.startedUids.length;
    driver.start(node.spec(two, reads, { stopNotice: "stdin" }));
    await told.hasStarted(started + 1);
    driver.stop(two, 60_000);
    expect(await told.endOf(two)).toEqual({ kind: "exited", exitCode: 0 });
  });
});

describe("stop", () => {
  const table: readonly { readonly name: string; readonly component: () => Promise<Uint8Array> }[] = [
    { name: "a sleeper", component: () => components.sleeps(3_600_000) },
    { name: "an endless loop", component: () => components.spins() },
    { name: "an endless loop in a start section", component: () => components.spinsInStartSection() },
    {
      name: "a catch_all around a sleep",
      component: () => components.catchesAll("(call $sleep (i64.const 5))"),
    },
    {
      name: "a catch_all around a long sleep",
      component: () => components.catchesAll("(call $sleep (i64.const 5000000))"),
    },
    { name: "a catch_all around a loop", component: () => components.catchesAll("(loop $ever (br $ever))") },
    { name: "a catch_all around exit", component: () => components.catchesAll("(call $yield)") },
    { name: "a loop of yields", component: () => components.yields() },
    { name: "a loop of host calls that flood the log", component: () => components.floods() },
  ];

  test.each(table)("kills $name", async ({ component }) => {
    const uid = nextUid();
    driver.start(node.spec(uid, await node.prepared(driver, await component())));
    await told.hasStarted(told.startedUids.length + 1);
    driver.stop(uid, 0);
    expect(await told.endOf(uid)).toEqual({ kind: "stopped" });
  });

  test("exit ends a guest that catches everything", async () => {
    const component = await components.catchesAll("(call $exit (i32.const 1))");
    const uid = nextUid();
    driver.start(node.spec(uid, await node.prepared(driver, component)));
    expect(await told.endOf(uid)).toEqual({ kind: "exited", exitCode: 1 });
  });

  test("200 components in one shim, some running, some asleep, stopped again", async () => {
    const sleeper = await node.prepared(driver, await components.sleeps(3_600_000));
    const yielder = await node.prepared(driver, await components.yields());
    const started = told.startedUids.length;
    const uids = Array.from({ length: 200 }, nextUid);
    for (const [index, uid] of uids.entries())
      driver.start(node.spec(uid, index % 10 === 0 ? yielder : sleeper));
    await told.hasStarted(started + uids.length);
    for (const uid of uids) driver.stop(uid, 0);
    for (const uid of uids) expect(await told.endOf(uid)).toEqual({ kind: "stopped" });
    expect(node.shimPids()).toHaveLength(1);
  });

  test("endless loops of every kind leave neighbours running", async () => {
    const busy = [
      await components.spins(),
      await components.yields(),
      await components.catchesAll("(loop $ever (br $ever))"),
    ];
    const prepared = await Promise.all(busy.map((component) => node.prepared(driver, component)));
    const started = told.startedUids.length;
    const uids = prepared.map(nextUid);
    for (const [index, module] of prepared.entries()) driver.start(node.spec(uids[index] ?? "", module));
    await told.hasStarted(started + uids.length);
    const component = await node.prepared(driver, await components.sleeps(20));
    const module = await node.prepared(driver, guests.sleepsThenExits(20, 3));
    driver.start(node.spec("component", component));
    driver.start(node.spec("module", module));
    expect(await told.endOf("component")).toEqual({ kind: "exited", exitCode: 0 });
    expect(await told.endOf("module")).toEqual({ kind: "exited", exitCode: 3 });
    for (const uid of uids) driver.stop(uid, 0);
    for (const uid of uids) expect(await told.endOf(uid)).toEqual({ kind: "stopped" });
  });
});
