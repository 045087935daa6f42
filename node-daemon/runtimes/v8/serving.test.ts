import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { wagi } from "../../shim/serving/test-service.ts";
import { guests } from "../../shim/test-guests.ts";
import type { RunSpec, Serving } from "../runtime-driver.ts";
import { Caller } from "./test-caller.ts";
import { TestNode } from "./test-driver.ts";

const page = guests.hello("Content-Type: text/plain\n\nhello, world\n");
const echo = guests.cgiEchoes("Content-Type: text/plain\n\n");

/** A shim in which `module` serves as "one". */
async function serve(
  node: TestNode,
  module: Uint8Array,
  serving: Partial<Serving> = {},
  more: Partial<RunSpec> = {},
) {
  const { driver, told } = await node.open();
  const spec = node.spec("one", await node.prepared(driver, module, "wagi"), {
    memoryBytesMax: 16 * 2 ** 20,
    serving: { ...wagi, ...serving },
    stopNotice: "stdin",
    ...more,
  });
  driver.start(spec);
  await Promise.race([told.hasStarted(1), told.endOf("one")]);
  const caller = new Caller(driver.requestFolderOf("one") ?? "");
  return { driver, told, caller };
}

describe("serving run: through a shim's request socket", () => {
  test("WAGI: hello", async () => {
    await using node = new TestNode();
    const { caller, driver, told } = await serve(node, page);
    const call = await caller.ask("one");
    expect(call.response).toEqual({ status: 200, headers: ["content-type", "text/plain"] });
    expect(call.text).toBe("hello, world\n");
    driver.stop("one", 5_000);
    expect(await told.endOf("one")).toEqual({ kind: "stopped" });
    expect(told.usages.at(-1)?.fuel).toBeGreaterThan(0);
    caller.close();
  });

  test("usage: one that nobody asks anything, of a module that is there already, tells that it has used nothing", async () => {
    await using node = new TestNode({ usagePeriodMs: 10 });
    const { caller, driver, told } = await serve(node, page);
    driver.start(
      node.spec("two", await node.prepared(driver, page, "wagi"), { serving: wagi, stopNotice: "stdin" }),
    );
    const usage = await told.until(() => told.usages.find(({ id }) => id.uid === "two"));
    expect(usage).toMatchObject({ cpuUs: 0, fuel: 0, throttledUs: 0 });
    caller.close();
  });

  test("an instance that does not serve here is refused as unknown", async () => {
    await using node = new TestNode();
    const { caller } = await serve(node, page);
    expect(await (await caller.ask("two")).ended).toMatchObject({ kind: "refused", reason: "unknown" });
    caller.close();
  });

  test("1,000 requests at a concurrency of 16, each with its own body", async () => {
    await using node = new TestNode();
    const { caller, driver, told } = await serve(node, echo, { concurrency: 16, queueMax: 1_000 });
    const asked = Array.from({ length: 1_000 }, async (_, i) => {
      const body = `${i} ${"x".repeat(i)}`;
      const call = await caller.ask("one", { method: "POST" }, body);
      return call.text === body;
    });
    expect((await Promise.all(asked)).every((right) => right)).toBe(true);
    driver.stop("one", 5_000);
    expect(await told.endOf("one")).toEqual({ kind: "stopped" });
    caller.close();
  });

  test("5,000 fresh instances: the process has no more memory mappings than before", async () => {
    await using node = new TestNode();
    for (const module of [page, guests.growsAndPrints(20, "Content-Type: text/plain\n\nhi")]) {
      const { caller, driver, told } = await serve(node, module, { concurrency: 16, queueMax: 1_000 });
      const [pid = 0] = node.shimPids();
      const mappings = () => readFileSync(`/proc/${pid}/maps`, "utf8").split("\n").length;
      const askMany = async (count: number) => {
        const calls = await Promise.all(Array.from({ length: count }, () => caller.ask("one")));
        for (const call of calls) expect(call.response?.status).toBe(200);
      };
      await askMany(500);
      const before = mappings();
      for (let round = 0; round < 10; round++) await askMany(500);
      // One for each would be 5,000; how many the collector has not got to yet depends on what else the machine does.
      expect(mappings()).toBeLessThan(before + 2_000);
      driver.stop("one", 5_000);
      await told.endOf("one");
      caller.close();
      await driver.close("stop");
    }
  });

  test("a body that comes slowly is given to the guest as it comes", async () => {
    await using node = new TestNode();
    const { caller } = await serve(node, echo);
    const call = caller.open("one", { method: "POST", bodyLength: undefined });
    for (const letter of ["a", "ab", "abc"]) {
      call.exchange?.write(Buffer.from(letter.at(-1) ?? ""));
      await call.until(() => call.text === letter);
    }
    call.exchange?.end([]);
    expect(await call.ended).toMatchObject({ kind: "answered" });
    caller.close();
  });

  test("a caller that goes ends its guest, and the next request has its place", async () => {
    await using node = new TestNode();
    const { caller } = await serve(node, echo, { concurrency: 1, queueMax: 0 });
    const first = caller.open("one", { method: "POST", bodyLength: undefined });
    first.exchange?.write(Buffer.from("x"));
    await first.until(() => first.text === "x");
    expect(await (await caller.ask("one", {}, "y")).ended).toMatchObject({ kind: "refused", reason: "full" });
    first.exchange?.cancel();
    const retried = async (): Promise<string> => {
      const call = await caller.ask("one", {}, "y");
      return (await call.ended).kind === "answered" ? call.text : retried();
    };
    expect(await retried()).toBe("y");
    caller.close();
  });

  test("kill -9 of the shim: what is under way is lost, and nothing else happens", async () => {
    await using node = new TestNode();
    const { caller, told } = await serve(node, echo);
    const call = caller.open("one", { method: "POST", bodyLength: undefined });
    call.exchange?.write(Buffer.from("x"));
    await call.until(() => call.text === "x");
    for (const pid of node.shimPids()) process.kill(pid, "SIGKILL");
    expect(await call.ended).toMatchObject({ kind: "failed", reason: "lost" });
    expect(await told.endOf("one")).toMatchObject({ kind: "lost" });
    expect(await (await caller.ask("one")).ended).toMatchObject({ kind: "refused", reason: "broken" });
    caller.close();
  });

  test("stop: what is under way is answered, what comes is refused, then it ends", async () => {
    await using node = new TestNode();
    const { caller, driver, told } = await serve(node, echo);
    const call = caller.open("one", { method: "POST", bodyLength: undefined });
    call.exchange?.write(Buffer.from("x"));
    await call.until(() => call.text === "x");
    driver.stop("one", 20_000);
    const refused = async (): Promise<unknown> => {
      const fault = await (await caller.ask("one", {}, "y")).ended;
      return fault.kind === "answered" ? refused() : fault;
    };
    expect(await refused()).toMatchObject({ kind: "refused", reason: "draining" });
    call.exchange?.write(Buffer.from("y"));
    call.exchange?.end([]);
    expect(await call.ended).toMatchObject({ kind: "answered" });
    expect(call.text).toBe("xy");
    expect(await told.endOf("one")).toEqual({ kind: "stopped" });
    caller.close();
  });

  test("stop: what is still under way when the grace is over is broken off", async () => {
    await using node = new TestNode();
    const { caller, driver, told } = await serve(node, echo);
    const call = caller.open("one", { method: "POST", bodyLength: undefined });
    call.exchange?.write(Buffer.from("x"));
    await call.until(() => call.text === "x");
    driver.stop("one", 50);
    expect(await call.ended).toMatchObject({ kind: "failed", reason: "stopped" });
    expect(await told.endOf("one")).toEqual({ kind: "stopped" });
    caller.close();
  });
});
