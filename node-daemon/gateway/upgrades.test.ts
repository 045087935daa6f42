/** Upgrades to WebSocket, byte by byte: a real gateway between real sockets of a client and of a server. */
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { expect, test } from "vitest";
import type { RuleEntry } from "../../api/route-table.ts";
import { FakeClock } from "../../kit/fake-clock.ts";
import { TestAuthority } from "../testing/certificates.ts";
import type { Endpoint } from "./control.ts";
import { gatewayLimits } from "./limits.ts";
import {
  handshake,
  sampleKey,
  type ServerConnection,
  SwitchingServer,
  switches,
  switching,
} from "./testing/switching-server.ts";
import {
  backendOf,
  echo,
  endpointOf,
  RawClient,
  routeOf,
  TestGateway,
  type TestGatewayOptions,
} from "./testing/test-gateway.ts";

interface World extends AsyncDisposable {
  readonly gateway: TestGateway;
  readonly server: SwitchingServer;
  /** Of the server. */
  readonly port: number;
  client(): Promise<RawClient>;
}

async function world(
  answer?: (connection: ServerConnection) => void,
  more: {
    readonly endpoint?: Partial<Endpoint>;
    readonly rule?: Partial<RuleEntry>;
    readonly options?: TestGatewayOptions;
  } = {},
): Promise<World> {
  const server = new SwitchingServer(answer);
  const port = await server.listen();
  const reach = { kind: "listener", address: "127.0.0.1", port } as const;
  const gateway = new TestGateway(more.options).serve(echo, {
    endpoint: { reach, ...more.endpoint },
    ...(more.rule && { rule: more.rule }),
  });
  const gatewayPort = await gateway.listen();
  return {
    gateway,
    server,
    port,
    client: () => gateway.connect(gatewayPort),
    async [Symbol.asyncDispose]() {
      await gateway[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A client and a server that have become one connection. */
async function tunnel(
  made: World,
): Promise<{ readonly client: RawClient; readonly server: ServerConnection }> {
  const client = (await made.client()).send(handshake());
  await client.until(/^HTTP\/1\.1 101 [^]*\r\n\r\n/);
  const server = made.server.connections.at(-1);
  if (server === undefined) throw new Error("nobody has reached the server");
  return { client, server };
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Long enough for what is on its way over sockets of this machine to arrive. */
async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setTimeout(resolve, 5));
}

const figuresOf = ({ gateway }: World) => gateway.gateway.figures()[0];

test("Gateway: brings a WebSocket to a server, and bytes both ways from then on", async () => {
  await using made = await world((connection) =>
    connection.send(
      switching(connection.text, "Sec-WebSocket-Protocol: chat\r\nX-Own: 1\r\nKeep-Alive: 5\r\n"),
    ),
  );
  const { client, server } = await tunnel(made);
  expect(server.text).toMatch(/^GET \/chat\?a=b HTTP\/1\.1\r\n/);
  const lines = server.text.toLowerCase().split("\r\n");
  for (const line of [
    "connection: upgrade",
    "upgrade: websocket",
    "sec-websocket-version: 13",
    `sec-websocket-key: ${sampleKey.toLowerCase()}`,
    "x-forwarded-for: 127.0.0.1",
  ])
    expect(lines).toContain(line);
  expect(server.text).not.toMatch(/content-length|transfer-encoding/i);
  expect(client.text.toLowerCase()).toContain("\r\nconnection: upgrade\r\nupgrade: websocket\r\n");
  expect(client.text).toMatch(/sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  expect(client.text).toMatch(/sec-websocket-protocol: chat\r\nx-own: 1\r\n/);
  expect(client.text).not.toMatch(/keep-alive|content-length|transfer-encoding/i);
  client.send("\u0081\u0000GET / HTTP/1.1\r\n\r\n");
  await server.until(() => server.text.endsWith("\r\n\r\n\u0081\u0000GET / HTTP/1.1\r\n\r\n"));
  server.send("\u00ff\u0000back");
  await client.untilEnd("\r\n\r\n\u00ff\u0000back");
});

test("Gateway: what a client says before the server has switched is kept from it until then", async () => {
  const asked: ServerConnection[] = [];
  await using made = await world((connection) => asked.push(connection));
  const client = (await made.client()).send(`${handshake()}GET /early HTTP/1.1\r\n\r\n`);
  await until(() => asked.length > 0);
  client.send("more");
  await settle();
  expect(asked[0]?.text).not.toMatch(/early|more/);
  asked.forEach(switches);
  await client.until(/^HTTP\/1\.1 101 /);
  await asked[0]?.until(() => asked[0]?.text.endsWith("\r\n\r\nGET /early HTTP/1.1\r\n\r\nmore") === true);
});

test("Gateway: an upgrade that nobody can take is held as any request is, and its client's going is noticed", async () => {
  await using made = await world();
  const { gateway } = made.gateway;
  gateway.apply({ kind: "endpointGone", uid: "i" });
  const client = (await made.client()).send(`${handshake()}early`);
  const gone = (await made.client()).send(handshake());
  await until(() => figuresOf(made)?.waiting === 2);
  gone.socket.end();
  await until(() => figuresOf(made)?.waiting === 1);
  const reach = { kind: "listener", address: "127.0.0.1", port: made.port } as const;
  gateway.apply({ kind: "endpoint", endpoint: endpointOf("late", "w", { reach }) });
  await client.until(/^HTTP\/1\.1 101 /);
  const [server] = made.server.connections;
  await server?.until(() => server.text.endsWith("\r\n\r\nearly"));
  expect(made.server.connections.length).toBe(1);
});

test("Gateway: sends nothing of a client to where an upgrade is decided before it is", async () => {
  await using gateway = new TestGateway().serve({});
  const client = await gateway.connect(await gateway.listen());
  client.send(`${handshake()}early`);
  await until(() => gateway.instances.calls.length > 0);
  await settle();
  const [call] = gateway.instances.calls;
  expect(call?.body).toBe("");
  call?.respond(101, ["sec-websocket-accept", "a"]);
  await until(() => call?.body === "early");
  call?.data("back");
  await client.until(/\r\n\r\nback$/);
});

test.each([
  ["200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"],
  ["401", "HTTP/1.1 401 Unauthorized\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"],
])(
  "Gateway: an upgrade that is answered with %s is an answer, and what the client said with it goes nowhere",
  async (status, answer) => {
    await using made = await world((connection) => connection.send(answer));
    const client = (await made.client()).send(`${handshake()}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
    const text = await client.ended();
    expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\\r\\nConnection: close\\r\\n[^]*hello`));
    expect(text.match(/HTTP\/1\.1/g)?.length).toBe(1);
    const [server] = made.server.connections;
    await server?.until(() => server.isEnded);
    expect([made.server.connections.length, server?.text.includes("smuggled")]).toEqual([1, false]);
    expect(figuresOf(made)).toMatchObject({ inFlight: 0, requests: { [`${status[0]}xx`]: 1 } });
  },
);

const said101 = (lines: string) => `HTTP/1.1 101 Switching Protocols\r\n${lines}\r\n\r\n`;

test.each([
  ["says so without a handshake", said101("Connection: Upgrade\r\nUpgrade: websocket")],
  ["has made the handshake for another key", switching("sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==")],
  ["changes to another protocol", switching(handshake()).replace("websocket", "h2c")],
  ["changes to nothing", switching(handshake()).replace("Upgrade: websocket\r\n", "")],
])(
  "Gateway: a server that %s has not switched: the client does not get to speak to it",
  async (_name, answer) => {
    await using made = await world((connection) => connection.send(answer));
    const client = (await made.client()).send(`${handshake()}GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n`);
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 502 /);
    const [server] = made.server.connections;
    await server?.until(() => server.isEnded);
    expect([made.server.connections.length, server?.text.includes("smuggled")]).toEqual([1, false]);
  },
);

const without = (line: RegExp, instead = "") => handshake().replace(line, instead);
const key = /Sec-WebSocket-Key: .*\r\n/;

test.each([
  ["by POST", without(/^GET/, "POST"), 501],
  ["by HTTP/1.0", without(/HTTP\/1\.1/, "HTTP/1.0"), 501],
  ["with a body", `${handshake("Content-Length: 5\r\n")}hello`, 501],
  ["with a body in chunks", `${handshake("Transfer-Encoding: chunked\r\n")}0\r\n\r\n`, 501],
  ["of two protocols", without(/websocket/, "websocket, h2c"), 501],
  ["before an earlier request is answered", `GET / HTTP/1.1\r\nHost: a\r\n\r\n${handshake()}`, 501],
  ["without a key", without(key), 400],
  ["with a short key", without(key, "Sec-WebSocket-Key: c2hvcnQ=\r\n"), 400],
  ["with two keys", handshake(`Sec-WebSocket-Key: ${sampleKey}\r\n`), 400],
  ["whose key is for this connection alone", without(/Upgrade\r\n/, "Upgrade, Sec-WebSocket-Key\r\n"), 400],
  ["without a host", without(/Host: a\r\n/), 400],
  ["for another host in its target", without(/\/chat/, "http://b/chat"), 400],
])("Gateway: an upgrade %s is not made", async (_name, bytes, status) => {
  const upgrades: string[] = [];
  await using made = await world(({ text, socket }) => {
    if (/^upgrade:/im.test(text)) upgrades.push(text);
    socket.end("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
  });
  const client = (await made.client()).send(bytes);
  await client.until(new RegExp(`HTTP/1\\.1 ${status} `));
  expect(upgrades).toEqual([]);
});

test("Gateway: refuses upgrades for handlers that cannot take any, and thinks no worse of them", async () => {
  const fault = { kind: "refused", reason: "unsupported", message: "", retryAfterMs: 0 } as const;
  await using gateway = new TestGateway().serve({
    ...echo,
    begin: (call) => {
      if (call.head.upgrade !== undefined) call.fault(fault);
    },
  });
  const port = await gateway.listen();
  for (let i = 0; i < 3; i++) {
    const client = (await gateway.connect(port)).send(handshake());
    expect(await client.ended()).toMatch(/^HTTP\/1\.1 501 [^]*wherry-reason: UpgradeUnsupported/);
  }
  const client = (await gateway.connect(port)).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until(/^HTTP\/1\.1 200 /);
  expect(gateway.instances.calls.length).toBe(4);
});

test("Gateway: an upgrade that nobody has begun goes elsewhere, one that was begun does not", async () => {
  await using made = await world();
  const { gateway } = made.gateway;
  const nobody = new SwitchingServer();
  const reach = { kind: "listener", address: "127.0.0.1", port: await nobody.listen() } as const;
  await nobody[Symbol.asyncDispose]();
  gateway.apply({ kind: "endpoint", endpoint: endpointOf("nobody", "w", { reach }) });
  for (let i = 0; i < 4; i++) await tunnel(made);
  gateway.apply({ kind: "endpointGone", uid: "nobody" });
  await using lost = await world((connection) => void connection.socket.destroy());
  const client = (await lost.client()).send(handshake());
  expect(await client.ended()).toMatch(/^HTTP\/1\.1 502 [^]*InstanceLost/);
  expect(lost.server.connections.length).toBe(1);
});

test("Gateway: the end of a client is told to the server, which may go on; the end of a server is the end of both", async () => {
  await using made = await world();
  const { client, server } = await tunnel(made);
  client.socket.end("last");
  await server.until(() => server.isEnded);
  expect(server.text).toMatch(/last$/);
  server.send("still here");
  await client.until(/still here$/);
  expect(client.isEnded).toBe(false);
  server.socket.end("bye");
  expect(await client.ended()).toMatch(/bye$/);
  const second = await tunnel(made);
  second.server.socket.end("bye");
  expect(await second.client.ended()).toMatch(/bye$/);
  await second.server.until(() => second.server.isEnded);
  await until(() => figuresOf(made)?.inFlight !== 1);
});

test("Gateway: what one side breaks off is broken off for the other", async () => {
  await using made = await world();
  const one = await tunnel(made);
  one.server.socket.resetAndDestroy();
  await one.client.ended();
  const two = await tunnel(made);
  two.client.socket.resetAndDestroy();
  await two.server.until(() => two.server.isEnded);
});

test("Gateway: how tunnels end says nothing against their instance", async () => {
  await using made = await world();
  const reach = { kind: "listener", address: "127.0.0.1", port: made.port } as const;
  made.gateway.gateway.apply({ kind: "endpoint", endpoint: endpointOf("j", "w", { reach }) });
  const tunnels = [];
  for (let i = 0; i < 16; i++) tunnels.push(await tunnel(made));
  // Those that j has got are left.
  const placeOf = (line: string | undefined) =>
    (JSON.parse(line ?? "{}") as { readonly place?: string }).place;
  for (const { client, server } of tunnels.filter((_tunnel, index) => index % 2 === 0)) {
    server.socket.resetAndDestroy();
    await client.ended();
  }
  await until(() => made.gateway.lines.length === 8);
  const [first] = made.gateway.lines;
  expect(new Set(made.gateway.lines.map(placeOf))).toEqual(new Set([placeOf(first)]));
  const { client, server } = await tunnel(made);
  server.socket.resetAndDestroy();
  await client.ended();
  await until(() => made.gateway.lines.length === 9);
  expect(placeOf(made.gateway.lines[8])).toBe(placeOf(first));
});

test("Gateway: a client that goes before the answer takes its request with it", async () => {
  await using made = await world(() => {});
  const client = (await made.client()).send(handshake());
  await until(() => made.server.connections.length > 0);
  client.socket.end();
  const [server] = made.server.connections;
  await server?.until(() => server.isEnded);
  expect(await client.ended()).toBe("");
  expect(JSON.parse(made.gateway.lines.at(-1) ?? "{}")).toMatchObject({ status: 499 });
});

test("Gateway: an upgrade is answered in time, or with 504", async () => {
  const clock = new FakeClock();
  await using made = await world(() => {}, { endpoint: { timeoutMs: 200 }, options: { clock } });
  const client = (await made.client()).send(handshake());
  await until(() => made.server.connections.length > 0);
  clock.advance(180);
  expect(client.text).toBe("");
  clock.advance(40);
  expect(await client.ended()).toMatch(/^HTTP\/1\.1 504 [^]*DeadlineExceeded/);
});

test("Gateway: a tunnel lasts as long as something goes one way or the other, whatever the route allows a request", async () => {
  const clock = new FakeClock();
  const endpoint = { timeoutMs: 100, idleTimeoutMs: 1_000 };
  const rule = { requestTimeoutMs: 500, attemptTimeoutMs: 300 };
  await using made = await world(undefined, { endpoint, rule, options: { clock } });
  const { client, server } = await tunnel(made);
  for (let i = 0; i < 3; i++) {
    clock.advance(900);
    client.send(`up${i}`);
    await server.until(() => server.text.endsWith(`up${i}`));
    clock.advance(900);
    server.send(`down${i}`);
    await client.until(new RegExp(`down${i}$`));
  }
  clock.advance(980);
  expect(client.isEnded).toBe(false);
  clock.advance(40);
  await client.ended();
  await server.until(() => server.isEnded);
});

test("Gateway: a server that ends its tunnels itself is drained once its other requests are answered", async () => {
  const asked: ServerConnection[] = [];
  const take = (connection: ServerConnection) => {
    if (asked.push(connection) === 1) switches(connection);
  };
  await using made = await world(take, { endpoint: { endsTunnels: true } });
  const { client, server } = await tunnel(made);
  (await made.client()).send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await until(() => asked.length === 2);
  const { drained, gateway } = made.gateway;
  gateway.apply({ kind: "drain", uid: "i" });
  expect(drained).toEqual([]);
  asked[1]?.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  await until(() => drained.length > 0);
  // For a daemon that asks anew; and the end of a tunnel is no news.
  gateway.apply({ kind: "drain", uid: "i" });
  client.send("still there");
  await server.until(() => server.text.endsWith("still there"));
  server.socket.end();
  await client.ended();
  expect(drained).toEqual(["i", "i"]);
});

test("Gateway: a tunnel is one request: it holds its place, is in flight while it lasts, and is counted and logged at its end", async () => {
  const clock = new FakeClock();
  await using made = await world(undefined, { endpoint: { idleTimeoutMs: 100_000 }, options: { clock } });
  const { client, server } = await tunnel(made);
  expect(figuresOf(made)).toMatchObject({ arrived: 1, inFlight: 1, requests: { "1xx": 0 } });
  made.gateway.gateway.apply({ kind: "drain", uid: "i" });
  clock.advance(60_000);
  client.send("12345");
  await server.until(() => server.text.endsWith("12345"));
  expect([made.gateway.drained, made.gateway.lines]).toEqual([[], []]);
  server.socket.end("123");
  await client.ended();
  await until(() => made.gateway.drained.length > 0);
  const figures = figuresOf(made);
  expect(figures).toMatchObject({ inFlight: 0, requests: { "1xx": 1 }, durationSumMs: 0 });
  expect(JSON.parse(made.gateway.lines[0] ?? "{}")).toMatchObject({
    status: 101,
    bytes: 3,
    ms: 60_000,
    place: "i",
  });
});

test("Gateway: a server is read no faster than its client reads, and a client no faster than its server", async () => {
  await using made = await world();
  const { client, server } = await tunnel(made);
  const big = Buffer.alloc(32 * 1024 * 1024, "x");
  for (const [from, to] of [
    [server.socket, client.socket],
    [client.socket, server.socket],
  ] as const) {
    let bytes = 0;
    to.on("data", (piece: Buffer) => (bytes += piece.length));
    to.pause();
    from.write(big);
    let left = Number.POSITIVE_INFINITY;
    while (from.writableLength < left) {
      left = from.writableLength;
      await settle();
    }
    expect(left).toBeGreaterThan(big.length / 2);
    to.resume();
    await until(() => bytes === big.length);
  }
});

test("Gateway: one that finishes leaves its tunnels the grace, and no more", async () => {
  const clock = new FakeClock();
  await using made = await world(undefined, { endpoint: { idleTimeoutMs: 1_000_000 }, options: { clock } });
  const [one, two] = [await tunnel(made), await tunnel(made)];
  let isFinished = false;
  const finishing = made.gateway.gateway.finish(60_000).then(() => (isFinished = true));
  clock.advance(gatewayLimits.finishIdleMs + 1_000);
  one.client.send("still here");
  await one.server.until(() => one.server.text.endsWith("still here"));
  one.server.socket.end();
  await one.client.ended();
  expect([two.client.isEnded, isFinished]).toEqual([false, false]);
  clock.advance(60_000);
  await two.client.ended();
  await two.server.until(() => two.server.isEnded);
  await finishing;
});

test("Gateway: a client that does not stop after the end of its tunnel is closed", async () => {
  const clock = new FakeClock();
  await using made = await world(undefined, { options: { clock } });
  const { client, server } = await tunnel(made);
  const closed = once(client.socket, "close");
  server.socket.end("bye");
  await client.until(/bye$/);
  client.send("and another thing");
  await settle();
  expect(made.gateway.gateway.connections().open).toBe(1);
  clock.advance(gatewayLimits.unwantedBodyMs + 20);
  await until(() => made.gateway.gateway.connections().open === 0);
  client.socket.destroy();
  await closed;
});

test("Gateway: WebSockets by TLS", async () => {
  await using made = await world();
  const files = await (await TestAuthority.make()).issue("a.example");
  const certificate = { name: "default/a", chainPem: files.cert.toString(), keyPem: files.key.toString() };
  made.gateway.gateway.apply({ kind: "certificate", certificate });
  const tls = { certificate: "default/a", redirect: true };
  made.gateway.gateway.apply({
    kind: "route",
    route: routeOf("tls", { hostnames: ["a.example"], tls, rule: { backends: [backendOf("w")] } }),
  });
  const port = await made.gateway.listen("https");
  const socket = connectTls({ port, host: "127.0.0.1", servername: "a.example", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const client = new RawClient(socket).send(handshake().replace("Host: a", "Host: a.example"));
  await client.until(/^HTTP\/1\.1 101 /);
  const [server] = made.server.connections;
  expect(server?.text).toMatch(/x-forwarded-proto: https/i);
  client.send("secret");
  await server?.until(() => server.text.endsWith("secret"));
  socket.destroy();
  await server?.until(() => server.isEnded);
});
