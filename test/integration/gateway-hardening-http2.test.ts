/** What hostile clients send by HTTP/2, frame by frame. */
import { once } from "node:events";
import { connect, constants, type IncomingHttpHeaders } from "node:http2";
import { expect, test } from "vitest";
import { gatewayLimits } from "../../node-daemon/gateway/limits.ts";
import {
  flags,
  frame,
  framesOf,
  frameTypes,
  headerBlock,
  preface,
  request,
} from "../../node-daemon/gateway/testing/raw-http2.ts";
import {
  backendOf,
  echo,
  type RawClient,
  routeOf,
  TestGateway,
} from "../../node-daemon/gateway/testing/test-gateway.ts";

async function greeted(gateway: TestGateway): Promise<RawClient> {
  const client = await gateway.connect(await gateway.listen());
  client.socket.write(
    Buffer.concat([Buffer.from(preface), frame("settings", 0, 0), frame("settings", flags.ack, 0)]),
  );
  return client;
}

function received(client: RawClient) {
  return framesOf(Buffer.from(client.text, "latin1"));
}

/** The code with which the connection, or the stream, has ended. */
function endOf(client: RawClient, stream: number): number | undefined {
  const end = received(client).find(
    ({ type, stream: of }) => of === stream && type === (stream === 0 ? frameTypes.goaway : frameTypes.reset),
  );
  return end?.payload.readUInt32BE(stream === 0 ? 4 : 0);
}

function answered(client: RawClient): number {
  return received(client).filter(({ type }) => type === frameTypes.headers).length;
}

async function until(is: () => boolean): Promise<void> {
  while (!is()) await new Promise((resolve) => setTimeout(resolve, 10));
}

/** A client that has stayed within what is allowed is answered, whatever another one does. */
async function expectAlive(gateway: TestGateway): Promise<void> {
  const client = await greeted(gateway);
  client.socket.write(request(1));
  await until(() => answered(client) > 0);
}

test("gateway: streams that are begun and reset at once end the connection, and reach few instances", async () => {
  await using gateway = new TestGateway().serve(echo);
  const client = await greeted(gateway);
  const cancel = Buffer.alloc(4);
  cancel.writeUInt32BE(constants.NGHTTP2_CANCEL);
  for (let i = 0; i < 100 && !client.isEnded; i++) {
    const burst: Buffer[] = [];
    for (let j = 0; j < 100; j++) {
      const stream = 1 + 2 * (i * 100 + j);
      burst.push(request(stream), frame("reset", 0, stream, cancel));
    }
    client.socket.write(Buffer.concat(burst));
    await new Promise((resolve) => setImmediate(resolve));
  }
  await client.ended();
  expect(gateway.instances.calls.length).toBeLessThan(2_000);
  await expectAlive(gateway);
});

test("gateway: continuations without end end the connection", async () => {
  await using gateway = new TestGateway().serve(echo);
  const client = await greeted(gateway);
  client.socket.write(frame("headers", flags.endStream, 1, headerBlock([[":method", "GET"]])));
  for (let i = 0; i < 1_000 && !client.isEnded; i++) {
    client.socket.write(frame("continuation", 0, 1, headerBlock([[`x-${i}`, "a".repeat(100)]])));
    if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await client.ended();
  expect(gateway.instances.calls.length).toBe(0);
  await expectAlive(gateway);
});

test("gateway: empty continuations end the connection as well", async () => {
  await using gateway = new TestGateway().serve(echo);
  const client = await greeted(gateway);
  client.socket.write(frame("headers", flags.endStream, 1));
  client.socket.write(Buffer.concat(Array.from({ length: 10_000 }, () => frame("continuation", 0, 1))));
  await client.ended();
  await expectAlive(gateway);
});

test.each([
  ["pings", () => frame("ping", 0, 0, Buffer.alloc(8))],
  ["settings", () => frame("settings", 0, 0)],
])(
  "gateway: %s without end end the connection, whether their answers are read or not",
  async (_name, make) => {
    for (const reads of [true, false]) {
      await using gateway = new TestGateway().serve(echo);
      const client = await greeted(gateway);
      if (!reads) client.socket.pause();
      const burst = Buffer.concat(Array.from({ length: 500 }, make));
      for (let i = 0; i < 200 && !client.isEnded && !client.socket.closed; i++) {
        client.socket.write(burst);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      client.socket.resume();
      await client.ended();
      await expectAlive(gateway);
    }
  },
);

test("gateway: headers that say more than they weigh are refused", async () => {
  await using gateway = new TestGateway().serve(echo);
  const client = await greeted(gateway);
  // One entry of the table of 4,000 bytes, and then a byte for each of its uses.
  const name = Buffer.concat([Buffer.from([0x40]), headerBlock([["x-bomb", "a".repeat(3_900)]]).subarray(1)]);
  const uses = Buffer.alloc(4_000, 0x80 | 62);
  const pseudo = headerBlock([
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "a"],
  ]);
  client.socket.write(
    frame("headers", flags.endHeaders | flags.endStream, 1, Buffer.concat([pseudo, name, uses])),
  );
  await until(() => client.isEnded || endOf(client, 1) !== undefined || answered(client) > 0);
  expect(gateway.instances.calls.length).toBe(0);
  await expectAlive(gateway);
});

test("gateway: as many streams as it has allowed are open at once, and no more", async () => {
  await using gateway = new TestGateway().serve({});
  const client = await greeted(gateway);
  const { streamsMax } = gatewayLimits.http2;
  client.socket.write(Buffer.concat(Array.from({ length: streamsMax + 10 }, (_, i) => request(1 + 2 * i))));
  await until(() => client.isEnded || endOf(client, 1 + 2 * (streamsMax + 9)) !== undefined);
  expect(gateway.instances.calls.length).toBeLessThanOrEqual(streamsMax);
});

test.each<[string, (readonly [string, string])[]]>([
  ["a header of connections", [["connection", "x-secret"]]],
  ["a coding of transfers", [["transfer-encoding", "chunked"]]],
  ["a name in upper case", [["X-Upper", "1"]]],
  ["a second path", [[":path", "/evil"]]],
  [
    "a pseudo header after the others",
    [
      ["x-a", "1"],
      [":evil", "1"],
    ],
  ],
  [
    "two lengths",
    [
      ["content-length", "1"],
      ["content-length", "2"],
    ],
  ],
  ["a length for no body", [["content-length", "5"]]],
])("gateway: refuses a stream with %s", async (_name, headers) => {
  await using gateway = new TestGateway().serve(echo);
  const client = await greeted(gateway);
  client.socket.write(request(1, headers));
  await until(() => client.isEnded || endOf(client, 1) !== undefined || endOf(client, 0) !== undefined);
  expect(gateway.instances.calls.length).toBe(0);
});

test.each([
  ["a line end", "b\r\nx-evil: 1"],
  ["NUL", "evil\0"],
])("gateway: no instance sees a value with %s", async (_name, value) => {
  await using gateway = new TestGateway().serve(echo);
  const client = await greeted(gateway);
  client.socket.write(request(1, [["x-a", value]]));
  await until(() => client.isEnded || endOf(client, 1) !== undefined || answered(client) > 0);
  expect(JSON.stringify(gateway.instances.calls.map(({ head }) => head.headers))).not.toMatch(/evil|x-a/);
});

test.each<[string, (readonly [string, string])[], boolean]>([
  ["another host than its authority", [["host", "b"]], false],
  [
    "two hosts",
    [
      ["host", "a"],
      ["host", "a"],
    ],
    false,
  ],
  ["the same host", [["host", "A:80"]], true],
])("gateway: a stream with %s", async (_name, headers, mayPass) => {
  await using gateway = new TestGateway().serve(echo);
  const client = await greeted(gateway);
  client.socket.write(request(1, headers));
  await until(() => answered(client) > 0 || client.isEnded || endOf(client, 1) !== undefined);
  expect(gateway.instances.calls.length).toBe(mayPass ? 1 : 0);
});

test("gateway: WebSockets by extended CONNECT are not offered, and reach no instance", async () => {
  await using gateway = new TestGateway().serve(echo);
  const client = await greeted(gateway);
  const block = headerBlock([
    [":method", "CONNECT"],
    [":protocol", "websocket"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", "a"],
    ["sec-websocket-version", "13"],
  ]);
  client.socket.write(frame("headers", flags.endHeaders, 1, block));
  await until(() => client.isEnded || endOf(client, 1) !== undefined || answered(client) > 0);
  expect(gateway.instances.calls).toEqual([]);
  // SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 8441 3) is 8.
  for (const { type, flag, payload } of received(client)) {
    if (type !== frameTypes.settings || flag !== 0) continue;
    for (let at = 0; at < payload.length; at += 6)
      expect([payload.readUInt16BE(at), payload.readUInt32BE(at + 2)]).not.toEqual([8, 1]);
  }
  await expectAlive(gateway);
});

test.each([
  ["user information", "user@a"],
  ["a path", "a/b"],
  ["a space", "a b"],
])("gateway: no instance sees an authority with %s", async (_name, authority) => {
  await using gateway = new TestGateway().serve(echo);
  const client = await greeted(gateway);
  const block = headerBlock([
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/"],
    [":authority", authority],
  ]);
  client.socket.write(frame("headers", flags.endHeaders | flags.endStream, 1, block));
  await until(() => answered(client) > 0 || client.isEnded || endOf(client, 1) !== undefined);
  expect(gateway.instances.calls.length).toBe(0);
});

test("gateway: a path by HTTP/2 has one spelling, too", async () => {
  await using gateway = new TestGateway().serve(echo, {
    rule: { matches: [{ path: { kind: "prefix", value: "/public" }, headers: [] }] },
  });
  const admin = routeOf("admin", {
    rule: {
      matches: [{ path: { kind: "prefix", value: "/admin" }, headers: [] }],
      backends: [backendOf(undefined)],
    },
  });
  gateway.gateway.apply({ kind: "route", route: admin });
  const client = await greeted(gateway);
  const block = headerBlock([
    [":method", "GET"],
    [":scheme", "http"],
    [":path", "/public/%2e%2e/admin"],
    [":authority", "a"],
  ]);
  client.socket.write(frame("headers", flags.endHeaders | flags.endStream, 1, block));
  await until(() => answered(client) > 0);
  expect(client.text).toContain("route has matched");
  expect(gateway.instances.calls.length).toBe(0);
});

test("gateway: a body beyond its window or its length ends its stream or its connection", async () => {
  await using gateway = new TestGateway().serve(
    { begin: (call) => (call.hasRoom = false) },
    { endpoint: { bodyBytesMax: 1e9 } },
  );
  const client = await greeted(gateway);
  client.socket.write(request(1, [["content-length", "3"]], false));
  client.socket.write(frame("data", 0, 1, Buffer.from("abcd")));
  await until(() => client.isEnded || endOf(client, 1) !== undefined || endOf(client, 0) !== undefined);
  const other = await greeted(gateway);
  other.socket.write(request(1, [], false));
  for (let i = 0; i < 200 && !other.isEnded; i++)
    other.socket.write(frame("data", 0, 1, Buffer.alloc(16_384)));
  await until(() => other.isEnded || endOf(other, 1) !== undefined || endOf(other, 0) !== undefined);
});

test("gateway: an answer before the body has ended reaches the client, which is told to stop", async () => {
  await using gateway = new TestGateway().serve({ begin: (call) => call.answer("early") });
  const client = await greeted(gateway);
  client.socket.write(request(1, [], false));
  await until(() => endOf(client, 1) !== undefined);
  expect([endOf(client, 1), answered(client)]).toEqual([constants.NGHTTP2_NO_ERROR, 1]);
  client.socket.write(request(3));
  await until(() => answered(client) === 2);
});

test("gateway: a client that has too many connections is told so by HTTP/2, too, and to go", async () => {
  await using gateway = new TestGateway({ connectionsPerClientMax: 1 }).serve(echo);
  const port = await gateway.listen();
  await gateway.connect(port);
  const session = connect(`http://127.0.0.1:${port}`);
  const goaway = once(session, "goaway");
  const stream = session.request({ ":path": "/" });
  const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
  expect(headers).toMatchObject({ ":status": 429, "wherry-reason": "TooManyConnections" });
  expect((await goaway)[0]).toBe(constants.NGHTTP2_NO_ERROR);
  expect(gateway.instances.calls.length).toBe(0);
  session.destroy();
});

test("gateway: bodies that come slowly by HTTP/2 reach no instance before they are there", async () => {
  await using gateway = new TestGateway().serve(echo, { endpoint: { concurrency: 1 } });
  const client = await greeted(gateway);
  for (let stream = 1; stream < 100; stream += 2) {
    client.socket.write(request(stream, [["content-length", "5"]], false));
    client.socket.write(frame("data", 0, stream, Buffer.from("s")));
  }
  client.socket.write(request(101));
  await until(() => answered(client) === 1);
  expect(gateway.instances.calls.length).toBe(1);
  for (let stream = 1; stream < 100; stream += 2)
    client.socket.write(frame("data", flags.endStream, stream, Buffer.from("lowl")));
  await until(() => answered(client) === 51);
  expect(gateway.instances.calls.slice(1).every(({ body }) => body === "slowl")).toBe(true);
});
