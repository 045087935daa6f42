import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo, Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { components } from "../../components/test-components.ts";
import { handlers } from "../../components/test-handlers.ts";
import type { RequestHead } from "../../link/exchange.ts";
import type { RunEnd, RuntimeDriver, RunSpec, Serving } from "../runtime-driver.ts";
import { type Call, Caller } from "./test-caller.ts";
import { type Recorder, TestNode } from "./test-driver.ts";

const serving: Serving = {
  handler: "wasi-http",
  concurrency: 4,
  queueMax: 64,
  requestsPerInstance: 1_000,
  timeoutMs: 10_000,
  idleTimeoutMs: 10_000,
  bodyBytesMax: 2 ** 20,
};

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

/** A run that serves, and who asks it. */
class Service implements Disposable {
  readonly uid = `handler-${count++}`;
  readonly #caller: Caller;

  private constructor() {
    this.#caller = new Caller(driver.requestFolderOf(this.uid) ?? "");
  }

  static async start(
    component: Promise<Uint8Array>,
    more: Partial<Serving> = {},
    spec: Partial<RunSpec> = {},
  ): Promise<Service> {
    const prepared = await node.prepared(driver, await component, "wasi-http");
    const started = told.hasStarted(told.startedUids.length + 1);
    const uid = `handler-${count}`;
    driver.start(
      node.spec(uid, prepared, {
        memoryBytesMax: 16 * 2 ** 20,
        serving: { ...serving, ...more },
        stopNotice: "stdin",
        ...spec,
      }),
    );
    await started;
    return new Service();
  }

  ask(head: Partial<RequestHead> = {}, body?: string): Promise<Call> {
    return this.#caller.ask(this.uid, head, body);
  }

  open(): Call {
    return this.#caller.open(this.uid);
  }

  async stopped(): Promise<RunEnd> {
    driver.stop(this.uid, 10_000);
    return told.endOf(this.uid);
  }

  [Symbol.dispose](): void {
    this.#caller.close();
    driver.stop(this.uid, 0);
  }
}

describe("a component that exports the other of what can be run", () => {
  test("is refused when it is prepared, with what to do about it", async () => {
    expect(await node.prepare(driver, await handlers.hello())).toMatchObject({
      kind: "rejected",
      reason: "NoStartFunction",
      message: expect.stringContaining("give the template http: {handler: wasi-http}"),
    });
    expect(await node.prepare(driver, await components.exits(0), "wasi-http")).toMatchObject({
      kind: "rejected",
      reason: "HandlerMissing",
      message: expect.stringContaining("leave http out of the template"),
    });
    expect(await node.prepare(driver, await handlers.hello(), "wagi")).toMatchObject({
      kind: "rejected",
      reason: "HandlerMissing",
      message: expect.stringContaining("say handler: wasi-http"),
    });
  });
});

describe("a component that handles HTTP, through a shim's request socket", () => {
  test("hello, with the same instance and with fresh ones", async () => {
    for (const requestsPerInstance of [1_000, 1]) {
      using service = await Service.start(handlers.hello(), { requestsPerInstance });
      for (let i = 0; i < 20; i++) {
        const call = await service.ask({ path: `/${i}` });
        expect(call.response).toEqual({ status: 200, headers: ["content-type", "text/plain"] });
        expect(call.text).toBe("Hello, world!\n");
      }
      expect(await service.stopped()).toEqual({ kind: "stopped" });
      expect(told.usages.at(-1)?.fuel).toBeGreaterThan(0);
    }
  });

  test("fresh instances find nothing of each other, also when some of them trap", async () => {
    for (const end of ["", "unreachable"]) {
      using service = await Service.start(handlers.leavesTraces(end), {
        requestsPerInstance: 1,
        concurrency: 2,
      });
      for (let i = 0; i < 10; i++) expect((await service.ask()).response?.status).toBe(200);
    }
  });

  test("200 requests at a concurrency of 4, each with its own body", async () => {
    using service = await Service.start(handlers.echoes(), { queueMax: 200 });
    const asked = Array.from({ length: 200 }, async (_, i) => {
      const body = `${i} ${"x".repeat(i * 50)}`;
      const call = await service.ask({ method: "POST" }, body);
      return call.text === body;
    });
    expect((await Promise.all(asked)).every((right) => right)).toBe(true);
  });

  test("one that traps fails its request, and the next one has a fresh instance", async () => {
    using service = await Service.start(handlers.trapsAt(2), { concurrency: 1 });
    const ended: unknown[] = [];
    for (let i = 0; i < 4; i++) ended.push((await (await service.ask()).ended).kind);
    expect(ended).toEqual(["answered", "failed", "answered", "failed"]);
  });

  test("one that never ends is ended at its deadline, and the others are answered meanwhile", async () => {
    using service = await Service.start(handlers.spins(), { timeoutMs: 300, concurrency: 2 });
    const both = await Promise.all([service.ask(), service.ask()]);
    for (const call of both) expect(await call.ended).toMatchObject({ kind: "failed", reason: "timeout" });
  });

  test("a caller that goes ends a handler that sleeps", async () => {
    using service = await Service.start(handlers.sleeps(3_600_000));
    const call = service.open();
    call.exchange?.cancel();
    expect(await service.stopped()).toEqual({ kind: "stopped" });
  });

  test("a request of its own goes where the template allows it, and nowhere else", async () => {
    const server = createServer((_, response) => void response.end("from afar"));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    for (const allowed of [true, false]) {
      const allow = allowed ? [{ host: "127.0.0.1", port }] : [{ host: "127.0.0.1", port: 1 }];
      using service = await Service.start(
        handlers.asks(`127.0.0.1:${port}`),
        {},
        { network: { allow, listeners: [] } },
      );
      const call = await service.ask();
      expect(await call.ended).toMatchObject({ kind: "answered" });
      expect([call.response?.status, call.text]).toEqual(
        allowed ? [200, "from afar"] : [403, "the handler answers with the error HTTP-request-denied\n"],
      );
    }
    server.close();
  });

  test.each([
    { requestsPerInstance: 1_000, connections: 1 },
    { requestsPerInstance: 1, connections: 3 },
  ])(
    "with $requestsPerInstance requests per instance, three of its own take $connections connections, and none is left",
    async ({ requestsPerInstance, connections }) => {
      const sockets: Socket[] = [];
      const server = createServer((_, response) => void response.end("from afar"));
      server.on("connection", (socket) => sockets.push(socket));
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
      const { port } = server.address() as AddressInfo;
      const network = { allow: [{ host: "127.0.0.1", port }], listeners: [] };
      const asks = handlers.asks(`127.0.0.1:${port}`);
      {
        using service = await Service.start(asks, { concurrency: 1, requestsPerInstance }, { network });
        for (let i = 0; i < 3; i++)
          expect(await (await service.ask()).ended).toMatchObject({ kind: "answered" });
      }
      expect(sockets.length).toBe(connections);
      for (const socket of sockets) if (!socket.closed) await once(socket, "close");
      server.close();
    },
  );
});
