import { execFile } from "node:child_process";
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { FakeClock } from "../kit/fake-clock.ts";
import type { CallResponse } from "../proto/functions/messages.ts";
import { CallStream } from "./call-stream.ts";
import type { FunctionCallError } from "./errors.ts";
import type { CallStreamTarget, GatewayStream } from "./gateway-stream.ts";
import { clientLimits } from "./limits.ts";
import { type Refusal, TestGateway } from "./testing/test-gateway.ts";

const call = { function: "f", fuel: 0, memoryBytes: 0, timeoutMs: 0, seed: undefined };
const request = (id: number, input = "x") => ({ ...call, id, input: Buffer.from(input) });
const output = (id: number, text = "x"): CallResponse => ({
  id,
  result: { kind: "output", output: Buffer.from(text) },
  usage: undefined,
});

/** What a stream has told. */
class Told {
  readonly outputs = new Map<number, string>();
  isLeaving = false;
  /** Undefined: not yet; null: it has answered everything. */
  closed: FunctionCallError | null | undefined;
  times = 0;

  readonly events = {
    response: ({ id, result }: CallResponse) =>
      void this.outputs.set(id, result.kind === "output" ? String(result.output) : result.error.reason),
    drain: () => {},
    leaving: () => (this.isLeaving = true),
    closed: (why: FunctionCallError | undefined) => {
      this.times++;
      this.closed = why ?? null;
    },
  };
}

async function openTo(
  gateway: TestGateway,
): Promise<{ readonly stream: GatewayStream; readonly told: Told; readonly clock: FakeClock }> {
  const clock = new FakeClock();
  const told = new Told();
  const stream = await open(gateway.target(), told, clock);
  return { stream, told, clock };
}

function open(
  target: CallStreamTarget,
  told = new Told(),
  clock = new FakeClock(),
  signal = new AbortController().signal,
): Promise<GatewayStream> {
  return CallStream.open(target, told.events, { clock, connectMs: 1_000, signal });
}

test("CallStream: shows its ticket, sends requests and tells answers, also in pieces", async () => {
  await using gateway = await TestGateway.start();
  const { stream, told } = await openTo(gateway);
  for (const id of [1, 2, 3]) stream.send(request(id));
  await expect.poll(() => gateway.requests.map(({ id }) => id)).toEqual([1, 2, 3]);
  expect(gateway.authorizations).toEqual(["Bearer ticket"]);
  const long = "y".repeat(300_000);
  gateway.answer(output(3, long));
  gateway.answer(output(1));
  await expect.poll(() => told.outputs.size).toBe(2);
  expect([told.outputs.get(1), told.outputs.get(3)]).toEqual(["x", long]);
  stream.destroy();
});

const refusals: readonly { name: string; refusal: Refusal; error: object }[] = [
  {
    name: "a ticket that is not taken",
    refusal: { ":status": 200, "grpc-status": "16", "grpc-message": "it%20has ended" },
    error: { reason: "Unauthenticated", message: "it has ended" },
  },
  {
    name: "a status of gRPC",
    refusal: { ":status": 200, "grpc-status": "14" },
    error: { reason: "Unavailable", message: "gRPC status 14" },
  },
  {
    name: "a message that is not encoded well",
    refusal: { ":status": 200, "grpc-status": "14", "grpc-message": "100%" },
    error: { reason: "Unavailable", message: "100%" },
  },
  { name: "a status of HTTP", refusal: { ":status": 415 }, error: { reason: "Unavailable" } },
];

test.each(refusals)("CallStream.open: rejects with $name", async ({ refusal, error }) => {
  await using gateway = await TestGateway.start();
  gateway.refusal = refusal;
  await expect(open(gateway.target())).rejects.toMatchObject({ ...error, notBegun: true });
});

test("CallStream.open: believes no other node's certificate", async () => {
  await using gateway = await TestGateway.start();
  await expect(open(gateway.target({ node: "b" }))).rejects.toMatchObject({
    reason: "Unavailable",
    message: expect.stringContaining("not that of the node b"),
  });
  expect(gateway.authorizations).toEqual([]);
});

test("CallStream.open: believes nobody whom the ticket's CA does not know", async () => {
  await using gateway = await TestGateway.start();
  await using other = await TestGateway.start();
  const target = { ...gateway.target(), caBundle: other.target().caBundle };
  await expect(open(target)).rejects.toMatchObject({ reason: "Unavailable" });
  expect(gateway.authorizations).toEqual([]);
});

/** Takes connections and never says anything, as the port of a gateway that is not ready. */
async function silentServer() {
  const server = createServer((socket) => void socket.on("error", () => {}).resume());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const target: CallStreamTarget = { endpoint: { node: "a", address }, token: "t", caBundle: "" };
  return { target, connected: once(server, "connection"), [Symbol.dispose]: () => void server.close() };
}

test("CallStream.open: gives up a gateway that is silent", async () => {
  using server = await silentServer();
  const clock = new FakeClock();
  const opening = open(server.target, new Told(), clock);
  const outcome = opening.catch((thrown: unknown) => thrown);
  await server.connected;
  clock.advance(1_000);
  expect(await outcome).toMatchObject({ reason: "Unavailable", message: expect.stringContaining("1000 ms") });
});

test("CallStream.open: after it has given up, the process may end, though the gateway never says goodbye", async () => {
  const sockets: Socket[] = [];
  // What is not read is not answered, not even with the end of a connection.
  const server = createServer({ pauseOnConnect: true }, (socket) => void sockets.push(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const program = fileURLToPath(new URL("testing/one-attempt.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, address], { timeout: 20_000 });
  expect(stdout).toBe(`${address} has not answered in 50 ms\n`);
  for (const socket of sockets) socket.destroy();
  server.close();
});

test.each(["", "no address", "[::1", "a:b"])("CallStream.open: rejects the address %o", async (address) => {
  const target: CallStreamTarget = { endpoint: { node: "a", address }, token: "t", caBundle: "" };
  await expect(open(target)).rejects.toMatchObject({ reason: "Unavailable" });
});

test("CallStream.open: gives up when its signal says so", async () => {
  using server = await silentServer();
  const controller = new AbortController();
  const opening = open(server.target, new Told(), new FakeClock(), controller.signal);
  const outcome = opening.catch((thrown: unknown) => thrown);
  await server.connected;
  controller.abort(new Error("enough"));
  expect(await outcome).toEqual(new Error("enough"));
  await expect(open(server.target, new Told(), new FakeClock(), controller.signal)).rejects.toThrow("enough");
});

test.each([
  { name: "bytes that are no message", bytes: Buffer.alloc(64, 255) },
  { name: "a message that is too long", bytes: Buffer.from([0, 255, 255, 255, 255]) },
  { name: "a message that ends within a field", bytes: Buffer.from([0, 0, 0, 0, 2, 0x12, 0x7f]) },
])("CallStream: ends with $name", async ({ bytes }) => {
  await using gateway = await TestGateway.start();
  const { told } = await openTo(gateway);
  gateway.stream.write(bytes);
  await expect.poll(() => told.closed).toMatchObject({ reason: "Protocol", notBegun: false });
});

test.each([
  { name: "the gateway is killed", act: (gateway: TestGateway) => gateway.reset() },
  { name: "the gateway ends it with an error", act: (gateway: TestGateway) => gateway.end(14, "gone") },
  { name: "the gateway resets it", act: (gateway: TestGateway) => gateway.stream.close(2) },
])("CallStream: says once that it is over when $name", async ({ act }) => {
  await using gateway = await TestGateway.start();
  const { stream, told } = await openTo(gateway);
  stream.send(request(1));
  await expect.poll(() => gateway.requests.length).toBe(1);
  act(gateway);
  await expect.poll(() => told.closed).toMatchObject({ reason: "Unavailable" });
  expect([told.times, stream.hasRoom]).toEqual([1, false]);
});

test("CallStream: when the gateway leaves, what is under way is answered", async () => {
  await using gateway = await TestGateway.start();
  const { stream, told } = await openTo(gateway);
  stream.send(request(1));
  await expect.poll(() => gateway.requests.length).toBe(1);
  gateway.sessions[0]?.close();
  await expect.poll(() => told.isLeaving).toBe(true);
  expect(stream.hasRoom).toBe(false);
  gateway.answer(output(1));
  gateway.end(0);
  await expect.poll(() => told.closed).toBe(null);
  expect(told.outputs.get(1)).toBe("x");
});

test("CallStream: a gateway that has gone without a word is noticed, with calls under way", async () => {
  await using gateway = await TestGateway.start();
  const { stream, told, clock } = await openTo(gateway);
  stream.send(request(1));
  await expect.poll(() => gateway.requests.length).toBe(1);
  gateway.fallSilent();
  clock.advance(2 * clientLimits.keepaliveMs);
  expect(told.closed).toBe(undefined);
  clock.advance(clientLimits.keepaliveMs);
  expect(told.closed).toMatchObject({ reason: "Unavailable", message: "the gateway is silent" });
});

test("CallStream: a gateway that takes its time but answers pings is believed", async () => {
  await using gateway = await TestGateway.start();
  const { stream, told, clock } = await openTo(gateway);
  stream.send(request(1));
  await expect.poll(() => gateway.requests.length).toBe(1);
  for (let i = 0; i < 5; i++) {
    const pinged = once(gateway.sessions[0] ?? gateway.stream, "ping");
    clock.advance(2 * clientLimits.keepaliveMs);
    await pinged;
    await gateway.isHeard();
  }
  gateway.answer(output(1));
  await expect.poll(() => told.outputs.get(1)).toBe("x");
  expect(told.closed).toBe(undefined);
  stream.destroy();
});

test("CallStream: an idle stream is not asked", async () => {
  await using gateway = await TestGateway.start();
  const { stream, told, clock } = await openTo(gateway);
  stream.send(request(1));
  await expect.poll(() => gateway.requests.length).toBe(1);
  gateway.answer(output(1));
  await expect.poll(() => told.outputs.size).toBe(1);
  gateway.fallSilent();
  clock.advance(10 * clientLimits.keepaliveMs);
  expect(told.closed).toBe(undefined);
  stream.leave();
  clock.advance(4 * clientLimits.keepaliveMs);
  expect(told.closed).toMatchObject({ message: "the gateway is silent" });
});
