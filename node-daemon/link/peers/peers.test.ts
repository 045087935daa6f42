import { X509Certificate } from "node:crypto";
import { connect as connectTcp, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import { systemClock, type Clock } from "../../../kit/clock.ts";
import { silentLog } from "../../../kit/log.ts";
import { systemRandom } from "../../../kit/random.ts";
import { TestAuthority, type TlsFiles } from "../../testing/certificates.ts";
import type { CalleeExchange } from "../exchange.ts";
import type { LinkClient } from "../link-client.ts";
import { keepalive } from "../limits.ts";
import { someHead } from "../test-link.ts";
import { peerLimits } from "./limits.ts";
import type { NodeIdentity } from "./node-identity.ts";
import { PeerDialer } from "./peer-dialer.ts";
import { PeerListener } from "./peer-listener.ts";

let identities: Readonly<Record<"n1" | "n2" | "scheduler" | "foreign" | "later1" | "later2", NodeIdentity>>;
beforeAll(async () => {
  const [ours, theirs] = await Promise.all([TestAuthority.make(), TestAuthority.make()]);
  const identityOf = ({ ca, cert, key }: TlsFiles) => ({
    caPem: ca.toString(),
    certPem: cert.toString(),
    keyPem: key.toString(),
  });
  const [n1, n2, scheduler, foreign, later1, later2] = await Promise.all([
    ours.issue("system:node:n1"),
    ours.issue("system:node:n2"),
    ours.issue("wherry-scheduler"),
    theirs.issue("system:node:n1"),
    theirs.issue("system:node:n1"),
    theirs.issue("system:node:n2"),
  ]);
  identities = {
    n1: identityOf(n1),
    n2: identityOf(n2),
    scheduler: identityOf(scheduler),
    // Signed by another CA; it would accept ours.
    foreign: { ...identityOf(foreign), caPem: n1.ca.toString() },
    later1: identityOf(later1),
    later2: identityOf(later2),
  };
});

let node: Node2;
let clients: LinkClient[];
beforeEach(async () => {
  node = new Node2(systemClock);
  clients = [];
  await node.listen();
});
afterEach(async () => {
  clients.forEach((client) => client.close());
  await node.close();
});

/** The gateway of node n2. */
class Node2 {
  readonly from: string[] = [];
  readonly held: CalleeExchange[] = [];
  readonly sockets: Socket[] = [];
  readonly listener: PeerListener;
  readonly #server: Server;
  holds = false;

  constructor(clock: Clock) {
    this.listener = new PeerListener(
      (exchange, node) => {
        this.from.push(node);
        this.held.push(exchange);
        if (!this.holds) this.release();
      },
      { clock, log: silentLog },
    );
    this.#server = createServer((socket) => {
      this.sockets.push(socket);
      this.listener.accept(socket);
    });
    this.listener.replaceIdentity(identities.n2);
  }

  release(): void {
    for (const exchange of this.held.splice(0)) {
      exchange.respond({ status: 200, headers: [] });
      exchange.end({ trailers: [] });
    }
  }

  async listen(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    this.listener[Symbol.dispose]();
    this.sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function dialer(identity: NodeIdentity | undefined, clock: Clock = systemClock): PeerDialer {
  const made = new PeerDialer({ clock, log: silentLog, random: systemRandom });
  if (identity) made.replaceIdentity(identity);
  return made;
}

function way(from: PeerDialer, name = "n2", address = `127.0.0.1:${node.port}`): LinkClient {
  const client = from.dial(name, address);
  clients.push(client);
  return client;
}

/** "200", or why there is no answer. */
function ask(client: LinkClient): Promise<string> {
  return new Promise((resolve) => {
    let status = "";
    const exchange = client.open(someHead, {
      head: (head) => (status = `${head.status}`),
      data() {},
      end: () => resolve(status),
      fault: (fault) =>
        resolve("reason" in fault ? `${fault.kind} ${fault.reason}: ${fault.message}` : fault.kind),
      drain() {},
    });
    exchange.end([]);
  });
}

test("peers: two nodes know each other, and share a connection", async () => {
  const client = way(dialer(identities.n1));
  expect(await Promise.all([ask(client), ask(client)])).toEqual(["200", "200"]);
  expect(await ask(client)).toBe("200");
  expect(node.from).toEqual(["n1", "n1", "n1"]);
  expect(node.sockets.length).toBe(1);
});

test.each<[string, () => NodeIdentity | undefined, string, RegExp]>([
  ["the wrong node answers", () => identities.n1, "n3", /it is node n2/],
  ["whoever dials is no node", () => identities.scheduler, "n2", /closed|reset|ECONN|alert/i],
  ["whoever dials is of another cluster", () => identities.foreign, "n2", /closed|reset|ECONN|alert/i],
  [
    "whoever answers is of another cluster",
    () => identities.later1,
    "n2",
    /unable to verify|self.signed|signature/i,
  ],
  ["this node has no certificate yet", () => undefined, "n2", /no certificate yet/],
])("peers: %s: refused, and nothing is asked", async (_name, identity, name, why) => {
  const answer = await ask(way(dialer(identity()), name));
  expect(answer).toMatch(/^refused broken: /);
  expect(answer).toMatch(why);
  expect(node.from).toEqual([]);
});

test.each(["127.0.0.1", "127.0.0.1:0", "127.0.0.1:99999", "[::1", ":7000", "a b:c"])(
  "PeerDialer: %s is no address",
  async (address) => {
    expect(await ask(way(dialer(identities.n1), "n2", address))).toMatch(
      /^refused broken: .*that is not HOST:PORT/,
    );
  },
);

test("PeerListener: without an identity nobody gets in; one that cannot be used changes nothing", async () => {
  await node.close();
  node = new Node2(systemClock);
  await node.listen();
  node.listener.replaceIdentity({ ...identities.n2, keyPem: "nonsense" });
  expect(await ask(way(dialer(identities.n1)))).toBe("200");
  const bare = new PeerListener(() => {}, { clock: systemClock, log: silentLog });
  const { port } = node;
  const socket = connectTcp(port, "127.0.0.1");
  bare.accept(socket);
  expect(socket.destroyed).toBe(true);
});

test("PeerListener: who shows no certificate, or speaks another protocol, gets no link", async () => {
  const { caPem: ca, certPem: cert, keyPem: key } = identities.n1;
  const at = { host: "127.0.0.1", port: node.port, ca, checkServerIdentity: () => undefined };
  for (const options of [
    { ...at, ALPNProtocols: ["wherry-link"] },
    { ...at, cert, key },
    { ...at, cert, key, ALPNProtocols: ["http/1.1"] },
    { ...at, cert, key, ALPNProtocols: ["wherry-link"], maxVersion: "TLSv1.2" as const },
  ]) {
    const socket = connectTls(options);
    socket.on("error", () => {});
    const heard: Buffer[] = [];
    socket.on("data", (bytes: Buffer) => heard.push(bytes));
    await new Promise((resolve) => socket.once("close", resolve));
    // Not even a hello.
    expect(heard).toEqual([]);
  }
  expect(node.listener.count).toBe(0);
});

test("PeerListener: whoever says nothing, or too little, is no link, and does not keep others out", async () => {
  const silent = Array.from({ length: peerLimits.handshakesMax + 20 }, () => {
    const socket = connectTcp(node.port, "127.0.0.1");
    socket.on("error", () => {});
    return socket;
  });
  while (node.sockets.length < silent.length) await new Promise(setImmediate);
  silent.at(-1)?.write(Buffer.from([22, 3, 1, 2]));
  const closed = node.sockets.filter((socket) => socket.destroyed).length;
  expect(closed).toBe(20);
  expect(await ask(way(dialer(identities.n1)))).toBe("200");
  silent.forEach((socket) => socket.destroy());
});

test("PeerListener: one node may have so many connections, others have theirs", async () => {
  const dialers = Array.from({ length: peerLimits.connectionsPerNode + 1 }, () => way(dialer(identities.n1)));
  const answers: string[] = [];
  for (const client of dialers) answers.push(await ask(client));
  expect(answers.filter((answer) => answer === "200").length).toBe(peerLimits.connectionsPerNode);
  expect(answers.at(-1)).toMatch(/^refused broken/);
  expect(await ask(way(dialer(identities.n2)))).toBe("200");
});

test("replaceIdentity: both ends go on under the new one, and what is under way is finished", async () => {
  const from = dialer(identities.n1);
  const client = way(from);
  expect(await ask(client)).toBe("200");
  node.holds = true;
  const under = ask(client);
  while (node.held.length === 0) await new Promise(setImmediate);
  node.holds = false;
  node.listener.replaceIdentity(identities.later2);
  from.replaceIdentity(identities.later1);
  expect(await ask(client)).toBe("200");
  node.release();
  expect(await under).toBe("200");
  // Who stays behind does not get in any more.
  expect(await ask(way(dialer(identities.n1)))).toMatch(/^refused broken/);
});

test("PeerListener: a certificate that runs out ends its links, once they have answered", async () => {
  await node.close();
  const { validToDate } = new X509Certificate(identities.n1.certPem);
  const clock = new FakeClock(validToDate.getTime() - 1_000);
  node = new Node2(clock);
  await node.listen();
  const client = way(dialer(identities.n1));
  expect(await ask(client)).toBe("200");
  expect(node.listener.count).toBe(1);
  clock.advance(1_001);
  while (node.listener.count > 0) await new Promise(setImmediate);
  // The handshake goes by the time of the machine, the look at the certificate by ours.
  expect(await ask(client)).toMatch(/^refused/);
});

test("peers: an end that is only half there is found by both", async () => {
  const clock = new FakeClock(Date.now());
  await node.close();
  node = new Node2(clock);
  // Between them, somebody who takes everything and hands nothing on once he is asleep.
  let asleep = false;
  const pairs: Socket[] = [];
  const between = createServer((near) => {
    const far = connectTcp(node.port, "127.0.0.1");
    pairs.push(near, far);
    near.on("data", (bytes) => !asleep && far.write(bytes));
    far.on("data", (bytes) => !asleep && near.write(bytes));
    for (const socket of [near, far]) socket.on("error", () => {});
  });
  await node.listen();
  await new Promise<void>((resolve) => between.listen(0, "127.0.0.1", resolve));
  const from = dialer(identities.n1, clock);
  const client = way(from, "n2", `127.0.0.1:${(between.address() as AddressInfo).port}`);
  expect(await ask(client)).toBe("200");
  node.holds = true;
  const under = ask(client);
  while (node.held.length === 0) await new Promise(setImmediate);
  asleep = true;
  for (let look = 0; look <= keepalive.silentMax; look++) {
    clock.advance(keepalive.intervalMs);
    await new Promise(setImmediate);
  }
  expect(await under).toBe("failed lost: the other end is silent");
  expect(node.listener.count).toBe(0);
  pairs.forEach((socket) => socket.destroy());
  await new Promise((resolve) => between.close(resolve));
});

test("finish: no more requests, those under way are answered, and then it resolves", async () => {
  const client = way(dialer(identities.n1));
  node.holds = true;
  const under = ask(client);
  while (node.held.length === 0) await new Promise(setImmediate);
  let finished = false;
  const finishing = node.listener.finish(60_000).then(() => (finished = true));
  expect(await ask(client)).toMatch(/^refused/);
  expect(finished).toBe(false);
  node.release();
  expect(await under).toBe("200");
  await finishing;
  expect(node.listener.count).toBe(0);
  await node.listener.finish(60_000);
});

test("finish: what is not answered within the grace is cut off", async () => {
  const clock = new FakeClock(Date.now());
  await node.close();
  node = new Node2(clock);
  await node.listen();
  node.holds = true;
  const under = ask(way(dialer(identities.n1)));
  while (node.held.length === 0) await new Promise(setImmediate);
  const finishing = node.listener.finish(1_000);
  clock.advance(1_000);
  await finishing;
  expect(await under).toMatch(/^failed lost/);
});
