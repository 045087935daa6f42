/** Requests that go from one gateway to another: real servers, real links over mutual TLS, and real request sockets at the end. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import { systemRandom } from "../../kit/random.ts";
import { Gateway } from "../../node-daemon/gateway/gateway.ts";
import { defaultGatewayOptions } from "../../node-daemon/gateway/ports.ts";
import {
  handshake,
  type ServerConnection,
  SwitchingServer,
} from "../../node-daemon/gateway/testing/switching-server.ts";
import {
  backendOf,
  endpointOf,
  RawClient,
  routeOf,
  workloadOf,
} from "../../node-daemon/gateway/testing/test-gateway.ts";
import type { CalleeExchange, RequestListener } from "../../node-daemon/link/exchange.ts";
import type { NodeIdentity } from "../../node-daemon/link/peers/node-identity.ts";
import { PeerDialer } from "../../node-daemon/link/peers/peer-dialer.ts";
import { PeerListener } from "../../node-daemon/link/peers/peer-listener.ts";
import { dialShim, listenRequests, type RequestServer } from "../../node-daemon/link/shim-requests.ts";
import { TestAuthority } from "../../node-daemon/testing/certificates.ts";

const parts = { clock: systemClock, log: silentLog, random: systemRandom };

let authority: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.make();
});

async function identityOf(node: string): Promise<NodeIdentity> {
  const { ca, cert, key } = await authority.issue(`system:node:${node}`);
  return { caPem: ca.toString(), certPem: cert.toString(), keyPem: key.toString() };
}

/** A node with a gateway, and perhaps an instance. */
class Node implements AsyncDisposable {
  readonly name: string;
  readonly gateway: Gateway;
  readonly peers: PeerListener;
  readonly dialer = new PeerDialer(parts);
  readonly #folder = mkdtempSync(join(tmpdir(), "wherry-peers-"));
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  #requests: RequestServer | undefined;
  peerAddress = "";
  port = 0;

  constructor(name: string) {
    this.name = name;
    this.gateway = new Gateway(
      { ...defaultGatewayOptions, name },
      {
        ...parts,
        dialShim: (folder) => dialShim(folder, parts),
        dialPeer: (node, address) => this.dialer.dial(node, address),
      },
      { wake() {}, drained() {} },
    );
    this.peers = new PeerListener((exchange) => this.gateway.answer(exchange), parts);
  }

  async start(): Promise<this> {
    await this.renewIdentity();
    const peerPort = await this.#listen((socket) => this.peers.accept(socket));
    this.peerAddress = `127.0.0.1:${peerPort}`;
    this.port = await this.#listen((socket) => this.gateway.accept("http", socket));
    this.gateway.apply({ kind: "route", route: routeOf("r", { rule: { backends: [backendOf("w")] } }) });
    this.gateway.apply({ kind: "workload", workload: workloadOf("w") });
    return this;
  }

  async renewIdentity(): Promise<void> {
    const identity = await identityOf(this.name);
    this.dialer.replaceIdentity(identity);
    this.peers.replaceIdentity(identity);
  }

  async serve(answer: (exchange: CalleeExchange) => void): Promise<void> {
    this.#requests = await listenRequests(this.#folder, answer, parts);
    const reach = { kind: "shim", folder: this.#folder } as const;
    this.gateway.apply({
      kind: "endpoint",
      endpoint: endpointOf(`i-${this.name}`, "w", { reach, bodyBytesMax: 2 ** 30 }),
    });
  }

  /** Where instances of the workload are. */
  know(...nodes: readonly Node[]): void {
    const workload = workloadOf("w", {
      nodes: nodes.map(({ name, peerAddress }) => ({
        name,
        address: peerAddress,
        ready: [{ templateHash: "t", count: 1 }],
      })),
    });
    this.gateway.apply({ kind: "workload", workload });
  }

  /** As `kill -9` has it. */
  vanish(): void {
    for (const server of this.#servers) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.peers[Symbol.dispose]();
    this.dialer.close();
    this.gateway.close();
    this.vanish();
    await this.#requests?.[Symbol.asyncDispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #listen(accept: (socket: Socket) => void): Promise<number> {
    const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      accept(socket);
    });
    this.#servers.push(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }
}

let opened: AsyncDisposable[];
let agent: Agent;
beforeEach(() => {
  opened = [];
  agent = new Agent({ keepAlive: true, maxSockets: 32 });
});
afterEach(async () => {
  agent.destroy();
  for (const one of opened) await one[Symbol.asyncDispose]();
});

async function node(name: string): Promise<Node> {
  const made = new Node(name);
  opened.push(made);
  return await made.start();
}

function listener(more: Partial<RequestListener> = {}): RequestListener {
  return { data() {}, end() {}, cancelled() {}, drain() {}, ...more };
}

/** A plain server of that node. */
async function withServer(
  of: Node,
  answer?: (connection: ServerConnection) => void,
): Promise<SwitchingServer> {
  const server = new SwitchingServer(answer);
  opened.push(server);
  const reach = { kind: "listener", address: "127.0.0.1", port: await server.listen() } as const;
  of.gateway.apply({
    kind: "endpoint",
    endpoint: endpointOf(`s-${of.name}`, "w", { reach, timeoutMs: 5_000 }),
  });
  return server;
}

async function upgraded(port: number): Promise<RawClient> {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  await once(socket, "connect");
  return new RawClient(socket).send(handshake());
}

/** Says who it is. */
function names(name: string): (exchange: CalleeExchange) => void {
  return (exchange) => {
    exchange.listen(
      listener({
        end: () => {
          exchange.respond({ status: 200, headers: ["x-node", name] });
          exchange.end({ trailers: [] });
        },
      }),
    );
  };
}

/** Sends back what comes, as it comes. */
function echoes(exchange: CalleeExchange): void {
  let unconsumed = 0;
  exchange.respond({ status: 200, headers: ["x-path", exchange.head.path] });
  exchange.listen(
    listener({
      data: (bytes) => {
        if (exchange.write(bytes)) exchange.consumed(bytes.length);
        else unconsumed += bytes.length;
      },
      drain: () => {
        exchange.consumed(unconsumed);
        unconsumed = 0;
      },
      end: (trailers) => exchange.end({ trailers }),
    }),
  );
}

async function get(port: number, path = "/"): Promise<{ readonly status: number; readonly node: string }> {
  const asked = httpRequest({ host: "127.0.0.1", port, path, agent });
  asked.end();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  response.resume();
  await once(response, "end");
  return { status: response.statusCode ?? 0, node: String(response.headers["x-node"] ?? "") };
}

test("a gateway without an instance asks the gateway of a node that has one", async () => {
  const [here, there] = await Promise.all([node("here"), node("there")]);
  await there.serve(names("there"));
  here.know(there);
  expect(await get(here.port)).toEqual({ status: 200, node: "there" });
  // Which asks nobody else.
  there.know(here);
  there.gateway.apply({ kind: "endpointGone", uid: "i-there" });
  const rule = { backends: [backendOf("w")], requestTimeoutMs: 300 };
  here.gateway.apply({ kind: "route", route: routeOf("r", { rule }) });
  expect((await get(here.port)).status).toBeGreaterThanOrEqual(503);
  expect(here.gateway.figures().find(({ uid }) => uid === "w")?.requests["2xx"]).toBe(1);
});

test("bodies of 16 MiB go both ways at once, through a client that reads slowly, and arrive as they were", async () => {
  const [here, there] = await Promise.all([node("here"), node("there")]);
  await there.serve(echoes);
  here.know(there);
  const asked = httpRequest({ host: "127.0.0.1", port: here.port, path: "/x?y", method: "POST", agent });
  const sent = createHash("sha256");
  const received = createHash("sha256");
  let left = 256;
  const send = () => {
    for (; left > 0; left--) {
      const piece = Buffer.alloc(64 * 1024, left);
      sent.update(piece);
      if (!asked.write(piece)) {
        left--;
        asked.once("drain", send);
        return;
      }
    }
    asked.end();
  };
  send();
  const [response] = (await once(asked, "response")) as [IncomingMessage];
  expect(response.headers["x-path"]).toBe("/x?y");
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.length;
    received.update(piece);
    if (bytes % 7 === 0) await new Promise(setImmediate);
  }
  expect(bytes).toBe(256 * 64 * 1024);
  expect(received.digest("hex")).toBe(sent.digest("hex"));
});

test("no request is lost while both nodes get new certificates, again and again", async () => {
  const [here, there] = await Promise.all([node("here"), node("there")]);
  await there.serve(names("there"));
  here.know(there);
  const stop = new AbortController();
  const statuses = new Map<number, number>();
  const client = async () => {
    while (!stop.signal.aborted) {
      const { status } = await get(here.port);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    }
  };
  const clients = Array.from({ length: 16 }, client);
  for (let round = 0; round < 5; round++) {
    await there.renewIdentity();
    await here.renewIdentity();
    const before = statuses.get(200) ?? 0;
    while ((statuses.get(200) ?? 0) < before + 100) await new Promise(setImmediate);
  }
  stop.abort();
  await Promise.all(clients);
  expect([...statuses.keys()]).toEqual([200]);
});

test("a gateway that finishes answers what it has, and others get the rest", async () => {
  const [here, there, third] = await Promise.all([node("here"), node("there"), node("third")]);
  const held: CalleeExchange[] = [];
  await there.serve((exchange) => {
    if (exchange.head.path === "/held") held.push(exchange);
    else names("there")(exchange);
  });
  await third.serve(names("third"));
  here.know(there);
  const slow = get(here.port, "/held");
  while (held.length === 0) await new Promise(setImmediate);
  here.know(there, third);
  const finishing = there.peers.finish(60_000);
  const after = await Promise.all(Array.from({ length: 50 }, () => get(here.port)));
  expect(new Set(after.map((answer) => `${answer.status} ${answer.node}`))).toEqual(new Set(["200 third"]));
  held.forEach(names("there"));
  expect(await slow).toEqual({ status: 200, node: "there" });
  await finishing;
});

test("a node that vanishes: what was sent there and may be repeated is answered by another", async () => {
  const [here, there, third] = await Promise.all([node("here"), node("there"), node("third")]);
  const held: CalleeExchange[] = [];
  await there.serve((exchange) => held.push(exchange));
  await third.serve(names("third"));
  here.know(there);
  const asked = Array.from({ length: 20 }, () => get(here.port));
  while (held.length < 16) await new Promise(setImmediate);
  here.know(there, third);
  there.vanish();
  const answers = await Promise.all(asked);
  expect(new Set(answers.map((answer) => `${answer.status} ${answer.node}`))).toEqual(new Set(["200 third"]));
});

test("a WebSocket goes to a server of another node: bytes both ways, each end told of the other's", async () => {
  const [here, there] = await Promise.all([node("here"), node("there")]);
  const server = await withServer(there);
  here.know(there);
  const rule = { backends: [backendOf("w")], requestTimeoutMs: 30_000, attemptTimeoutMs: 20_000 };
  here.gateway.apply({ kind: "route", route: routeOf("r", { rule }) });
  const client = await upgraded(here.port);
  await client.until(/^HTTP\/1\.1 101 [^]*\r\n\r\n$/);
  const [connection] = server.connections;
  if (connection === undefined) throw new Error("nobody has reached the server");
  client.send("up").socket.end();
  await connection.until(() => connection.isEnded);
  expect(connection.text).toMatch(/\r\n\r\nup$/);
  connection.send("down");
  await client.until(/down$/);
  expect(client.isEnded).toBe(false);
  connection.socket.end();
  await client.ended();
  const second = await upgraded(here.port);
  await second.until(/^HTTP\/1\.1 101 /);
  second.socket.resetAndDestroy();
  const last = server.connections[1];
  await last?.until(() => last.isEnded);
  const third = await upgraded(here.port);
  await third.until(/^HTTP\/1\.1 101 /);
  server.connections[2]?.socket.resetAndDestroy();
  await third.ended();
  const figures = here.gateway.figures().find(({ uid }) => uid === "w");
  expect(figures).toMatchObject({ arrived: 3, inFlight: 0, requests: { "1xx": 3 } });
});

test("a WebSocket over two gateways: neither side is read faster than the other reads", async () => {
  const [here, there] = await Promise.all([node("here"), node("there")]);
  const server = await withServer(there);
  here.know(there);
  const client = await upgraded(here.port);
  await client.until(/^HTTP\/1\.1 101 /);
  const far = server.connections[0]?.socket;
  if (far === undefined) throw new Error("nobody has reached the server");
  const big = Buffer.alloc(32 * 1024 * 1024, "x");
  for (const [from, to] of [
    [far, client.socket],
    [client.socket, far],
  ] as const) {
    let bytes = 0;
    to.on("data", (piece: Buffer) => (bytes += piece.length));
    to.pause();
    from.write(big);
    const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
    await pause();
    const left = from.writableLength;
    expect(left).toBeGreaterThan(big.length / 2);
    await pause();
    expect(from.writableLength).toBe(left);
    to.resume();
    while (bytes < big.length) await new Promise(setImmediate);
  }
});

test("a WebSocket for handlers of another node that take none, and answers that are no 101, come back as what they are", async () => {
  const [here, there] = await Promise.all([node("here"), node("there")]);
  await there.serve(names("there"));
  here.know(there);
  expect(await (await upgraded(here.port)).ended()).toMatch(/^HTTP\/1\.1 501 [^]*UpgradeUnsupported/);
  // It is as good as before.
  expect(await get(here.port)).toEqual({ status: 200, node: "there" });
  there.gateway.apply({ kind: "endpointGone", uid: "i-there" });
  await withServer(there, (connection) =>
    connection.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
  );
  expect(await (await upgraded(here.port)).ended()).toMatch(/^HTTP\/1\.1 403 [^]*no$/);
});

test("a client that goes away is heard of on the other node", async () => {
  const [here, there] = await Promise.all([node("here"), node("there")]);
  const events: string[] = [];
  await there.serve((exchange) => {
    events.push("began");
    exchange.listen(listener({ cancelled: () => events.push("cancelled") }));
  });
  here.know(there);
  const asked = httpRequest({ host: "127.0.0.1", port: here.port });
  asked.on("error", () => {});
  asked.end();
  while (events.length < 1) await new Promise(setImmediate);
  asked.destroy();
  while (events.length < 2) await new Promise(setImmediate);
  expect(events).toEqual(["began", "cancelled"]);
});
