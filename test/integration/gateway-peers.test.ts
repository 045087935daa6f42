/** Requests that go from one gateway to another: real servers, real links over mutual TLS, and real request sockets at the end. */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { Agent, type IncomingMessage, request as httpRequest } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { systemClock } from "../../kit/clock.ts";
import { silentLog } from "../../kit/log.ts";
import { systemRandom } from "../../kit/random.ts";
import { Gateway } from "../../node-daemon/gateway/gateway.ts";
import { defaultGatewayOptions } from "../../node-daemon/gateway/ports.ts";
import {
  backendOf,
  endpointOf,
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
