import { mkdtempSync, rmSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { FrameReader, MessageWriter } from "../../shim/frames.ts";
import type { FromGateway, GatewayConfig, Teaching, ToGateway, WorkloadFigures } from "../control.ts";
import { GatewayProcess, type RequestServerEvents } from "./gateway-process.ts";
import { processLimits } from "./limits.ts";

let folder: string;
let clock: FakeClock;
let left: number;
let applied: Teaching[];
let listens: number;
let finishes: { readonly graceMs: number; readonly done: () => void }[];
let counted: WorkloadFigures[];
let events: RequestServerEvents;
let gateway: GatewayProcess;
const daemons: TestDaemon[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "wherry-process-"));
  clock = new FakeClock();
  left = 0;
  applied = [];
  listens = 0;
  finishes = [];
  counted = [];
});
afterEach(async () => {
  for (const daemon of daemons.splice(0)) daemon.socket.destroy();
  await gateway.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(given: Partial<GatewayConfig> = {}): Promise<void> {
  const http = { kind: "http", host: "127.0.0.1", port: 80, portMax: 80, preferredPort: 0 } as const;
  gateway = new GatewayProcess({
    config: {
      gatewayId: "g",
      buildId: "b",
      nodeName: "n",
      listen: [http],
      debugHeaders: false,
      trustForwarded: false,
      connectionsPerClientMax: 0,
      accessLog: undefined,
      orphanMs: undefined,
      ...given,
    },
    inherited: [],
    server: (told) => {
      events = told;
      return {
        apply: (change) => void applied.push(change),
        listen: () => {
          listens++;
          return Promise.resolve({ port: 8080, fd: 9 });
        },
        finish: (graceMs) => new Promise((done) => finishes.push({ graceMs, done })),
        figures: () => counted.splice(0),
        counts: () => ({
          connections: { http: 1, https: 0, peer: 0, functions: 0 },
          accepted: { http: 3, https: 0, peer: 0, functions: 0 },
          connectionsRefused: { perClient: 1, inAll: 0 },
          handshakesFailed: 2,
          refusals: { NoRoute: 4 },
          droppedLogLines: 5,
        }),
      };
    },
    spawn: () => {},
    leave: () => left++,
    use: () => ({ cpuSeconds: 6, residentBytes: 7, loopUtilization: 0.5 }),
    pid: 7,
    clock,
    log: silentLog,
  });
  await gateway.start(join(folder, "control.sock"));
}

class TestDaemon {
  readonly socket: Socket;
  readonly heard: FromGateway[] = [];
  readonly #writer: MessageWriter;
  #wake: () => void = () => {};

  constructor() {
    this.socket = connect(join(folder, "control.sock"));
    this.#writer = new MessageWriter(this.socket);
    const reader = new FrameReader();
    this.socket.on("data", (chunk: Buffer) => {
      this.heard.push(...(reader.push(chunk) as FromGateway[]));
      this.#wake();
    });
    this.socket.on("close", () => this.#wake());
    daemons.push(this);
  }

  send(...messages: readonly ToGateway[]): void {
    for (const message of messages) this.#writer.send(message);
  }

  async hears(kind: FromGateway["kind"]): Promise<FromGateway> {
    for (;;) {
      const found = this.heard.find((message) => message.kind === kind);
      if (found) return found;
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }

  /** Whatever was sent before has been read. */
  async synced(): Promise<void> {
    const before = this.heard.filter(({ kind }) => kind === "pong").length;
    this.send({ kind: "ping" });
    while (this.heard.filter(({ kind }) => kind === "pong").length === before)
      await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  async closed(): Promise<void> {
    while (!this.socket.closed) await new Promise<void>((resolve) => (this.#wake = resolve));
  }
}

const snapshot: readonly ToGateway[] = [{ kind: "snapshotBegin" }, { kind: "snapshotEnd" }];
const route: Teaching = {
  kind: "route",
  route: { uid: "r", namespace: "default", name: "r", createdMs: 0, hostnames: ["*"], rules: [] },
};

test("GatewayProcess: says hello, and listens after the first snapshot, not before", async () => {
  await start();
  const daemon = new TestDaemon();
  expect(await daemon.hears("hello")).toMatchObject({
    gatewayId: "g",
    pid: 7,
    addresses: [],
    finishing: false,
  });
  daemon.send({ kind: "snapshotBegin" }, route);
  await daemon.synced();
  expect([listens, applied]).toEqual([0, []]);
  daemon.send({ kind: "snapshotEnd" });
  const bound = { kind: "http", host: "127.0.0.1", wantedPort: 80, port: 8080 };
  expect(await daemon.hears("listening")).toMatchObject({ addresses: [bound] });
  expect(applied).toEqual([route]);
  const next = new TestDaemon();
  expect(await next.hears("hello")).toMatchObject({ addresses: [bound] });
  next.send(...snapshot);
  await next.synced();
  expect(listens).toBe(1);
  expect(applied.at(-1)).toEqual({ kind: "routeGone", uid: "r" });
});

test("GatewayProcess: passes on each kind of teaching", async () => {
  await start();
  const daemon = new TestDaemon();
  const uid = "u";
  const teachings: readonly Teaching[] = [
    { kind: "identity", caPem: "a", certPem: "b", keyPem: "c" },
    { kind: "certificate", certificate: { name: "n/c", chainPem: "c", keyPem: "k" } },
    { kind: "ticketKey", pem: "p" },
    {
      kind: "workload",
      workload: { uid, namespace: "n", kind: "WasmDeployment", name: "w", wakes: false, nodes: [] },
    },
    route,
    { kind: "routeGone", uid: "r" },
    { kind: "workloadGone", uid },
    { kind: "ticketKeyGone", pem: "p" },
    { kind: "certificateGone", name: "n/c" },
    { kind: "endpointGone", uid },
    { kind: "drain", uid },
  ];
  daemon.send(...snapshot, ...teachings);
  await daemon.synced();
  expect(applied).toEqual(teachings);
});

test("GatewayProcess: a second connection takes the place of the first", async () => {
  await start();
  const first = new TestDaemon();
  await first.hears("hello");
  const second = new TestDaemon();
  await second.hears("hello");
  await first.closed();
  events.wake(["w"]);
  expect(await second.hears("wake")).toEqual({ kind: "wake", workloads: ["w"] });
});

test("GatewayProcess: a daemon that comes anew is told all that was counted", async () => {
  await start();
  const figures = (uid: string, retries: number) =>
    ({ uid, retries, durations: [], requests: {} }) as unknown as WorkloadFigures;
  counted = [figures("a", 1), figures("b", 1)];
  clock.advance(processLimits.figuresMs);
  counted = [figures("a", 2)];
  clock.advance(processLimits.figuresMs);
  const daemon = new TestDaemon();
  expect(await daemon.hears("figures")).toMatchObject({
    workloads: [{ uid: "a", retries: 2 }, { uid: "b" }],
  });
});

test("GatewayProcess: says how it is itself: to a daemon that comes, and every few seconds", async () => {
  await start();
  const daemon = new TestDaemon();
  const said = () => daemon.heard.flatMap((message) => (message.kind === "process" ? [message.figures] : []));
  expect(await daemon.hears("process")).toEqual({
    kind: "process",
    figures: {
      connections: { http: 1, https: 0, peer: 0, functions: 0 },
      accepted: { http: 3, https: 0, peer: 0, functions: 0 },
      connectionsRefused: { perClient: 1, inAll: 0 },
      handshakesFailed: 2,
      refusals: { NoRoute: 4 },
      droppedLogLines: 5,
      cpuSeconds: 6,
      residentBytes: 7,
      loopDelayMs: 0,
      loopUtilization: 0.5,
    },
  });
  clock.advance(10 * processLimits.processEvery * processLimits.figuresMs);
  await daemon.synced();
  expect(said()).toHaveLength(11);
});

test("GatewayProcess: told to exit it finishes, and goes when all is answered", async () => {
  await start();
  const daemon = new TestDaemon();
  daemon.send(...snapshot, { kind: "exit", graceMs: 5_000 });
  await daemon.synced();
  expect(finishes.map(({ graceMs }) => graceMs)).toEqual([5_000]);
  // Still told what it needs for its last requests.
  daemon.send(route);
  await daemon.synced();
  expect(applied).toEqual([route]);
  expect(left).toBe(0);
  finishes[0]?.done();
  await daemon.closed();
  await new Promise(setImmediate);
  expect(left).toBe(1);
});

test.each([
  ["that hangs when its grace is over", [5_000], 5_000 + 2_000],
  ["that is told to hurry after the shorter grace", [60_000, 100], 100],
  ["that is told to take its time after the shorter grace all the same", [100, 60_000], 100 + 2_000],
])("GatewayProcess: one %s goes", async (_name, graces, atMs) => {
  await start();
  for (const graceMs of graces) gateway.finish(graceMs, "test");
  expect(finishes.length).toBe(1);
  clock.advance(atMs - 1);
  expect(left).toBe(0);
  clock.advance(1);
  expect(left).toBe(1);
});

test("GatewayProcess: without anybody who tells it anything it goes", async () => {
  await start();
  clock.advance(processLimits.untaughtMs - 1);
  expect(finishes).toEqual([]);
  clock.advance(1);
  expect(finishes.length).toBe(1);
});

test.each([
  ["stays for ever", undefined, 0],
  ["goes after the time it was given", 30_000, 1],
])("GatewayProcess: one that knows something, without a daemon, %s", async (_name, orphanMs, count) => {
  await start({ orphanMs });
  const daemon = new TestDaemon();
  daemon.send(...snapshot);
  await daemon.hears("listening");
  clock.advance(10 * 24 * 3_600_000);
  expect(finishes).toEqual([]);
  daemon.socket.destroy();
  await daemon.closed();
  // The gateway sees it some turns later.
  for (let turn = 0; turn < 20 || finishes.length < count; turn++) {
    await new Promise(setImmediate);
    clock.advance(30_000);
  }
  expect(finishes.length).toBe(count);
});
