import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { fileURLToPath } from "node:url";
import {
  type ChannelCredentials,
  type Client,
  credentials,
  loadPackageDefinition,
  Metadata,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { beforeAll, expect, test } from "vitest";
import { ticketAudience, ticketClaim, ticketType } from "../../../api/call-ticket.ts";
import { systemClock } from "../../../kit/clock.ts";
import { type JwtKey, signJwt } from "../../../kit/jwt.ts";
import { silentLog } from "../../../kit/log.ts";
import { FakeTracer } from "../../../kit/tracing/fake-tracer.ts";
import { TestAuthority, type TlsFiles } from "../../testing/certificates.ts";
import type { FakeHandler } from "../testing/fake-instances.ts";
import { TestGateway } from "../testing/test-gateway.ts";
import { FunctionServer } from "./function-server.ts";

interface Response {
  readonly id: number;
  readonly output?: Buffer;
  readonly error?: { readonly reason: string; readonly message: string; readonly code: number };
  readonly usage: { readonly fuel: number; readonly cpuUs: number } | null;
}

/** What the loader makes of functions.proto. */
interface CallsStream extends NodeJS.EventEmitter {
  write(request: object): boolean;
  end(): void;
  cancel(): void;
}
type FunctionsClient = Client & {
  call(
    request: object,
    metadata: Metadata,
    done: (error: (Error & { code: number; details: string }) | null, response: Response) => void,
  ): { cancel(): void };
  calls(metadata: Metadata): CallsStream;
};

const proto = fileURLToPath(new URL("../../../proto/wherry/v1/functions.proto", import.meta.url));
const options = { longs: Number, oneofs: false, defaults: true };
// Its types are made for the node's contract only; this is the interface above.
const { FunctionService } = (
  loadPackageDefinition(loadSync(proto, options)) as unknown as {
    readonly wherry: {
      readonly v1: {
        readonly FunctionService: new (address: string, as: ChannelCredentials) => FunctionsClient;
      };
    };
  }
).wherry.v1;

const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const pem = publicKey.export({ type: "spki", format: "pem" });
let files: TlsFiles;

beforeAll(async () => {
  files = await (await TestAuthority.make()).issue("system:node:a");
});

interface TicketChanges {
  readonly claims?: object;
  readonly type?: string | undefined;
  readonly key?: JwtKey["privateKey"];
}

function ticket({ claims = {}, type = ticketType, key = privateKey }: TicketChanges = {}): string {
  const now = Math.floor(Date.now() / 1_000);
  const about = { namespace: "default", kind: "WasmDeployment", name: "price", uid: "w" };
  const all = { aud: ticketAudience, nbf: now, exp: now + 600, [ticketClaim]: about, ...claims };
  return signJwt({ id: "", publicKey, privateKey: key }, all, type);
}

class Service implements AsyncDisposable {
  readonly tracer = new FakeTracer();
  readonly gateway = new TestGateway({ tracer: this.tracer });
  readonly server: FunctionServer;
  readonly #listener: Server;
  readonly #clients: Client[] = [];

  constructor(handler: FakeHandler, connectionsPerClientMax = 0) {
    this.gateway.serve(handler, { endpoint: { functions: true } });
    this.server = new FunctionServer({
      clock: systemClock,
      log: silentLog,
      connectionsPerClientMax,
      call: (call, done) => this.gateway.gateway.call(call, done),
    });
    this.server.replaceIdentity({ certPem: files.cert.toString(), keyPem: files.key.toString() });
    this.server.addKey(pem);
    this.#listener = createServer((socket) => this.server.accept(socket));
  }

  async port(): Promise<number> {
    if (!this.#listener.listening) {
      this.#listener.listen(0, "127.0.0.1");
      await once(this.#listener, "listening");
    }
    return (this.#listener.address() as { port: number }).port;
  }

  async client(): Promise<FunctionsClient> {
    const client: FunctionsClient = new FunctionService(
      `localhost:${await this.port()}`,
      credentials.createSsl(files.ca),
    );
    this.#clients.push(client);
    return client;
  }

  async call(
    request: object,
    token: string | undefined = ticket(),
    traceparents: readonly string[] = [],
  ): Promise<Response> {
    const client = await this.client();
    const metadata = new Metadata();
    if (token !== "") metadata.set("authorization", `Bearer ${token}`);
    for (const traceparent of traceparents) metadata.add("traceparent", traceparent);
    return new Promise((resolve, reject) => {
      client.call(request, metadata, (error, response) => (error ? reject(error) : resolve(response)));
    });
  }

  async stream(): Promise<CallsStream> {
    const metadata = new Metadata();
    metadata.set("authorization", `Bearer ${ticket()}`);
    return (await this.client()).calls(metadata);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) client.close();
    this.server.close();
    await new Promise((resolve) => this.#listener.close(resolve));
    await this.gateway[Symbol.asyncDispose]();
  }
}

const echo: FakeHandler = {
  end: (one) => {
    one.respond(200, []);
    one.data(`${one.head.path} ${one.body}`);
    one.end([], { fuel: 7_000_000_000, cpuUs: 12 });
  },
};

test("FunctionServer: answers a call of a gRPC client with output and usage", async () => {
  await using service = new Service(echo);
  const input = Buffer.from("12 250");
  const request = { id: 9, function: "total", input, fuel: 5_000_000_000, seed: "s", memoryBytes: 70_000 };
  expect(await service.call(request)).toMatchObject({
    id: 9,
    output: Buffer.from("total 12 250"),
    usage: { fuel: 7_000_000_000, cpuUs: 12 },
  });
  expect(service.gateway.instances.calls[0]?.head.call).toEqual({
    fuelMax: 5_000_000_000,
    memoryBytesMax: 70_000,
    seed: "s",
  });
});

test("FunctionServer: an empty output, and one of a megabyte", async () => {
  await using service = new Service({ end: (one) => one.answer(one.body) });
  expect((await service.call({ function: "f" })).output).toEqual(Buffer.alloc(0));
  const large = Buffer.alloc(1_000_000, "x");
  expect((await service.call({ function: "f", input: large })).output?.equals(large)).toBe(true);
});

test.each([
  {
    name: "that the function has answered with an error",
    handler: { end: (one) => one.answer("no order", 400, ["wherry-function-code", "-3"]) },
    error: { reason: "FunctionError", message: "no order", code: -3 },
  },
  {
    name: "that there is no such function",
    handler: { end: (one) => one.answer("none", 404) },
    error: { reason: "UnknownFunction", message: "none" },
  },
  {
    name: "that it has no fuel any more",
    handler: { end: (one) => one.fault({ kind: "failed", reason: "exhausted", message: "m" }) },
    error: { reason: "Exhausted", message: "m", notBegun: false },
  },
  {
    name: "that its process was lost",
    handler: { end: (one) => one.fault({ kind: "failed", reason: "lost", message: "m" }) },
    error: { reason: "Lost", message: "m", notBegun: false },
  },
] satisfies readonly { name: string; handler: FakeHandler; error: object }[])(
  "FunctionServer: says $name",
  async ({ handler, error }) => {
    await using service = new Service(handler);
    expect((await service.call({ function: "f" })).error).toMatchObject(error);
  },
);

const otherKey = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;

test.each([
  { name: "no ticket", token: () => "" },
  { name: "a ticket that somebody else has signed", token: () => ticket({ key: otherKey }) },
  { name: "a token of the same key of another type", token: () => ticket({ type: "JWT" }) },
  {
    name: "one for another audience",
    token: () => ticket({ claims: { aud: "https://kubernetes.default.svc" } }),
  },
  {
    name: "one that has expired",
    token: () => ticket({ claims: { exp: Math.floor(Date.now() / 1_000) - 100 } }),
  },
  {
    name: "one of the future",
    token: () => ticket({ claims: { nbf: Math.floor(Date.now() / 1_000) + 100 } }),
  },
  { name: "one for no workload", token: () => ticket({ claims: { [ticketClaim]: { name: "price" } } }) },
  { name: "one without an end", token: () => ticket({ claims: { exp: undefined } }) },
  { name: "what is no token", token: () => "a.b.c" },
])("FunctionServer: refuses $name", async ({ token }) => {
  await using service = new Service(echo);
  await expect(service.call({ function: "f" }, token())).rejects.toMatchObject({ code: 16 });
  expect(service.gateway.instances.calls).toEqual([]);
});

test("FunctionServer: a key that is taken back takes its tickets along", async () => {
  await using service = new Service(echo);
  const token = ticket();
  await service.call({ function: "f" }, token);
  service.server.removeKey(pem);
  await expect(service.call({ function: "f" }, token)).rejects.toMatchObject({ code: 16 });
});

test("FunctionServer: a stream has many calls under way, and no more than it may", async () => {
  const held: (() => void)[] = [];
  await using service = new Service({ end: (one) => void held.push(() => one.answer(one.body)) });
  const stream = await service.stream();
  const outputs = new Map<number, string>();
  stream.on("data", ({ id, output }: Response) => outputs.set(id, String(output)));
  for (let id = 1; id <= 1_000; id++) stream.write({ id, function: "f", input: Buffer.from(`${id}`) });
  stream.end();
  await expect.poll(() => held.length).toBe(256);
  const ended = once(stream, "status");
  while (outputs.size < 1_000) {
    for (const answer of held.splice(0).toReversed()) answer();
    expect(held.length).toBeLessThanOrEqual(256);
    await new Promise((resolve) => setImmediate(resolve));
  }
  const [status] = await ended;
  expect(status).toMatchObject({ code: 0 });
  expect([...outputs].every(([id, text]) => text === `${id}`)).toBe(true);
});

test("FunctionServer: who cancels a stream cancels its calls", async () => {
  await using service = new Service({});
  const stream = await service.stream();
  stream.on("error", () => {});
  for (let id = 1; id <= 3; id++) stream.write({ id, function: "f" });
  const { calls } = service.gateway.instances;
  await expect.poll(() => calls.length).toBe(3);
  stream.cancel();
  await expect.poll(() => calls.every(({ cancelled }) => cancelled)).toBe(true);
});

test("FunctionServer: a client that has too many connections gets no more, until one has closed", async () => {
  await using service = new Service(echo, 1);
  const port = await service.port();
  const open = async () => {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    await once(socket, "connect");
    return socket;
  };
  const first = await open();
  await once(await open(), "close");
  first.destroy();
  const { output } = await service.call({ id: 1, function: "f", input: Buffer.from("x") });
  expect(String(output)).toBe("f x");
});

const traceOf = (flags: string) => `00-${"a".repeat(32)}-${"b".repeat(16)}-${flags}`;

test("FunctionServer: goes on with the trace of a call's metadata, and passes on what is not sampled", async () => {
  await using service = new Service(echo);
  const { spans } = service.tracer;
  const passedOn = () => service.gateway.instances.calls.at(-1)?.head.headers;
  await service.call({ function: "total" });
  expect([spans, passedOn()]).toEqual([[], []]);
  await service.call({ function: "total" }, undefined, [traceOf("00")]);
  expect([spans, passedOn()]).toEqual([[], ["traceparent", traceOf("00")]]);
  await service.call({ function: "total" }, undefined, [traceOf("01"), traceOf("01")]);
  expect([spans, passedOn()]).toEqual([[], []]);
  await service.call({ function: "total" }, undefined, [traceOf("01")]);
  const [span] = spans;
  expect(span).toMatchObject({ name: "CALL", parent: { traceId: "a".repeat(32), spanId: "b".repeat(16) } });
  expect(span?.endMs).toBeGreaterThan(0);
  expect(span?.attributes).toMatchObject({
    "wherry.function.name": "total",
    "wherry.workload.name": "w",
    "wherry.instance.uid": "i",
    "http.response.status_code": 200,
  });
  expect(passedOn()).toEqual(["traceparent", `00-${"a".repeat(32)}-${span?.context.spanId}-01`]);
});

test("FunctionServer: the calls of a stream are spans of the trace of its metadata", async () => {
  await using service = new Service(echo);
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${ticket()}`);
  metadata.set("traceparent", traceOf("01"));
  const stream = (await service.client()).calls(metadata);
  let responses = 0;
  stream.on("data", () => responses++);
  for (const id of [1, 2]) stream.write({ id, function: "total" });
  stream.end();
  await once(stream, "end");
  expect(responses).toBe(2);
  expect(service.tracer.spans.map(({ parent }) => parent?.spanId)).toEqual(["b".repeat(16), "b".repeat(16)]);
});
