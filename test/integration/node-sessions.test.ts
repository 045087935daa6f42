/** The scheduler's end of the wire, spoken to by a client that breaks its rules. */
import { credentials, status as grpcStatus, type ClientDuplexStream, type ServiceError } from "@grpc/grpc-js";
import { mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { LocalCertificates, type CertificateFiles } from "../../cli/local/certificates.ts";
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import type { NodeMessage } from "../../proto/gen/wherry/v1/NodeMessage.ts";
import type { SchedulerMessage__Output } from "../../proto/gen/wherry/v1/SchedulerMessage.ts";
import { batchItemsMax, NodeService, protocolVersion } from "../../proto/node-service.ts";
import type { HeldInstance, NodeListener, NodeSession } from "../../scheduler/nodes/node-port.ts";
import { AssignmentProofs } from "../../scheduler/nodes/assignment-proofs.ts";
import { NodeServer } from "../../scheduler/nodes/node-server.ts";
import { writeAssignment } from "../../scheduler/nodes/wire.ts";
import { anInstance } from "../support/bound-instance.ts";

type Session = ClientDuplexStream<NodeMessage, SchedulerMessage__Output>;

let certificates: LocalCertificates;
let server: NodeServer;
let address = "";
let sessions: NodeSession[] = [];
const calls: string[] = [];
const held: HeldInstance[] = [];

const proofs = new AssignmentProofs([Buffer.from("of this cluster")]);

const listener: NodeListener = {
  connected(hello, session) {
    calls.push(`connected ${hello.name}`);
    sessions.push(session);
    return undefined;
  },
  inventory(session, part, done) {
    held.push(...part);
    calls.push(`inventory ${session.nodeName} ${part.length} ${done}`);
  },
  statuses: (session, statuses) => void calls.push(`statuses ${session.nodeName} ${statuses.length}`),
  usages: (session, usages) => void calls.push(`usages ${session.nodeName} ${JSON.stringify(usages)}`),
  conditions: (session, conditions) =>
    void calls.push(`conditions ${session.nodeName} ${JSON.stringify(conditions)}`),
  modules: (session, modules, complete) =>
    void calls.push(`modules ${session.nodeName} ${JSON.stringify(modules)} ${complete}`),
  traffic: (session, workloads) =>
    void calls.push(`traffic ${session.nodeName} ${JSON.stringify(workloads)}`),
  wakeUp: (session, uids) => void calls.push(`wakeUp ${session.nodeName} ${uids.join()}`),
  disconnected: (session) => void calls.push(`disconnected ${session.nodeName}`),
};

beforeAll(async () => {
  certificates = new LocalCertificates(mkdtempSync(join(tmpdir(), "wherry-sessions-")), () => Date.now());
  const files = await certificates.scheduler(["localhost", "127.0.0.1"]);
  server = new NodeServer({
    host: "127.0.0.1",
    port: 0,
    tls: read(files),
    epoch: 7,
    lostAfterMs: 15_000,
    listener,
    proofs,
    clock: systemClock,
    log: silentLog,
  });
  address = (await server.listen()).replace("127.0.0.1", "localhost");
});
afterAll(() => server.close());

function read({ ca, certificate, key }: CertificateFiles) {
  return { ca: readFileSync(ca), cert: readFileSync(certificate), key: readFileSync(key) };
}

async function dial(name: string) {
  const { ca, cert, key } = read(await certificates.node(name));
  return new NodeService(address, credentials.createSsl(ca, key, cert));
}

function hello(name: string, overrides: object = {}): NodeMessage {
  const capacity = { cpuMillis: 1, memoryBytes: 1, instances: 1 };
  return { hello: { nodeName: name, protocolVersion, capacity, allocatable: capacity, ...overrides } };
}

function end(call: Session): Promise<{ readonly code: number; readonly details: string }> {
  return new Promise((settle) => {
    call.on("data", () => {});
    call.once("error", (error: ServiceError) => settle({ code: error.code, details: error.details }));
  });
}

function next(call: Session): Promise<SchedulerMessage__Output> {
  return new Promise((settle, reject) => {
    call.once("data", settle);
    call.once("error", reject);
  });
}

const refusals = () => Object.values(server.figures.refused).reduce((sum, count) => sum + count, 0);
const template = { id: "t", specJson: Buffer.from("{}"), contents: [], contentsId: "" };

test.each([
  {
    name: "another node's name",
    node: "a",
    message: hello("b"),
    code: grpcStatus.PERMISSION_DENIED,
    details: /certificate is for node a/,
  },
  {
    name: "a protocol from the future",
    node: "a",
    message: hello("a", { protocolVersion: 99 }),
    code: grpcStatus.UNIMPLEMENTED,
    details: new RegExp(`protocol ${protocolVersion}, the daemon 99`),
  },
  {
    name: "no hello",
    node: "a",
    message: { heartbeat: {} },
    code: grpcStatus.INVALID_ARGUMENT,
    details: /must be hello/,
  },
  {
    name: "a capacity that is no amount",
    node: "a",
    message: hello("a", { allocatable: { cpuMillis: 2 ** 60, memoryBytes: 1, instances: 1 } }),
    code: grpcStatus.INVALID_ARGUMENT,
    details: /hello\.allocatable/,
  },
  {
    name: "a gateway at a place that is none",
    node: "a",
    message: hello("a", { gatewayAddress: "http://x/" }),
    code: grpcStatus.INVALID_ARGUMENT,
    details: /hello\.gateway_address/,
  },
])("NodeServer: refuses $name", async ({ node, message, code, details }) => {
  const before = refusals();
  using client = closing(await dial(node));
  const call = client.session();
  const ended = end(call);
  call.write(message);
  const { code: actual, details: text } = await ended;
  expect(actual).toBe(code);
  expect(text).toMatch(details);
  expect(refusals()).toBe(before + 1);
});

test("NodeServer: refuses a client without a certificate", async () => {
  const { ca } = await certificates.node("a");
  using client = closing(new NodeService(address, credentials.createSsl(readFileSync(ca))));
  expect((await end(client.session())).code).toBe(grpcStatus.UNAVAILABLE);
});

test("NodeServer: a status with an unknown phase ends the session, and the listener hears of it", async () => {
  using client = closing(await dial("broken"));
  const call = client.session();
  const ended = end(call);
  call.write(hello("broken"));
  call.write({ status: { statuses: [{ uid: "u", phase: "Dancing" }] } });
  expect((await ended).details).toMatch(/phase "Dancing"/);
  expect(calls.filter((text) => text.endsWith("broken"))).toEqual([
    "connected broken",
    "disconnected broken",
  ]);
});

test("NodeServer: answers each heartbeat, which is how a node knows that it is heard", async () => {
  using client = closing(await dial("n"));
  const call = client.session();
  call.write(hello("n"));
  await next(call);
  const { sentBytes } = server.figures;
  for (let beat = 0; beat < 2; beat++) {
    call.write({ heartbeat: {} });
    expect(await next(call)).toMatchObject({ epoch: 7, heartbeatAnswer: {} });
  }
  expect(server.figures.sent.get("heartbeatAnswer")).toBe(2);
  expect(server.figures.sentBytes).toBeGreaterThan(sentBytes);
});

test("NodeServer: commands come batched, with the epoch, each template once", async () => {
  sessions = [];
  using client = closing(await dial("n"));
  const call = client.session();
  call.write(hello("n"));
  const welcome = await next(call);
  expect(welcome).toMatchObject({
    epoch: 7,
    welcome: { heartbeatIntervalMs: 3_000, stopDisconnectedAfterMs: 9_000 },
  });
  const received: SchedulerMessage__Output[] = [];
  const all = new Promise<void>((settle) => {
    call.on("data", (message: SchedulerMessage__Output) => {
      received.push(message);
      if (message.acknowledge) settle();
    });
  });
  const [session] = sessions;
  for (let i = 0; i < batchItemsMax + 10; i++) session!.assign(anInstance(`u${i}`), template);
  session!.stop("u1", undefined, { reason: "Preempted", message: "for another" });
  session!.stop("u2", 0);
  session!.stop("u4", 2 ** 32);
  session!.acknowledge("u3");
  await all;
  expect(received.map(({ assign }) => assign?.assignments.length ?? 0)).toEqual([batchItemsMax, 10, 0, 0]);
  expect(received.map(({ assign }) => assign?.templates.length ?? 0)).toEqual([1, 0, 0, 0]);
  expect(received[0]?.assign?.assignments[0]).toMatchObject({
    uid: "u0",
    hasSlot: true,
    completionIndex: 3,
    attempt: 1,
    cpuLimitMillis: 200,
    memoryLimitBytes: 2 ** 26,
    hasDeadline: true,
    isolation: "process",
    priority: -5,
    priorityClass: "low",
  });
  expect(received[2]?.stop?.instances).toEqual([
    { uid: "u1", hasGrace: false, graceMs: 0, reason: "Preempted", message: "for another" },
    { uid: "u2", hasGrace: true, graceMs: 0, reason: "", message: "" },
    { uid: "u4", hasGrace: true, graceMs: 2 ** 32 - 1, reason: "", message: "" },
  ]);
  expect(received.every(({ epoch }) => epoch === 7)).toBe(true);
});

test("NodeServer: a gateway is told in parts, each with the epoch, and its wake-ups are heard", async () => {
  sessions = [];
  using client = closing(await dial("gate"));
  const call = client.session();
  call.write(hello("gate", { gatewayAddress: "gate.example:7000", gatewayUrls: ["http://10.0.0.7:8080"] }));
  await next(call);
  const received: SchedulerMessage__Output[] = [];
  const all = new Promise<void>((settle) => {
    call.on("data", (message: SchedulerMessage__Output) => {
      received.push(message);
      if (message.updateGateway?.more === false) settle();
    });
  });
  const nodes = [{ name: "b", address: "b:1", ready: [{ templateHash: "h", count: 3 }] }];
  sessions[0]!.updateGateway({
    complete: true,
    routes: ["r1", "r2"].map((uid) => ({ uid, entryJson: Buffer.alloc(1_500_000, "x") })),
    removedRoutes: [],
    workloads: [{ uid: "w", namespace: "d", kind: "WasmDeployment", name: "app", wakes: true, nodes }],
    removedWorkloads: ["old"],
    certificates: [{ name: "d/s", chainPem: Buffer.from("chain"), keyPem: Buffer.from("key") }],
    removedCertificates: [],
    ticketKeys: [],
  });
  await all;
  const updates = received.map(({ updateGateway }) => updateGateway!);
  expect(updates.map(({ complete, more, routes }) => [complete, more, routes.length])).toEqual([
    [true, true, 1],
    [false, true, 1],
    [false, false, 0],
  ]);
  expect(updates[0]?.workloads).toEqual([
    { uid: "w", namespace: "d", kind: "WasmDeployment", name: "app", wakes: true, nodes },
  ]);
  expect(updates[0]?.certificates.map(({ keyPem }) => String(keyPem))).toEqual(["key"]);
  expect(updates.at(-1)?.removedWorkloads).toEqual(["old"]);
  expect(received.every(({ epoch }) => epoch === 7)).toBe(true);
  call.write({ wakeUp: { workloadUids: ["w", "v"] } });
  const workloads = [{ uid: "w", arrived: 2 ** 52, inFlight: 3, queued: 1 }];
  call.write({ traffic: { workloads } });
  call.write({ heartbeat: {} });
  await next(call);
  expect(calls.filter((text) => text.startsWith("wakeUp"))).toEqual(["wakeUp gate w,v"]);
  expect(calls.filter((text) => text.startsWith("traffic"))).toEqual([
    `traffic gate ${JSON.stringify(workloads)}`,
  ]);
});

test("NodeServer: a log is pulled from the node that has it, and ends when the reader stops", async () => {
  sessions = [];
  using client = closing(await dial("n"));
  const call = client.session();
  call.write(hello("n"));
  await next(call);
  const asked = next(call);
  const abort = new AbortController();
  const options = { follow: true, tailLines: 5, sinceMs: undefined, timestamps: false };
  const chunks = sessions[0]!.openLog("u", options, abort.signal)[Symbol.asyncIterator]();
  const { openLog } = await asked;
  expect(openLog).toMatchObject({ uid: "u", follow: true, tailLines: 5, sinceMs: 0 });
  let finished: (error: ServiceError | null) => void = () => {};
  const over = new Promise<ServiceError | null>((settle) => (finished = settle));
  const sending = client.sendLog((error) => finished(error));
  sending.on("error", () => {});
  sending.write({ streamId: openLog!.streamId, data: Buffer.from("one\n") });
  expect(Buffer.from((await chunks.next()).value as Uint8Array).toString()).toBe("one\n");
  sending.write({ data: Buffer.from("two\n") });
  expect(Buffer.from((await chunks.next()).value as Uint8Array).toString()).toBe("two\n");
  abort.abort();
  expect((await chunks.next()).done).toBe(true);
  await over;
});

test("NodeServer: a log stream that nobody asked for is ended", async () => {
  using client = closing(await dial("n"));
  const answer = await new Promise((settle) => {
    const sending = client.sendLog((error) => settle(error === null ? "ended" : error.code));
    sending.write({ streamId: "made-up", data: Buffer.from("x") });
  });
  expect(answer).toBe("ended");
});

const memoryPressure = {
  type: "MemoryPressure",
  status: true,
  reason: "BelowThreshold",
  message: "90 MiB left",
  transitionMs: 1_764_000_000_000,
};

test("NodeServer: conditions and usage reach the listener whole, also before the inventory", async () => {
  using client = closing(await dial("talker"));
  const call = client.session();
  call.write(hello("talker"));
  const usage = { uid: "u", cpuUs: 1, memoryBytes: 2, fuel: 2 ** 52, throttledUs: 4, ageMs: 5 };
  call.write({ conditions: { conditions: [memoryPressure] } });
  call.write({ inventory: { instances: [], done: true } });
  call.write({ usage: { usages: [usage] } });
  call.write({ conditions: { conditions: [] } });
  call.write({ heartbeat: {} });
  await next(call);
  await next(call);
  expect(calls.filter((text) => text.includes(" talker "))).toEqual([
    `conditions talker ${JSON.stringify([memoryPressure])}`,
    "inventory talker 0 true",
    `usages talker ${JSON.stringify([usage])}`,
    "conditions talker []",
  ]);
});

test("NodeServer: modules reach the listener, names that no template can have do not", async () => {
  using client = closing(await dial("library"));
  const call = client.session();
  call.write(hello("library"));
  const modules = [
    { image: "https://a/m.wasm", state: "STATE_PREPARED" },
    { image: "file:///b.wasm", state: "STATE_FETCHED" },
    { image: "file:///c.wasm" },
    { image: "", state: "STATE_FETCHED" },
    { image: "x".repeat(4_097), state: "STATE_FETCHED" },
  ] as const;
  call.write({ modules: { complete: true, modules: [...modules] } });
  call.write({ modules: { modules: [] } });
  call.write({ heartbeat: {} });
  await next(call);
  await next(call);
  const read = [
    { image: "https://a/m.wasm", state: "prepared" },
    { image: "file:///b.wasm", state: "fetched" },
    { image: "file:///c.wasm", state: "gone" },
  ];
  expect(calls.filter((text) => text.includes(" library "))).toEqual([
    `modules library ${JSON.stringify(read)} true`,
    "modules library [] false",
  ]);
});

test("NodeServer: refuses more modules than a node may tell of", async () => {
  using client = closing(await dial("hoarder"));
  const call = client.session();
  const ended = end(call);
  call.write(hello("hoarder"));
  const modules = Array.from({ length: 1_001 }, (_, at) => ({ image: `m${at}` }));
  call.write({ modules: { modules } });
  expect((await ended).details).toMatch(/1001 modules in a message are more than 1000/);
});

test.each([
  { name: "Ready, which is not the node's to say", conditions: [{ ...memoryPressure, type: "Ready" }] },
  { name: "the same one twice", conditions: [memoryPressure, memoryPressure] },
  { name: "a type that is no name", conditions: [{ ...memoryPressure, type: "Memory Pressure" }] },
  { name: "a reason that is no name", conditions: [{ ...memoryPressure, reason: "why not" }] },
  { name: "a time that is none", conditions: [{ ...memoryPressure, transitionMs: 2 ** 52 }] },
  {
    name: "too many",
    conditions: Array.from({ length: 40 }, (_, i) => ({ ...memoryPressure, type: `C${i}` })),
  },
])("NodeServer: refuses conditions with $name", async ({ conditions }) => {
  using client = closing(await dial("liar"));
  const call = client.session();
  const ended = end(call);
  call.write(hello("liar"));
  call.write({ conditions: { conditions } });
  expect((await ended).code).toBe(grpcStatus.INVALID_ARGUMENT);
});

test("NodeServer: a status with an isolation that is not known ends the session", async () => {
  using client = closing(await dial("strange"));
  const call = client.session();
  const ended = end(call);
  call.write(hello("strange"));
  call.write({ status: { statuses: [{ uid: "u", phase: "Running", isolation: "glass" }] } });
  expect((await ended).details).toMatch(/isolation "glass"/);
});

test("NodeServer: an assignment comes back in the inventory as it was sent", async () => {
  using client = closing(await dial("holder"));
  const call = client.session();
  call.write(hello("holder"));
  await next(call);
  const instance = anInstance("u");
  const status = { uid: "u", phase: "Running", isolation: "confined" };
  const before = held.length;
  call.write({
    inventory: { instances: [{ assignment: writeAssignment(instance, "t"), status }], done: true },
  });
  call.write({ heartbeat: {} });
  await next(call);
  const state = { kind: "bound", nodeName: "holder", observed: { isolation: "confined" } };
  expect(held.slice(before)).toMatchObject([{ instance: { ...instance, templateId: "t", state } }]);
});

test("NodeServer: an end that is acknowledged while the inventory comes is not taken in from it again", async () => {
  sessions = [];
  using client = closing(await dial("forgetful"));
  const call = client.session();
  call.write(hello("forgetful"));
  await next(call);
  const entry = (uid: string, phase: string) => ({
    assignment: writeAssignment(anInstance(uid), "t"),
    status: { uid, phase },
  });
  const before = held.length;
  const [session] = sessions;
  for (const uid of ["gone", "late", "alive"]) session?.acknowledge(uid);
  const ofDaemon = await next(call);
  expect(ofDaemon).toMatchObject({ acknowledge: { uids: ["gone", "late", "alive"] } });
  // What runs is not given up for an acknowledgement, so it counts.
  const first = [entry("gone", "Succeeded"), entry("alive", "Running"), entry("kept", "Succeeded")];
  call.write({ inventory: { instances: first, done: false } });
  call.write({ inventory: { instances: [entry("late", "Failed")], done: true } });
  call.write({ heartbeat: {} });
  await next(call);
  expect(held.slice(before).map(({ instance }) => instance.uid)).toEqual(["alive", "kept"]);
  expect(calls.filter((text) => text.startsWith("inventory forgetful"))).toEqual([
    "inventory forgetful 2 false",
    "inventory forgetful 0 true",
  ]);
});

test("NodeServer: files that have changed reach a daemon that knows of it, after what was assigned", async () => {
  sessions = [];
  using client = closing(await dial("files"));
  const call = client.session();
  call.write(hello("files", { updatesContents: true }));
  await next(call);
  const contents = (text: string) => ({
    contentsId: text,
    contents: [{ volume: "v", secret: true, files: [{ path: "key", data: Buffer.from(text) }] }],
  });
  call.write({ contents: { templates: [{ templateId: "t", contentsId: "told" }] } });
  const status = { uid: "u", phase: "Running" };
  const { templateHash } = anInstance("u");
  const proof = proofs.make({ nodeName: "files", uid: "u", ownerUid: "o", templateHash });
  const assignment = { ...writeAssignment(anInstance("u"), "t"), proof };
  // What somebody else's instance sees is not to be had by naming it.
  const stolen = {
    ...writeAssignment({ ...anInstance("x"), owner: { ...anInstance("x").owner, uid: "p" } }, "t"),
    proof,
  };
  call.write({
    inventory: {
      instances: [
        { assignment, status },
        { assignment: stolen, status: { ...status, uid: "x" } },
      ],
      done: true,
    },
  });
  call.write({ heartbeat: {} });
  await next(call);
  const received: SchedulerMessage__Output[] = [];
  const all = new Promise<void>((settle) => {
    call.on("data", (message: SchedulerMessage__Output) => {
      received.push(message);
      if (message.updateContents) settle();
    });
  });
  const [session] = sessions;
  expect([...(session?.contentsOwners() ?? [])]).toEqual(["o"]);
  expect(session?.updateContents("o", () => contents("told"))).toBe(0);
  session?.assign(anInstance("w"), { ...template, ...contents("1") });
  session?.updateContents("o", () => contents("2"));
  session?.updateContents("o", () => contents("3"));
  await all;
  const given = received[0]?.assign?.assignments[0]?.proof ?? "";
  expect(proofs.isValid(given, { nodeName: "files", uid: "w", ownerUid: "o", templateHash })).toBe(true);
  expect(received[0]?.assign?.templates).toMatchObject([{ id: "t", contentsId: "1" }]);
  expect(received[1]?.updateContents?.templates).toEqual([{ templateId: "t", ...contents("3") }]);
  // What is to end at once gets no more, whether its node says that it has ended or not.
  session?.stop("u", undefined);
  expect(session?.updateContents("o", () => contents("4"))).toBeGreaterThan(0);
  for (const uid of ["u", "w"]) session?.stop(uid, 0);
  expect(session?.updateContents("o", () => contents("5"))).toBe(0);
  expect([...(session?.contentsOwners() ?? [])]).toEqual([]);
  expect(received).toHaveLength(2);
});

function closing<T extends { close(): void }>(client: T): T & Disposable {
  return Object.assign(client, { [Symbol.dispose]: () => client.close() });
}
