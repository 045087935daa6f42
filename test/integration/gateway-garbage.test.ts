/** Whatever bytes come from clients, the gateway goes on: an error that nobody catches would end it, and this test. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import {
  flags,
  frame,
  frameTypes,
  headerBlock,
  preface,
  request,
} from "../../node-daemon/gateway/testing/raw-http2.ts";
import { backendOf, echo, routeOf, TestGateway } from "../../node-daemon/gateway/testing/test-gateway.ts";

const lines = fc.constantFrom(
  "GET / HTTP/1.1\r\n",
  "POST /a?b HTTP/1.1\r\n",
  "HEAD * HTTP/1.0\r\n",
  "OPTIONS * HTTP/1.1\r\n",
  "CONNECT a:1 HTTP/1.1\r\n",
  "Host: a\r\n",
  "Host: b\r\n",
  "Host: \r\n",
  "Content-Length: 3\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Expect: 100-continue\r\n",
  "Connection: close, upgrade\r\n",
  "Upgrade: websocket\r\n",
  "\r\n",
  "abc",
  "3\r\nabc\r\n",
  "0\r\n\r\n",
  "0\r\nX: y\r\n\r\n",
  "\0",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
);

const frames = fc.oneof(
  fc.integer({ min: 1, max: 9 }).map((id) => request(id)),
  fc.integer({ min: 1, max: 9 }).map((id) => request(id, [["content-length", "3"]], false)),
  fc
    .record({
      type: fc.constantFrom(...(Object.keys(frameTypes) as (keyof typeof frameTypes)[])),
      flag: fc.constantFrom(0, flags.endStream, flags.endHeaders, flags.endHeaders | flags.endStream),
      id: fc.nat(9),
      payload: fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constant(headerBlock([[":method", "GET"]]))),
    })
    .map(({ type, flag, id, payload }) => frame(type, flag, id, Buffer.from(payload))),
  fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
);

const clients = fc.oneof(
  fc.array(lines, { maxLength: 15 }).map((all) => all.map((line) => Buffer.from(line, "latin1"))),
  fc.array(frames, { maxLength: 15 }).map((all) => [Buffer.from(preface), frame("settings", 0, 0), ...all]),
  fc
    .array(fc.uint8Array({ maxLength: 100 }), { maxLength: 3 })
    .map((all) => all.map((bytes) => Buffer.from(bytes))),
);

test("gateway: goes on, whatever comes", { timeout: 120_000 }, async () => {
  await using gateway = new TestGateway().serve(echo);
  // Of another host only a part has rules.
  const matches = [{ path: { kind: "prefix" as const, value: "/a" }, headers: [] }];
  const part = routeOf("part", { hostnames: ["b"], rule: { matches, backends: [backendOf("w")] } });
  gateway.gateway.apply({ kind: "route", route: part });
  const port = await gateway.listen();
  await fc.assert(
    fc.asyncProperty(clients, fc.boolean(), async (pieces, together) => {
      const client = await gateway.connect(port);
      if (together) client.socket.write(Buffer.concat(pieces));
      for (const piece of together ? [] : pieces) {
        client.socket.write(piece);
        await new Promise((resolve) => setImmediate(resolve));
      }
      client.socket.destroySoon();
      if (!client.socket.closed) await new Promise((resolve) => client.socket.once("close", resolve));
    }),
    { numRuns: 1000 },
  );
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(200);
  // Whoever is gone has left nothing.
  while (gateway.gateway.figures().some(({ inFlight }) => inFlight > 0))
    await new Promise((resolve) => setTimeout(resolve, 20));
});
