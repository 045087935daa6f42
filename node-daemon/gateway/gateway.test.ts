import { expect, test } from "vitest";
import type { RequestHead } from "../link/exchange.ts";
import { relayed } from "./testing/fake-peer.ts";
import { backendOf, echo, endpointOf, routeOf, TestGateway, workloadOf } from "./testing/test-gateway.ts";

type Echoed = RequestHead & { readonly body: string; readonly trailers: readonly string[] };

async function get(port: number, path: string, init: RequestInit = {}) {
  const response = await fetch(`http://127.0.0.1:${port}${path}`, init);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

test("Gateway: takes a request to an instance and its answer back", async () => {
  await using gateway = new TestGateway().serve(echo);
  const port = await gateway.listen();
  const { status, headers, text } = await get(port, "/a/../b%2e?c=d", {
    method: "POST",
    body: "hello",
    headers: { "x-a": "1" },
  });
  const seen = JSON.parse(text) as Echoed;
  expect(status).toBe(200);
  expect(headers.get("content-length")).toBe(String(text.length));
  expect(seen).toMatchObject({
    target: { kind: "instance", uid: "i" },
    method: "POST",
    scheme: "http",
    authority: `127.0.0.1:${port}`,
    path: "/b.?c=d",
    matchedPath: "",
    clientAddress: "127.0.0.1",
    bodyLength: 5,
    body: "hello",
  });
  expect(seen.headers.join("\n")).toMatch(/x-a\n1\n[^]*x-forwarded-for\n127\.0\.0\.1\n[^]*via\n1\.1 node-1/);
});

test("Gateway: streams both ways, with trailers", async () => {
  await using gateway = new TestGateway().serve({
    begin: (call) => call.respond(200, ["x-early", "1"]),
    end: (call) => {
      for (const chunk of call.chunks) call.data(chunk);
      call.end(["x-sum", String(call.chunks.length), "content-length", "9"]);
    },
  });
  const client = await gateway.connect(await gateway.listen());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
  await client.until(/x-early: 1\r\n/);
  client.send("3\r\nabc\r\n");
  client.send("2\r\nde\r\n0\r\nX-T: 1\r\nHost: b\r\n\r\n");
  await client.until(/\r\n\r\n[^]*abc[^]*0\r\nx-sum: \d\r\n\r\n$/);
  expect(gateway.instances.calls[0]?.trailers).toEqual(["x-t", "1"]);
});

test("Gateway: answers several requests on one connection, also pipelined, in their order", async () => {
  await using gateway = new TestGateway().serve({
    end: (call) => {
      if (call.head.path === "/1") setTimeout(() => call.answer("first"), 20);
      else call.answer("second");
    },
  });
  const client = await gateway.connect(await gateway.listen());
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until(/first[^]*second/);
  client.send("GET /3 HTTP/1.0\r\nHost: a\r\n\r\n");
  expect(await client.ended()).toMatch(/Connection: close\r\n[^]*second$/);
});

test("Gateway: answers HEAD without a body and keeps the connection", async () => {
  await using gateway = new TestGateway().serve({
    end: (call) => call.answer("hello", 200, ["content-length", "5"]),
  });
  const client = await gateway.connect(await gateway.listen());
  client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until(/content-length: 5\r\n[^]*\r\n\r\n$/);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until(/\r\n\r\nHTTP\/1\.1 200 OK[^]*hello$/);
});

test("Gateway: tells the client to go on once there is an instance for its body", async () => {
  await using gateway = new TestGateway().serve(echo);
  const client = await gateway.connect(await gateway.listen());
  client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
  await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
  client.send("hello");
  await client.until(/"body":"hello"/);
});

test("Gateway: reads a body no faster than its instance, and an answer no faster than its client", async () => {
  const big = Buffer.alloc(24 * 1024 * 1024, "x");
  await using gateway = new TestGateway().serve(
    {
      begin: (call) => {
        call.hasRoom = false;
      },
      end: (call) => {
        call.respond(200, []);
        let sent = 0;
        const pump = () => {
          for (; sent < big.length && sent - call.consumed < 262_144; sent += 65_536) {
            call.data(big.subarray(sent, sent + 65_536));
          }
          if (sent < big.length) setImmediate(pump);
          else call.end();
        };
        pump();
      },
    },
    { endpoint: { bodyBytesMax: big.length } },
  );
  const client = await gateway.connect(await gateway.listen());
  client.socket.pause();
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${big.length}\r\n\r\n`);
  client.socket.write(big);
  const call = await untilCall(gateway, (one) => one.chunks.length > 0);
  await settle();
  const before = call.chunks.length;
  await settle();
  expect(call.chunks.length).toBe(before);
  expect(Buffer.concat(call.chunks).length).toBeLessThan(big.length / 2);
  call.hasRoom = true;
  call.drain();
  await untilCall(gateway, (one) => one.trailers !== undefined);
  await settle();
  expect(call.consumed).toBeLessThan(big.length / 2);
  client.socket.resume();
  await client.untilEnd("0\r\n\r\n");
  expect(client.text.length).toBeGreaterThan(big.length);
});

test("Gateway: cancels what a client no longer waits for", async () => {
  await using gateway = new TestGateway().serve({});
  const client = await gateway.connect(await gateway.listen());
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  const call = await untilCall(gateway, () => true);
  client.socket.destroy();
  await untilCall(gateway, (one) => one.cancelled);
  expect(call.cancelled).toBe(true);
});

test.each<[string, string, RegExp, Record<string, never>?]>([
  ["no route", "/none", /^404 NoRoute$/],
  ["a workload that does not exist", "/missing", /^500 NoBackend$/],
  ["nobody of any weight", "/weightless", /^500 NoBackend$/],
  ["a redirect", "/redirect/x?y", /^302 http:\/\/other:\d+\/redirect\/x\?y$/],
  ["plain HTTP where it is to be TLS", "/secret?y", /^308 https:\/\/127\.0\.0\.1:8443\/secret\?y$/],
])("Gateway: answers by itself: %s", async (_name, path, expected) => {
  await using gateway = new TestGateway({ httpsPort: 8443 });
  const match = (value: string) => ({ matches: [{ path: { kind: "prefix" as const, value }, headers: [] }] });
  gateway.gateway.apply({
    kind: "route",
    route: routeOf("m", { rule: { ...match("/missing"), backends: [backendOf(undefined)] } }),
  });
  gateway.gateway.apply({
    kind: "route",
    route: routeOf("n", { rule: { ...match("/weightless"), backends: [backendOf("w", { weight: 0 })] } }),
  });
  gateway.gateway.apply({
    kind: "route",
    route: routeOf("o", { rule: { ...match("/redirect"), redirect: { hostname: "other", status: 302 } } }),
  });
  gateway.gateway.apply({
    kind: "route",
    route: routeOf("p", { tls: { certificate: "a/b", redirect: true }, rule: match("/secret") }),
  });
  const port = await gateway.listen();
  const { status, headers } = await get(port, path, { redirect: "manual" });
  expect(`${status} ${headers.get("wherry-reason") ?? headers.get("location")}`).toMatch(expected);
});

test("Gateway: sends who names no host, by HTTP/1.0, to its own address", async () => {
  await using gateway = new TestGateway({ httpsPort: 443 });
  const tls = { certificate: "a/b", redirect: true };
  gateway.gateway.apply({ kind: "route", route: routeOf("r", { tls }) });
  const client = await gateway.connect(await gateway.listen());
  client.send("GET /a HTTP/1.0\r\n\r\n");
  expect(await client.ended()).toMatch(/^HTTP\/1\.1 308 [^]*location: https:\/\/127\.0\.0\.1\/a\r\n/);
});

test("Gateway: rewrites what the instance sees, and changes headers both ways", async () => {
  await using gateway = new TestGateway().serve(echo, {
    rule: {
      matches: [{ path: { kind: "prefix", value: "/api" }, headers: [] }],
      rewrite: { hostname: "inside", path: { kind: "prefix", value: "/v1" } },
      requestHeaders: { set: [["x-set", "1"]], add: [["x-add", "2"]], remove: ["x-gone"] },
      responseHeaders: { set: [["x-answer", "3"]], add: [], remove: ["content-type"] },
    },
  });
  const port = await gateway.listen();
  const { headers, text } = await get(port, "/api/users", { headers: { "x-gone": "1", "x-set": "0" } });
  const seen = JSON.parse(text) as Echoed;
  expect(seen).toMatchObject({ authority: "inside", path: "/v1/users", matchedPath: "/v1" });
  expect(seen.headers.join(" ")).toMatch(/x-set 1 x-add 2$/);
  expect(seen.headers.join(" ")).not.toMatch(/x-gone|x-set 0/);
  expect([headers.get("x-answer"), headers.get("content-type")]).toEqual(["3", null]);
});

test("Gateway: sends elsewhere what was refused with more of its body on the way than a link takes at first", async () => {
  await using gateway = new TestGateway().serve({});
  gateway.instances.set("/other", { end: (call) => call.answer(String(call.body.length)) });
  const client = await gateway.connect(await gateway.listen());
  const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
  client.send(`POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunk("x".repeat(31_000))}`);
  const first = await untilCall(gateway, (call) => call.body.length === 31_000);
  first.hasRoom = false;
  client.send(`${chunk("y".repeat(64_000))}0\r\n\r\n`);
  await untilCall(gateway, (call) => call.body.length > 31_000);
  gateway.gateway.apply({
    kind: "endpoint",
    endpoint: endpointOf("j", "w", { reach: { kind: "shim", folder: "/other" } }),
  });
  first.fault({ kind: "refused", reason: "draining", message: "", retryAfterMs: 0 });
  await client.until(/\r\n\r\n95000$/);
});

test("Gateway: sends what was refused elsewhere, with its body, whatever its method", async () => {
  await using gateway = new TestGateway().serve(
    { end: (call) => call.fault({ kind: "refused", reason: "draining", message: "", retryAfterMs: 0 }) },
    { rule: { retry: { attempts: 0, codes: [] } } },
  );
  gateway.instances.set("/other", echo);
  const port = await gateway.listen();
  const promise = get(port, "/", { method: "POST", body: "hello" });
  await untilCall(gateway, () => true);
  gateway.gateway.apply({
    kind: "endpoint",
    endpoint: endpointOf("j", "w", { reach: { kind: "shim", folder: "/other" } }),
  });
  const { status, text } = await promise;
  expect([status, (JSON.parse(text) as Echoed).body]).toEqual([200, "hello"]);
});

test.each([
  ["GET", 200, 2],
  ["PUT", 200, 2],
  ["POST", 502, 1],
])("Gateway: %s that was lost is answered with %d", async (method, status, calls) => {
  let count = 0;
  await using gateway = new TestGateway().serve({
    end: (call) => {
      if (count++ === 0) call.fault({ kind: "failed", reason: "lost", message: "" });
      else call.answer(call.body);
    },
  });
  const port = await gateway.listen();
  const body = method === "GET" ? {} : { body: "hello" };
  const answer = await get(port, "/", { method, ...body });
  expect([answer.status, gateway.instances.calls.length]).toEqual([status, calls]);
});

test("Gateway: retries the codes that a route names, and gives the last answer", async () => {
  await using gateway = new TestGateway().serve(
    { end: (call) => call.answer("sorry", 503) },
    { rule: { retry: { attempts: 2, codes: [503] } } },
  );
  const { status, text, headers } = await get(await gateway.listen(), "/");
  expect([status, text, headers.get("wherry-reason"), gateway.instances.calls.length]).toEqual([
    503,
    "sorry",
    null,
    3,
  ]);
});

test.each<[string, () => Parameters<Parameters<typeof echo.end & object>[0]["fault"]>[0], string]>([
  [
    "a full queue",
    () => ({ kind: "refused", reason: "full", message: "", retryAfterMs: 1_500 }),
    "503 QueueFull 2",
  ],
  ["a trap", () => ({ kind: "failed", reason: "trapped", message: "" }), "502 HandlerTrapped null"],
  ["a deadline", () => ({ kind: "failed", reason: "timeout", message: "" }), "504 DeadlineExceeded null"],
  ["a body too large", () => ({ kind: "failed", reason: "tooLarge", message: "" }), "413 BodyTooLarge null"],
  [
    "an answer that is none",
    () => ({ kind: "failed", reason: "invalid", message: "" }),
    "502 InvalidAnswer null",
  ],
])("Gateway: says what went wrong: %s", async (_name, fault, expected) => {
  await using gateway = new TestGateway().serve({ end: (call) => call.fault(fault()) });
  const { status, headers } = await get(await gateway.listen(), "/");
  expect(`${status} ${headers.get("wherry-reason")} ${headers.get("retry-after")}`).toBe(expected);
});

test("Gateway: holds requests for a workload at zero, asks to wake it, and answers them", async () => {
  await using gateway = new TestGateway({ debugHeaders: true });
  gateway.instances.set("/shim", echo);
  gateway.gateway.apply({ kind: "workload", workload: workloadOf("w", { wakes: true }) });
  gateway.gateway.apply({ kind: "route", route: routeOf("r", { rule: { backends: [backendOf("w")] } }) });
  const port = await gateway.listen();
  const probe = await get(port, "/", { headers: { "user-agent": "kube-probe/1.30" } });
  expect([probe.status, gateway.wakes]).toEqual([503, []]);
  const answers = Array.from({ length: 40 }, () => get(port, "/", { headers: { "wherry-debug": "timing" } }));
  while (gateway.wakes.length === 0) await settle();
  await settle();
  gateway.gateway.apply({ kind: "endpoint", endpoint: endpointOf("i", "w", { concurrency: 1 }) });
  const all = await Promise.all(answers);
  expect(all.map(({ status }) => status)).toEqual(Array.from({ length: 40 }, () => 200));
  expect(gateway.wakes).toEqual([["w"]]);
  expect(all[0]?.headers.get("server-timing")).toMatch(
    /^wake;dur=[\d.]+, queue;dur=[\d.]+, backend;dur=[\d.]+$/,
  );
});

test("Gateway: tells when an endpoint that drains has nothing under way", async () => {
  await using gateway = new TestGateway().serve({});
  const port = await gateway.listen();
  const answer = get(port, "/");
  const call = await untilCall(gateway, () => true);
  gateway.gateway.apply({ kind: "drain", uid: "i" });
  gateway.gateway.apply({ kind: "drain", uid: "unknown" });
  expect(gateway.drained).toEqual(["unknown"]);
  call.answer("done");
  expect((await answer).text).toBe("done");
  expect(gateway.drained).toEqual(["unknown", "i"]);
});

test("Gateway: an endpoint that has come and gone drains with what is under way there since before", async () => {
  await using gateway = new TestGateway().serve({});
  const { drained, gateway: itself } = gateway;
  const port = await gateway.listen();
  const answers = [get(port, "/before")];
  const before = await untilCall(gateway, ({ head }) => head.path === "/before");
  // Not ready for a moment.
  itself.apply({ kind: "endpointGone", uid: "i" });
  itself.apply({ kind: "endpoint", endpoint: endpointOf("i", "w") });
  answers.push(get(port, "/after"));
  const after = await untilCall(gateway, ({ head }) => head.path === "/after");
  itself.apply({ kind: "drain", uid: "i" });
  after.answer("done");
  await answers[1];
  expect(drained).toEqual([]);
  before.answer("done");
  await answers[0];
  expect(drained).toEqual(["i"]);
});

test("Gateway: writes a line for each request", async () => {
  await using gateway = new TestGateway().serve(echo);
  await get(await gateway.listen(), '/a"b', { headers: { "user-agent": 'x"\\n' } });
  await settle();
  expect(gateway.lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    {
      client: "127.0.0.1",
      method: "GET",
      path: "/a%22b",
      status: 200,
      workload: "default/w",
      place: "i",
      agent: 'x"\\n',
    },
  ]);
});

test("Gateway: when it goes, lets each connection bring one more request, and closes it after the answer", async () => {
  await using gateway = new TestGateway().serve(echo);
  const port = await gateway.listen();
  const [idle, silent] = [await gateway.connect(port), await gateway.connect(port)];
  for (const client of [idle, silent]) {
    client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
    await client.until(/\/1/);
  }
  const finished = gateway.gateway.finish(10_000);
  idle.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(await idle.ended()).toMatch(/Connection: close\r\n[^]*"\/2"/);
  await silent.ended();
  await finished;
});

test("Gateway: when it goes, tells those who wait for an instance that none will come", async () => {
  await using gateway = new TestGateway().serve({});
  gateway.gateway.apply({ kind: "endpointGone", uid: "i" });
  const port = await gateway.listen();
  const [waits, late] = [await gateway.connect(port), await gateway.connect(port)];
  waits.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  while (gateway.gateway.figures()[0]?.waiting !== 1) await new Promise(setImmediate);
  const finished = gateway.gateway.finish(1_500);
  expect(await waits.ended()).toMatch(/^HTTP\/1\.1 503 [^]*wherry-reason: NoInstance/);
  late.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  expect(await late.ended()).toMatch(/^HTTP\/1\.1 503 /);
  await finished;
});

test("Gateway: when it goes, cuts off what is not answered in its grace", async () => {
  await using gateway = new TestGateway().serve({});
  const client = await gateway.connect(await gateway.listen());
  client.send("GET /1 HTTP/1.1\r\nHost: a\r\n\r\n");
  await untilCall(gateway, () => true);
  await gateway.gateway.finish(50);
  expect(await client.ended()).toBe("");
});

test("Gateway: goes to other nodes when nobody is here, and to nobody else for another gateway", async () => {
  await using gateway = new TestGateway();
  gateway.instances.set("node-2", echo);
  const nodes = [{ name: "node-2", address: "x:1", ready: [{ templateHash: "t", count: 1 }] }];
  gateway.gateway.apply({ kind: "workload", workload: workloadOf("w", { nodes }) });
  gateway.gateway.apply({
    kind: "route",
    route: routeOf("r", { rule: { backends: [backendOf("w", { templateHash: "t" })] } }),
  });
  const { text } = await get(await gateway.listen(), "/a");
  expect(JSON.parse(text)).toMatchObject({
    target: { kind: "workload", uid: "w", templateHash: "t" },
    path: "/a",
  });
  expect(relayed(gateway, "w")).toEqual(["refused unknown"]);
  expect(relayed(gateway, "other")).toEqual(["refused unknown"]);
});

test("Gateway: gives what another gateway sends to an instance here, and its answer back", async () => {
  await using gateway = new TestGateway().serve({
    end: (call) => call.answer(`${call.body}!`, 201, ["x-a", "1"]),
  });
  const events = relayed(gateway, "w", "hello");
  while (events.length < 3) await settle();
  expect(events).toEqual(["head 201 x-a,1", "data hello!", "end"]);
  // It has arrived there.
  expect(gateway.gateway.figures()).toMatchObject([{ arrived: 0, inFlight: 0, instances: [] }]);
  expect(gateway.instances.calls[0]?.head).toMatchObject({
    target: { kind: "instance", uid: "i" },
    headers: ["x-b", "2"],
  });
});

test("Gateway: passes on to another gateway that all instances here refuse", async () => {
  await using gateway = new TestGateway().serve({
    end: (call) => call.fault({ kind: "refused", reason: "full", message: "", retryAfterMs: 5 }),
  });
  const events = relayed(gateway, "w");
  while (events.length < 1) await settle();
  expect(events).toEqual(["refused full"]);
});

async function untilCall(
  gateway: TestGateway,
  is: (call: TestGateway["instances"]["calls"][number]) => boolean,
) {
  for (;;) {
    const call = gateway.instances.calls.find(is);
    if (call !== undefined) return call;
    await settle();
  }
}

/** Lets sockets do what they can do now. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 20));
}
