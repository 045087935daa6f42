import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { gatewayLimits } from "./limits.ts";
import { relayed } from "./testing/fake-peer.ts";
import {
  backendOf,
  echo,
  endpointOf,
  type RawClient,
  routeOf,
  TestGateway,
  workloadOf,
} from "./testing/test-gateway.ts";

function timed(): { readonly clock: FakeClock; readonly gateway: TestGateway } {
  const clock = new FakeClock();
  return { clock, gateway: new TestGateway({ clock }) };
}

async function asked(gateway: TestGateway, bytes = "GET / HTTP/1.1\r\nHost: a\r\n\r\n"): Promise<RawClient> {
  const client = await gateway.connect(await gateway.listen());
  return client.send(bytes);
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 5));
}

const { shimGraceMs, holdMs, wakeMs, bodySilenceMs, gather } = gatewayLimits;

test.each([
  ["the whole request", { requestTimeoutMs: 100 }, {}, 100],
  ["an attempt", { attemptTimeoutMs: 100, retry: { attempts: 0, codes: [] } }, {}, 100],
  ["an instance that is a shim's, with a grace", {}, { timeoutMs: 200 }, 200 + shimGraceMs],
])("Gateway: ends a request in time: %s", async (_name, rule, endpoint, ms) => {
  const { clock, gateway } = timed();
  await using _gateway = gateway.serve({}, { rule, endpoint });
  const client = await asked(gateway);
  await until(() => gateway.instances.calls.length === 1);
  clock.advance(ms - 20);
  expect(client.text).toBe("");
  clock.advance(40);
  await client.until(/^HTTP\/1\.1 504 [^]*DeadlineExceeded/);
  expect(gateway.instances.calls[0]?.cancelled).toBe(true);
});

test("Gateway: tells an instance how much time is left", async () => {
  const { clock, gateway } = timed();
  await using _gateway = gateway;
  gateway.instances.set("/shim", echo);
  gateway.gateway.apply({ kind: "workload", workload: workloadOf("w", { wakes: true }) });
  gateway.gateway.apply({
    kind: "route",
    route: routeOf("r", { rule: { requestTimeoutMs: 1_000, backends: [backendOf("w")] } }),
  });
  const client = await asked(gateway);
  await until(() => gateway.wakes.length > 0);
  clock.advance(300);
  gateway.gateway.apply({ kind: "endpoint", endpoint: endpointOf("i", "w") });
  await client.until(/"timeoutMs":700/);
});

test("Gateway: tries an attempt that took too long again where a route says so", async () => {
  const { clock, gateway } = timed();
  await using _gateway = gateway.serve(
    {},
    { rule: { attemptTimeoutMs: 100, retry: { attempts: 1, codes: [504] } } },
  );
  const client = await asked(gateway);
  await until(() => gateway.instances.calls.length === 1);
  clock.advance(120);
  await until(() => gateway.instances.calls.length === 2);
  gateway.instances.calls[1]?.answer("second");
  await client.until(/second$/);
});

test.each([
  ["the route's", { requestTimeoutMs: 100 }],
  ["that of one attempt", { attemptTimeoutMs: 100 }],
])("Gateway: cuts off an answer that does not end in time: %s", async (_name, rule) => {
  const { clock, gateway } = timed();
  await using _gateway = gateway.serve({ begin: (call) => call.respond(200, []) }, { rule });
  const client = await asked(gateway);
  await client.until(/200 OK[^]*\r\n\r\n$/);
  clock.advance(120);
  expect(await client.ended()).not.toMatch(/0\r\n\r\n$/);
});

const briefly = { endpoint: { timeoutMs: 200, idleTimeoutMs: 1_000 } };
const idle = briefly.endpoint.idleTimeoutMs + shimGraceMs;

test("Gateway: an answer that has begun lasts longer than its instance's time, until nothing comes any more", async () => {
  const { clock, gateway } = timed();
  await using _gateway = gateway.serve({ begin: (call) => call.respond(200, []) }, briefly);
  const client = await asked(gateway);
  await client.until(/200 OK[^]*\r\n\r\n$/);
  for (let i = 0; i < 3; i++) {
    clock.advance(idle - 100);
    gateway.instances.calls[0]?.data(`event ${i}`);
    await client.until(new RegExp(`event ${i}`));
  }
  clock.advance(idle - 100);
  expect([client.isEnded, gateway.instances.calls[0]?.cancelled]).toEqual([false, false]);
  clock.advance(120);
  expect(await client.ended()).not.toMatch(/0\r\n\r\n$/);
  expect(gateway.instances.calls[0]?.cancelled).toBe(true);
});

test("Gateway: what its client still sends keeps an answer, too, and the body's silence does not end it", async () => {
  const { clock, gateway } = timed();
  const endpoint = { idleTimeoutMs: 2 * bodySilenceMs };
  await using _gateway = gateway.serve({ begin: (call) => call.respond(200, []) }, { endpoint });
  const client = await asked(
    gateway,
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
  );
  await until(() => gateway.gateway.figures()[0]?.inFlight === 1);
  clock.advance(gather.unknownMs + 20);
  await client.until(/200 OK/);
  for (const body of ["ab", "abb", "abbb"]) {
    clock.advance(endpoint.idleTimeoutMs);
    client.send("1\r\nb\r\n");
    await until(() => gateway.instances.calls[0]?.body === body);
  }
  expect(client.isEnded).toBe(false);
});

test.each([
  ["for a moment", false, holdMs],
  ["for as long as waking may take", true, wakeMs],
])("Gateway: holds a request that nobody can take %s", async (_name, wakes, ms) => {
  const { clock, gateway } = timed();
  await using _gateway = gateway;
  gateway.gateway.apply({ kind: "workload", workload: workloadOf("w", { wakes }) });
  gateway.gateway.apply({ kind: "route", route: routeOf("r", { rule: { backends: [backendOf("w")] } }) });
  const client = await asked(gateway);
  await until(() => gateway.gateway.figures().some(({ waiting }) => waiting === 1));
  clock.advance(ms - 20);
  expect(gateway.wakes.length).toBe(wakes ? Math.floor((ms - 20) / 1_000) + 1 : 0);
  expect(client.text).toBe("");
  clock.advance(40);
  await client.until(/^HTTP\/1\.1 503 [^]*NoInstance[^]*retry-after: 1/);
  expect(gateway.gateway.figures()).toMatchObject([
    { uid: "w", waiting: 0, inFlight: 0, requests: { "5xx": 1 } },
  ]);
});

test("Gateway: gives up a body that stops coming, and not one that its instance does not take", async () => {
  const { clock, gateway } = timed();
  await using _gateway = gateway.serve({}, { endpoint: { timeoutMs: 1_000_000 } });
  const post = `POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n${"a".repeat(gather.bytes)}`;
  const silent = await asked(gateway, post);
  await until(() => gateway.instances.calls[0]?.body.length === gather.bytes);
  const blocked = await asked(gateway, post);
  await until(() => gateway.instances.calls[1]?.body.length === gather.bytes);
  const call = gateway.instances.calls[1];
  if (call === undefined) throw new Error("there are two");
  call.hasRoom = false;
  blocked.send("d");
  await until(() => call.body.endsWith("d"));
  clock.advance(bodySilenceMs - 1_000);
  expect(silent.text).toBe("");
  clock.advance(2_000);
  await silent.until(/^HTTP\/1\.1 408 [^]*BodyTooSlow/);
  expect([gateway.instances.calls[0]?.cancelled, call.cancelled, blocked.text]).toEqual([true, false, ""]);
});

const slowly = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe";
const begun = (gateway: TestGateway) => until(() => gateway.gateway.figures()[0]?.inFlight === 1);

test("Gateway: asks an instance once a body is there, however slowly it has come", async () => {
  const { clock, gateway } = timed();
  await using _gateway = gateway.serve(echo);
  const client = await asked(gateway, slowly);
  await begun(gateway);
  clock.advance(gather.ms - 1_000);
  expect(gateway.instances.calls).toEqual([]);
  client.send("llo");
  await client.until(/"body":"hello"/);
});

test("Gateway: gives up a body of which too little has come, byte by byte as it may be, and asks no instance", async () => {
  const { clock, gateway } = timed();
  await using _gateway = gateway.serve(echo);
  const client = await asked(gateway, slowly);
  await begun(gateway);
  clock.advance(gather.ms - 1_000);
  client.send("l");
  await new Promise((resolve) => setTimeout(resolve, 20));
  clock.advance(980);
  expect(client.text).toBe("");
  clock.advance(40);
  await client.until(/^HTTP\/1\.1 408 [^]*BodyTooSlow/);
  expect(gateway.instances.calls).toEqual([]);
  expect(gateway.gateway.figures()).toMatchObject([{ inFlight: 0, requests: { "4xx": 1 } }]);
});

test("Gateway: does not wait for a body whose sender may want to hear something before it says more", async () => {
  const { clock, gateway } = timed();
  await using _gateway = gateway.serve({ begin: (call) => call.respond(200, []) });
  const client = await asked(
    gateway,
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n",
  );
  await begun(gateway);
  clock.advance(gather.unknownMs + 20);
  await client.until(/200 OK/);
  client.send("3\r\nllo\r\n");
  await until(() => gateway.instances.calls[0]?.body === "hello");
});

test("Gateway: sets an instance aside that fails five times in a row, and asks it again later", async () => {
  const { clock, gateway } = timed();
  await using _gateway = gateway.serve({
    end: (call) => call.fault({ kind: "failed", reason: "trapped", message: "" }),
  });
  gateway.instances.set("/good", echo);
  gateway.gateway.apply({
    kind: "endpoint",
    endpoint: endpointOf("j", "w", { reach: { kind: "shim", folder: "/good" } }),
  });
  const port = await gateway.listen();
  const statuses = async (count: number) => {
    const all: number[] = [];
    for (let i = 0; i < count; i++) all.push((await fetch(`http://127.0.0.1:${port}/`)).status);
    return all;
  };
  const first = await statuses(10);
  expect(first.filter((status) => status === 502).length).toBe(5);
  expect(await statuses(10)).toEqual(Array.from({ length: 10 }, () => 200));
  clock.advance(1_020);
  expect((await statuses(2)).toSorted((a, b) => a - b)).toEqual([200, 502]);
});

test("Gateway: waits for an instance that refuses to be well again", async () => {
  const { clock, gateway } = timed();
  let count = 0;
  await using _gateway = gateway.serve({
    end: (call) => {
      if (count++ < 3) call.fault({ kind: "refused", reason: "unknown", message: "", retryAfterMs: 0 });
      else call.answer("well");
    },
  });
  const client = await asked(gateway);
  for (let i = 0; i < 3; i++) {
    await until(() => count === i + 1);
    await new Promise((resolve) => setTimeout(resolve, 10));
    clock.advance(500);
  }
  await client.until(/well$/);
});

test("Gateway: ends in time what another gateway has sent, and does not let it be larger than its instance allows", async () => {
  const { clock, gateway } = timed();
  await using _gateway = gateway.serve({}, { endpoint: { timeoutMs: 200, bodyBytesMax: 4 } });
  const events = relayed(gateway, "w");
  clock.advance(200 + shimGraceMs - 20);
  expect(events).toEqual([]);
  clock.advance(40);
  expect([events, gateway.instances.calls[0]?.cancelled]).toEqual([["failed timeout"], true]);
  expect(relayed(gateway, "w", "hello")).toEqual(["failed tooLarge"]);
  expect(gateway.instances.calls[1]?.cancelled).toBe(true);
});

test("Gateway: an answer for another gateway lasts longer than its instance's time, too", async () => {
  const { clock, gateway } = timed();
  await using _gateway = gateway.serve({ begin: (call) => call.respond(200, []) }, briefly);
  const events = relayed(gateway, "w");
  await until(() => events.length === 1);
  clock.advance(idle - 100);
  gateway.instances.calls[0]?.data("x");
  clock.advance(idle - 100);
  expect(events).toEqual(["head 200 ", "data x"]);
  clock.advance(120);
  expect(events.slice(2)).toEqual(["failed timeout"]);
});

test("Gateway: counts what it has answered", async () => {
  const { clock, gateway } = timed();
  await using _gateway = gateway.serve({
    end: (call) => {
      clock.advance(30);
      call.answer("", 404);
    },
  });
  await (await asked(gateway)).until(/404/);
  expect(gateway.gateway.figures()).toEqual([
    {
      uid: "w",
      arrived: 1,
      inFlight: 0,
      waiting: 0,
      instances: [],
      requests: { "1xx": 0, "2xx": 0, "3xx": 0, "4xx": 1, "5xx": 0 },
      durations: [0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
      durationSumMs: 30,
      wakeUps: 0,
      wakeUpSumMs: 0,
      retries: 0,
    },
  ]);
  expect(gateway.gateway.figures()).toEqual([]);
});

test("Gateway: counts what arrives, what is in flight, what is held, and what its instances have", async () => {
  const { gateway } = timed();
  await using _gateway = gateway.serve({}, { endpoint: { concurrency: 2 } });
  const counted = () =>
    gateway.gateway
      .figures()
      .map(({ arrived, inFlight, waiting, instances }) => [arrived, inFlight, waiting, ...instances]);
  const load = (inFlight: number) => ({ uid: "i", inFlight, concurrency: 2 });
  for (let count = 0; count < 3; count++) await asked(gateway);
  await until(() => gateway.instances.calls.length === 3);
  expect(counted()).toEqual([[3, 3, 0, load(3)]]);
  // What another gateway sends has arrived there, and is with the instance all the same.
  relayed(gateway, "w");
  relayed(gateway, "w");
  expect(counted()).toEqual([[3, 3, 0, load(5)]]);
  for (const call of gateway.instances.calls.slice(0, 4)) call.answer("");
  await until(() =>
    gateway.gateway
      .figures()
      .some(({ inFlight, instances }) => inFlight === 0 && instances[0]?.inFlight === 1),
  );
  // Nobody is there any more: they are held, and in flight.
  gateway.gateway.apply({ kind: "endpointGone", uid: "i" });
  await asked(gateway);
  await until(() =>
    gateway.gateway.figures().some(({ waiting, inFlight }) => waiting === 1 && inFlight === 1),
  );
  // What the one has that is gone is told still.
  expect(gateway.gateway.figures()).toEqual([]);
  gateway.instances.calls[4]?.answer("");
  await until(() => gateway.gateway.figures().some(({ instances }) => instances.length === 0));
});

test("Gateway: of a workload that is gone nothing is told, though some of it is under way", async () => {
  const { gateway } = timed();
  await using _gateway = gateway.serve({});
  const client = await asked(gateway);
  await until(() => gateway.instances.calls.length === 1);
  gateway.gateway.apply({ kind: "routeGone", uid: "r" });
  gateway.gateway.apply({ kind: "workloadGone", uid: "w" });
  gateway.instances.calls[0]?.answer("late");
  await client.until(/late/);
  expect(gateway.gateway.figures()).toEqual([]);
});

test("Gateway: counts what it brings to no workload, by its reason", async () => {
  const { gateway } = timed();
  await using _gateway = gateway.serve(echo);
  gateway.gateway.apply({ kind: "routeGone", uid: "r" });
  gateway.gateway.apply({ kind: "route", route: routeOf("a", { hostnames: ["a"], rule: { backends: [] } }) });
  const said = async (bytes: string, status: RegExp) => (await asked(gateway, bytes)).until(status);
  await said("GET / HTTP/1.1\r\nHost: b\r\n\r\n", /404/);
  await said("GET / HTTP/1.1\r\nHost: a\r\n\r\n", /500/);
  await said("GET / HTTP/1.1\r\n\r\n", /400/);
  await said("GET / HTTP/1.1\r\nnonsense\r\n\r\n", /400/);
  await said("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", /405/);
  await said(`GET /${"x".repeat(70_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, /431/);
  expect(gateway.gateway.counts()).toEqual({
    connectionsRefused: { perClient: 0, inAll: 0 },
    handshakesFailed: 0,
    refusals: { NoRoute: 1, NoBackend: 1, BadRequest: 2, MethodNotAllowed: 1, HeadersTooLarge: 1 },
    droppedLogLines: 0,
  });
});

test("Gateway: connections that come from one port to two of its addresses are two", async () => {
  await using gateway = new TestGateway({ connectionsMax: 2 }).serve(echo);
  const server = createServer((socket) => gateway.gateway.accept("http", socket));
  server.listen(0, "0.0.0.0");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  const open = async (host: string, localPort?: number): Promise<Socket> => {
    const socket = connect({ host, port, localAddress: "127.0.0.1", ...(localPort && { localPort }) });
    socket.on("error", () => {});
    sockets.push(socket);
    await Promise.all([once(socket, "connect"), once(server, "connection")]);
    return socket;
  };
  const { localPort } = await open("127.0.0.1");
  await open("127.0.0.2", localPort);
  const third = await open("127.0.0.1");
  await once(third, "close");
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});
