import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { isProcessAlive, processStartTicks } from "../../shim/process-identity.ts";
import { guests } from "../../shim/test-guests.ts";
import { MessageWriter } from "../../shim/frames.ts";
import type { RunSpec } from "../runtime-driver.ts";
import { connectTo } from "./shim-folder.ts";
import { TestNode } from "./test-driver.ts";

const hourMs = 3_600_000;
const process_ = { isolation: "process" } as const;

/** A guest that waits inside an instruction is, to everybody else, a process that does not run. */
function freeze(node: TestNode): number {
  const [pid] = node.shimPids();
  process.kill(pid!, "SIGSTOP");
  return pid!;
}

function gone(pid: number): Promise<void> {
  const identity = { pid, startTicks: processStartTicks(pid) };
  return expect.poll(() => isProcessAlive(identity), { timeout: 20_000 }).toBe(false);
}

describe("a process of one's own", () => {
  test("each run has one, beside those that share, and it goes with the run", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.sleeps(hourMs));
    driver.start(node.spec("shared-1", module));
    driver.start(node.spec("shared-2", module));
    await told.hasStarted(2);
    const [shared] = node.shimPids();
    driver.start(node.spec("asks", module, process_));
    driver.start(node.spec("needs", { ...module, needsProcess: ["threads"] }));
    await told.hasStarted(4);
    const own = node.shimPids().filter((pid) => pid !== shared);
    expect(own).toHaveLength(2);
    expect(Object.fromEntries(told.isolations)).toEqual({
      "shared-1": "shared",
      "shared-2": "shared",
      asks: "process",
      needs: "process",
    });
    for (const uid of ["asks", "needs"]) {
      driver.stop(uid, 0);
      expect(await told.endOf(uid)).toEqual({ kind: "stopped" });
      driver.settle({ uid, run: 0 });
    }
    for (const pid of own) await gone(pid);
    await expect.poll(() => node.shimPids()).toEqual([shared]);
  });

  test("kill -9 of it: this run is lost, and no other", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.sleeps(hourMs));
    driver.start(node.spec("one", module, process_));
    await told.hasStarted(1);
    const [pid] = node.shimPids();
    driver.start(node.spec("two", module, process_));
    await told.hasStarted(2);
    process.kill(pid!, "SIGKILL");
    expect(await told.endOf("one")).toMatchObject({ kind: "lost" });
    expect(told.ends).toHaveLength(1);
  });

  test("confined, where the machine cannot: refused, and says what it can", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const module = await node.prepared(driver, guests.sleeps(hourMs));
    driver.start(node.spec("one", module, { isolation: "confined" }));
    expect(await told.endOf("one")).toMatchObject({ kind: "refused", reason: "IsolationUnavailable" });
    expect(node.shimPids()).toEqual([]);
  });

  test("there are so many at most, for one run each and shared: who would need one more is refused", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open({ processesMax: 2, spares: 1 });
    const module = await node.prepared(driver, guests.sleeps(hourMs));
    for (const uid of ["a", "b", "c"]) driver.start(node.spec(uid, module, process_));
    for (const namespace of ["d", "e", "f"]) driver.start(node.spec(namespace, module, { namespace }));
    await told.hasStarted(4);
    for (const uid of ["c", "f"]) {
      expect(await told.endOf(uid)).toMatchObject({
        kind: "refused",
        reason: "ProcessesExhausted",
        retryable: true,
      });
    }
    driver.stop("a", 0);
    await told.endOf("a");
    driver.settle({ uid: "a", run: 0 });
    driver.start(node.spec("c-2", module, process_));
    driver.start(node.spec("d-2", module, { namespace: "d" }));
    await told.hasStarted(6);
  });

  test("stop: a process that does not answer is killed soon after the grace; the run is stopped, its log kept", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open();
    const module = {
      ...(await node.prepared(driver, guests.ticks(hourMs, "waiting\n"))),
      needsProcess: ["threads"],
    };
    driver.start(node.spec("one", module));
    await told.hasStarted(1);
    await expect.poll(() => node.log("one")).toContain("waiting");
    freeze(node);
    // No notice, so that there is nothing for which the grace would have to pass.
    driver.stop("one", hourMs);
    expect(await told.endOf("one")).toEqual({ kind: "stopped" });
    expect(node.log("one")).toContain("stdout F waiting\n");
    driver.settle({ uid: "one", run: 0 });
    await expect.poll(() => node.shimPids()).toEqual([]);
  });

  test("adopt: one that does not answer is taken over by what it wrote down, and can be stopped", async () => {
    await using node = new TestNode();
    const first = await node.open();
    const module = await node.prepared(first.driver, guests.sleeps(hourMs));
    first.driver.start(node.spec("one", module, process_));
    await first.told.hasStarted(1);
    await first.driver.close("keep");
    freeze(node);
    const second = await node.open();
    expect(second.adopted).toMatchObject([
      { kind: "running", id: { uid: "one", run: 0 }, isolation: "process" },
    ]);
    second.driver.stop("one", 0);
    expect(await second.told.endOf("one")).toEqual({ kind: "stopped" });
  });

  test("adopt: one that answers late is the same run", async () => {
    await using node = new TestNode();
    const first = await node.open();
    const module = await node.prepared(first.driver, guests.sleeps(hourMs));
    first.driver.start(node.spec("one", module, process_));
    await first.told.hasStarted(1);
    await first.driver.close("keep");
    const pid = freeze(node);
    const second = await node.open();
    process.kill(pid, "SIGCONT");
    second.driver.stop("one", 60_000);
    expect(await second.told.endOf("one")).toEqual({ kind: "stopped" });
    expect(second.told.ends).toHaveLength(1);
  });
});

describe("spares", () => {
  test("one waits, becomes whoever's comes first, and is replaced; namespaces and runs never share it", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open({ spares: 1 });
    const module = await node.prepared(driver, guests.sleeps(hourMs));
    const used = new Set<number>();
    const wanted: readonly Partial<RunSpec>[] = [
      process_,
      { namespace: "b" },
      { namespace: "c", ...process_ },
    ];
    for (const [index, more] of wanted.entries()) {
      await expect.poll(() => node.spares(), { timeout: 20_000 }).toHaveLength(1);
      const [spare] = node.spares();
      driver.start(node.spec(`run-${index}`, module, more));
      await told.hasStarted(index + 1);
      expect(used.has(spare!)).toBe(false);
      used.add(spare!);
      expect(node.shimPids()).toContain(spare);
      expect(node.owners().get(spare!)).toBe(more.namespace ?? "default");
    }
    // The shared one of b takes more of b, and of nobody else.
    driver.start(node.spec("b-2", module, { namespace: "b" }));
    await told.hasStarted(4);
    expect([...node.owners().values()].filter((owner) => owner !== undefined)).toHaveLength(3);
  });

  test("of an earlier daemon is taken over as one, whatever it was doing when it ended", async () => {
    await using node = new TestNode();
    const first = await node.open({ spares: 1 });
    await expect.poll(() => node.spares(), { timeout: 20_000 }).toHaveLength(1);
    const [spare] = node.spares();
    await first.driver.close("keep");
    const second = await node.open({ spares: 1 });
    second.driver.start(
      node.spec("one", await node.prepared(second.driver, guests.sleeps(hourMs)), process_),
    );
    await second.told.hasStarted(1);
    expect(node.owners().get(spare!)).toBe("default");
  });

  test("of an earlier build serves nobody", async () => {
    await using node = new TestNode();
    const first = await node.open({ spares: 1, buildId: "one" });
    await expect.poll(() => node.spares(), { timeout: 20_000 }).toHaveLength(1);
    const [old] = node.spares();
    await first.driver.close("keep");
    const { driver, told } = await node.open({ spares: 1, buildId: "two" });
    driver.start(node.spec("one", await node.prepared(driver, guests.sleeps(hourMs)), process_));
    await told.hasStarted(1);
    await gone(old!);
    await expect.poll(() => node.spares(), { timeout: 20_000 }).toHaveLength(1);
    expect(told.ends).toEqual([]);
  });

  test("claimed, and the daemon gone before it sent a run: it is that namespace's, and never another's", async () => {
    await using node = new TestNode();
    const first = await node.open({ spares: 1 });
    const module = await node.prepared(first.driver, guests.sleeps(hourMs));
    await expect.poll(() => node.spares(), { timeout: 20_000 }).toHaveLength(1);
    const [spare] = node.spares();
    const [id] = readdirSync(join(node.folder, "state", "shims"));
    await first.driver.close("keep");
    const socket = await connectTo(join(node.folder, "state", "shims", id!));
    const claim = new MessageWriter(socket!);
    for (const namespace of ["b", "c"]) claim.send({ kind: "claim", namespace, isolation: "shared" });
    claim.send({ kind: "start", spec: node.spec("stray", module, { namespace: "c" }) });
    claim.flush();
    await expect.poll(() => node.owners().get(spare!)).toBe("b");
    socket?.destroy();

    const { driver, told, adopted } = await node.open({ spares: 0 });
    expect(adopted).toMatchObject([{ kind: "ended", end: { kind: "refused", reason: "InternalError" } }]);
    driver.start(node.spec("default-1", module));
    driver.start(node.spec("b-1", module, { namespace: "b" }));
    await told.hasStarted(2);
    const other = node.shimPids().find((pid) => pid !== spare);
    expect(Object.fromEntries(node.owners())).toEqual({ [spare!]: "b", [other!]: "default" });
  });

  test("one too many goes", async () => {
    await using node = new TestNode();
    const first = await node.open({ spares: 1 });
    await expect.poll(() => node.spares(), { timeout: 20_000 }).toHaveLength(1);
    await first.driver.close("keep");
    await node.open({ spares: 0 });
    await expect.poll(() => node.shimPids(), { timeout: 20_000 }).toEqual([]);
  });
});

describe("age and build", () => {
  test("another build: its runs are told as outdated, it takes nothing new, and goes once it is empty", async () => {
    await using node = new TestNode();
    const first = await node.open({ buildId: "one" });
    const module = await node.prepared(first.driver, guests.sleeps(hourMs));
    first.driver.start(node.spec("old", module));
    await first.told.hasStarted(1);
    await first.driver.close("keep");
    const [old] = node.shimPids();
    const { driver, told } = await node.open({ buildId: "two" });
    driver.start(node.spec("new", module));
    await told.until(() => (told.outdatedRuns.length > 0 ? true : undefined));
    expect(told.outdatedRuns).toEqual([{ uid: "old", run: 0 }]);
    await told.hasStarted(1);
    expect(node.shimPids()).toHaveLength(2);
    driver.stop("old", 0);
    await told.endOf("old");
    driver.settle({ uid: "old", run: 0 });
    await gone(old!);
    driver.start(node.spec("old-2", module));
    await told.hasStarted(2);
    await expect.poll(() => node.shimPids()).toHaveLength(1);
  });

  test("too old: the same", async () => {
    await using node = new TestNode();
    const { driver, told } = await node.open({ shimAgeMsMax: 1 });
    const module = await node.prepared(driver, guests.sleeps(hourMs));
    driver.start(node.spec("one", module));
    await told.until(() => (told.outdatedRuns.length > 0 ? true : undefined));
    driver.start(node.spec("two", module));
    await told.hasStarted(2);
    expect(node.shimPids()).toHaveLength(2);
    expect(told.ends).toEqual([]);
  });
});

describe("without a daemon", () => {
  test("a run that must not run twice is stopped in time, others go on", async () => {
    await using node = new TestNode();
    const first = await node.open();
    const module = await node.prepared(first.driver, guests.sleeps(hourMs));
    first.driver.start(node.spec("job", module, { stopAloneAfterMs: 500 }));
    first.driver.start(node.spec("web", module));
    await first.told.hasStarted(2);
    first.driver.heard(0);
    await first.driver.close("keep");
    // The next daemon has not heard the scheduler either.
    const second = await node.open();
    const found = second.adopted.find(({ id }) => id.uid === "job");
    expect(found?.kind === "ended" ? found.end : await second.told.endOf("job")).toEqual({ kind: "stopped" });
    expect(second.told.ends.some(({ id }) => id.uid === "web")).toBe(false);
  });

  test("orphaned: the process ends with what it hosts", async () => {
    await using node = new TestNode({ orphanMs: 200 });
    const { driver, told } = await node.open();
    driver.start(node.spec("one", await node.prepared(driver, guests.spins())));
    await told.hasStarted(1);
    const [pid] = node.shimPids();
    await driver.close("keep");
    await gone(pid!);
  });
});

test("the version before: its runs are adopted, stopped and settled, and it takes nothing new", async () => {
  await using node = new TestNode();
  const folder = join(node.folder, "state", "shims", "old");
  mkdirSync(folder, { recursive: true });
  const identity = { shimId: "old", namespace: "default", buildId: "before" };
  writeFileSync(join(folder, "config.json"), JSON.stringify({ ...identity, limits: {} }));
  const program = fileURLToPath(new URL("older-shim.ts", import.meta.url));
  const shim = spawn(process.execPath, [program, folder], { stdio: "inherit" });
  const { driver, told, adopted } = await node.open();
  expect(adopted.map(({ id, kind }) => `${id.uid} ${kind}`).sort()).toEqual(["long running", "over ended"]);
  expect(adopted.find(({ kind }) => kind === "running")).toMatchObject({ isolation: "shared" });
  driver.heard(0);
  driver.settle({ uid: "over", run: 0 });
  driver.start(node.spec("new", await node.prepared(driver, guests.sleeps(hourMs))));
  await told.hasStarted(1);
  expect(node.shimPids()).toHaveLength(2);
  driver.stop("long", 0);
  expect(await told.endOf("long")).toEqual({ kind: "stopped" });
  expect(told.usages).toContainEqual({
    id: { uid: "long", run: 3 },
    cpuUs: 7,
    memoryBytes: 8,
    fuel: 0,
    throttledUs: 0,
  });
  const ended = new Promise((resolve) => shim.once("exit", resolve));
  driver.settle({ uid: "long", run: 3 });
  expect(await ended).toBe(0);
});
