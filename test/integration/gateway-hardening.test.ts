/** What hostile clients send by HTTP/1.1, byte by byte, and what instances and clients get to see of it. */
import { expect, test } from "vitest";
import { gatewayLimits } from "../../node-daemon/gateway/limits.ts";
import {
  backendOf,
  echo,
  type RawClient,
  routeOf,
  TestGateway,
} from "../../node-daemon/gateway/testing/test-gateway.ts";

const crlf = "\r\n";

async function connected(gateway: TestGateway): Promise<RawClient> {
  return gateway.connect(await gateway.listen());
}

/** The whole conversation with a client that sends this and then listens up to the end of the connection. */
async function said(bytes: string): Promise<{ readonly text: string; readonly calls: number }> {
  await using gateway = new TestGateway().serve(echo);
  const client = await connected(gateway);
  const text = await client.send(bytes).ended();
  return { text, calls: gateway.instances.calls.length };
}

const post = (headers: string, body: string) => `POST / HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`;
const get = (headers: string) => `GET / HTTP/1.1\r\n${headers}\r\n\r\n`;
/** What a smuggler hopes to have taken for a second request. */
const smuggled = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n";

test.each([
  ["a length and chunks", post("Content-Length: 5\r\nTransfer-Encoding: chunked", `0\r\n\r\n${smuggled}`)],
  ["chunks and a length", post("Transfer-Encoding: chunked\r\nContent-Length: 5", `0\r\n\r\n${smuggled}`)],
  ["two lengths", post("Content-Length: 5\r\nContent-Length: 6", `hello${smuggled}`)],
  ["the same length twice", post("Content-Length: 5\r\nContent-Length: 5", `hello${smuggled}`)],
  ["a list of lengths", post("Content-Length: 5, 5", `hello${smuggled}`)],
  ["a length with a sign", post("Content-Length: +5", `hello${smuggled}`)],
  ["a length in hexadecimal", post("Content-Length: 0x5", `hello${smuggled}`)],
  ["a negative length", post("Content-Length: -5", `hello${smuggled}`)],
  ["a length that no number holds", post("Content-Length: 99999999999999999999", smuggled)],
  ["a length with a space inside", post("Content-Length: 5 5", `hello${smuggled}`)],
  ["chunks below another coding", post("Transfer-Encoding: chunked, identity", `0\r\n\r\n${smuggled}`)],
  ["chunks twice", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", `0\r\n\r\n${smuggled}`)],
  [
    "chunks after a line break of another kind",
    post("X: a\nTransfer-Encoding: chunked", `0\r\n\r\n${smuggled}`),
  ],
  ["a space before a colon", post("Transfer-Encoding : chunked", `0\r\n\r\n${smuggled}`)],
  ["a vertical tab before the coding", post("Transfer-Encoding: \u000bchunked", `0\r\n\r\n${smuggled}`)],
  ["a folded line", get("Host: a\r\nX: a\r\n b")],
  ["a folded coding", post("Transfer-Encoding:\r\n chunked", `0\r\n\r\n${smuggled}`)],
  ["a bare CR in a value", get("Host: a\r\nX: a\rb")],
  ["a bare LF", "GET / HTTP/1.1\nHost: a\n\n"],
  ["a bare LF after a header", get("Host: a\r\nX: a\n")],
  ["NUL in a value", get("Host: a\r\nX: a\0b")],
  ["NUL in a name", get("Host: a\r\nX\0: a")],
  ["NUL in the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a byte above ASCII in a name", get("Host: a\r\nX\u00e4: a")],
  ["a header without a name", get("Host: a\r\n: a")],
  ["a header without a colon", get("Host: a\r\nGET / HTTP/1.1")],
  ["a chunk size that is none", post("Transfer-Encoding: chunked", "zz\r\nabc\r\n0\r\n\r\n")],
  [
    "a chunk size that is too large for any number",
    post("Transfer-Encoding: chunked", "fffffffffffffffff\r\nabc"),
  ],
  ["a negative chunk size", post("Transfer-Encoding: chunked", "-3\r\nabc\r\n0\r\n\r\n")],
  ["a chunk that is longer than it says", post("Transfer-Encoding: chunked", "3\r\nabcd\r\n0\r\n\r\n")],
  ["chunks that end in LF", post("Transfer-Encoding: chunked", "3\nabc\n0\n\n")],
  ["spaces in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a tab after the method", "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a method in lower case", "get / HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a version to come", "GET / HTTP/1.2\r\nHost: a\r\n\r\n"],
  ["HTTP/2 without its preface", "GET / HTTP/2.0\r\nHost: a\r\n\r\n"],
  ["HTTP/0.9", "GET /\r\n\r\n"],
  ["a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["an escape that is none", "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["NUL as an escape", "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["no host", get("X: a")],
  ["two hosts", get("Host: a\r\nHost: b")],
  ["the same host twice", get("Host: a\r\nHost: a")],
  ["a host with user information", get("Host: user@a")],
  ["a host with a path", get("Host: a/b")],
  ["a host with a port that is none", get("Host: a:80a")],
  ["an empty host", get("Host:")],
  ["a target for another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a target with user information", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  ["a target by another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n"],
  [
    "chunks by HTTP/1.0",
    `POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
  ],
])("gateway: refuses %s, and takes nothing more from that connection", async (_name, bytes) => {
  const { text } = await said(bytes);
  expect(text).toMatch(/^HTTP\/1\.1 400 /);
  expect(text).toMatch(/\r\nConnection: close\r\n/);
  expect(text).toMatch(/\r\nwherry-reason: BadRequest\r\n/);
  expect(text.match(/HTTP\/1\.1/g)?.length).toBe(1);
  expect(text).not.toContain("/smuggled");
});

test.each([
  ["a coding that is none", post("Transfer-Encoding: xchunked", `0\r\n\r\n${smuggled}`), "501"],
  ["another coding of transfers", post("Transfer-Encoding: gzip, chunked", "0\r\n\r\n"), "501"],
  ["TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "405"],
  ["CONNECT", "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", "405"],
  ["headers without end", get(`Host: a\r\nX: ${"a".repeat(40_000)}`), "431"],
  ["a target without end", `GET /${"a".repeat(40_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, "431"],
  ["too many headers", get(`Host: a\r\n${"X: a\r\n".repeat(400)}Y: b`), "431"],
  [
    "chunk extensions without end",
    post("Transfer-Encoding: chunked", `3;${"a".repeat(20_000)}\r\nabc\r\n0\r\n\r\n`),
    "413",
  ],
])("gateway: has a status for %s", async (_name, bytes, status) => {
  const { text } = await said(bytes);
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*\\r\\nConnection: close\\r\\n`, "i"));
  expect(text).toMatch(/wherry-reason: \w+/);
});

test.each([
  ["an expectation that nobody can meet", get("Host: a\r\nExpect: tea"), /^HTTP\/1\.1 417 /],
  [
    "an upgrade to WebSocket with a body",
    post("Content-Length: 2\r\nConnection: upgrade\r\nUpgrade: websocket", "hi"),
    /^HTTP\/1\.1 501 [^]*UpgradeUnsupported/,
  ],
])("gateway: refuses %s and goes on", async (_name, bytes, pattern) => {
  await using gateway = new TestGateway().serve(echo);
  const client = await connected(gateway);
  client.send(bytes);
  await client.until(pattern);
});

test("gateway: OPTIONS * is nobody's, and holds nobody up", async () => {
  await using gateway = new TestGateway().serve(echo, {
    rule: { matches: [{ path: { kind: "prefix", value: "/a" }, headers: [] }] },
  });
  const client = await connected(gateway);
  client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until(/^HTTP\/1\.1 404 [^]*NoRoute/);
});

test("gateway: an upgrade to HTTP/2 is not made, and the request is answered", async () => {
  await using gateway = new TestGateway().serve(echo);
  const client = await connected(gateway);
  client.send(
    get("Host: a\r\nConnection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__"),
  );
  const [text] = await client.until(/^HTTP\/1\.1 200 OK\r\n[^]*\}$/);
  expect(text).not.toMatch(/http2-settings|h2c/i);
});

test.each([
  ["..", "/public/../admin"],
  ["escaped dots", "/public/%2e%2e/admin"],
  ["half escaped dots", "/public/.%2E/admin"],
  ["dots over dots", "/public/./.././admin"],
  ["more dots than segments", "/../../admin"],
  ["escaped letters", "/%61dmin"],
  ["an absolute target", "http://a/public/../admin"],
])("gateway: no spelling of a path gets around its rule: %s", async (_name, target) => {
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
  const client = await connected(gateway);
  client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  await client.until(/^HTTP\/1\.1 500 [^]*NoBackend/);
});

test.each([
  ["an escaped slash", "/public/..%2fadmin", "/public/..%2Fadmin"],
  ["escapes of escapes", "/public/%252e%252e/admin", "/public/%252e%252e/admin"],
  ["a backslash", "/public\\..\\admin", ""],
  ["an empty segment", "/public//admin", "/public//admin"],
])(
  "gateway: an instance sees no path but the one that its rule has matched: %s",
  async (_name, target, path) => {
    await using gateway = new TestGateway().serve(echo, {
      rule: { matches: [{ path: { kind: "prefix", value: "/public" }, headers: [] }] },
    });
    const client = await connected(gateway);
    client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
    const [text] = await client.until(/^HTTP\/1\.1 (?:404 [^]*NoRoute|200 [^]*\}$)/);
    if (path === "") expect(text).toContain("404");
    else expect(text).toContain(`"path":"${path}"`);
  },
);

test.each([
  ["upper case", "EXAMPLE.com"],
  ["a trailing dot", "example.com."],
  ["a port", "example.com:1234"],
  ["all of them", "Example.COM.:80"],
])("gateway: finds a host in whatever spelling: %s", async (_name, host) => {
  await using gateway = new TestGateway().serve(echo, { rule: { backends: [backendOf(undefined)] } });
  gateway.gateway.apply({
    kind: "route",
    route: routeOf("named", { hostnames: ["example.com"], rule: { backends: [backendOf("w")] } }),
  });
  const client = await connected(gateway);
  client.send(get(`Host: ${host}`));
  await client.until(/^HTTP\/1\.1 200 /);
});

test("gateway: headers of the connection and those of proxies are the client's own to no instance", async () => {
  await using gateway = new TestGateway().serve(echo);
  const client = await connected(gateway);
  const lies = [
    "X-Forwarded-For: 9.9.9.9",
    "X-Forwarded-Proto: https",
    "X-Forwarded-Host: evil",
    "Forwarded: for=9.9.9.9",
    "X-Real-IP: 9.9.9.9",
    "X_Forwarded_For: 9.9.9.9",
    "Proxy: http://evil",
  ];
  const hops = [
    "Connection: keep-alive, X-Secret",
    "X-Secret: evil",
    "Keep-Alive: timeout=9",
    "Proxy-Connection: evil",
    "Proxy-Authorization: evil",
    "TE: trailers",
  ];
  client.send(get(["Host: a", ...lies, ...hops].join(crlf)));
  const [text] = await client.until(/\{.*\}$/);
  expect(text).not.toMatch(/9\.9\.9\.9|evil|x-secret|"te"|keep-alive","timeout/i);
  expect(text).toContain('"x-forwarded-for","127.0.0.1","x-forwarded-proto","http","x-forwarded-host","a"');
});

test.each<[string, string[], number?]>([
  ["another header", ["x-a", "b\r\nSet-Cookie: evil=1"]],
  ["a second answer", ["x-a", "b\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"]],
  ["a header by LF alone", ["x-a", "b\nSet-Cookie: evil=1"]],
  ["a header by CR alone", ["x-a", "b\rSet-Cookie: evil=1"]],
  ["a header in a name", ["x-a: evil\r\nx-b", "c"]],
  ["NUL", ["x-a", "evil\0"]],
  ["two lengths", ["content-length", "4", "content-length", "5", "x-evil", "1"]],
  ["a length that is none", ["content-length", "4evil"]],
  ["a change of protocols", ["x-evil", "1"], 101],
])("gateway: an instance cannot put %s into an answer", async (_name, headers, status = 200) => {
  await using gateway = new TestGateway().serve({ end: (call) => call.answer("evil", status, headers) });
  const client = await connected(gateway);
  client.send(get("Host: a"));
  const [text] = await client.until(/^HTTP\/1\.1 502 [^]*InvalidAnswer[^]*\n$/);
  expect(text).not.toMatch(/evil/i);
});

test("gateway: an answer is as long as it says: what is beyond is not the next answer", async () => {
  const evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
  await using gateway = new TestGateway().serve({
    end: (call) => call.answer(`hello${evil}`, 200, ["content-length", "5"]),
  });
  const client = await connected(gateway);
  client.send(get("Host: a")).send(get("Host: a"));
  const [text] = await client.until(/hello[^]*hello$/);
  expect(text).not.toContain("evil");
});

test("gateway: an answer that is shorter than it says ends the connection, so that nobody takes the next one for its rest", async () => {
  await using gateway = new TestGateway().serve({
    end: (call) => call.answer("hel", 200, ["content-length", "5"]),
  });
  const client = await connected(gateway);
  const text = await client.send(get("Host: a")).send(get("Host: a")).ended();
  expect(text.match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThan(2);
});

test("gateway: connection headers of an instance do not rule the client's connection", async () => {
  const headers = [
    "trailer",
    "x-t",
    "connection",
    "close, x-secret",
    "x-secret",
    "1",
    "transfer-encoding",
    "gzip",
    "keep-alive",
    "timeout=1",
    "upgrade",
    "x",
  ];
  await using gateway = new TestGateway().serve({ end: (call) => call.answer("ok", 200, headers) });
  const client = await connected(gateway);
  client.send(get("Host: a"));
  const [text] = await client.until(/ok$/);
  expect(text).not.toMatch(/x-secret|gzip|upgrade|timeout=1\r|connection: close/i);
  client.send(get("Host: a"));
  await client.until(/ok[^]*ok$/);
});

test("gateway: a body beyond its limit is refused before it is read, and while it is", async () => {
  await using gateway = new TestGateway().serve(echo, { endpoint: { bodyBytesMax: 1_000 } });
  const port = await gateway.listen();
  const said = await gateway.connect(port);
  said.send(post("Content-Length: 1001", ""));
  await said.until(/^HTTP\/1\.1 413 [^]*BodyTooLarge/);
  expect(gateway.instances.calls.length).toBe(0);
  const unsaid = await gateway.connect(port);
  unsaid.send(post("Transfer-Encoding: chunked", `${"3e8\r\n" + "a".repeat(1_000)}\r\n`));
  while (gateway.instances.calls[0]?.body.length !== 1_000)
    await new Promise((resolve) => setImmediate(resolve));
  unsaid.send("1\r\na\r\n");
  await unsaid.until(/^HTTP\/1\.1 413 [^]*BodyTooLarge/);
  expect(gateway.instances.calls[0]?.cancelled).toBe(true);
});

test("gateway: a client that does not wait for 100 Continue and gets a final answer cannot make its body a request", async () => {
  await using gateway = new TestGateway().serve(echo, { endpoint: { bodyBytesMax: 10 } });
  const client = await connected(gateway);
  const text = await client
    .send(post(`Content-Length: ${smuggled.length}\r\nExpect: 100-continue`, smuggled))
    .ended();
  expect(text).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close/);
  expect(text).not.toContain("smuggled");
});

test("gateway: an answer before the body has ended reaches the client, and the rest of the body is no request", async () => {
  await using gateway = new TestGateway().serve({ begin: (call) => call.answer("early", 200) });
  const client = await connected(gateway);
  client.send(post("Transfer-Encoding: chunked", ""));
  await client.until(/early$/);
  client.send(`${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`);
  client.send("GET /next HTTP/1.1\r\nHost: a\r\n\r\n");
  await client.until(/early[^]*early$/);
  expect(gateway.instances.calls.map(({ head }) => head.path)).toEqual(["/", "/next"]);
});

test("gateway: a body that nobody wants any more is read for a while only", async () => {
  const bodyBytesMax = 2_000_000_000;
  await using gateway = new TestGateway().serve(
    { begin: (call) => call.answer("early", 200) },
    { endpoint: { bodyBytesMax } },
  );
  const client = await connected(gateway);
  const chunk = "a".repeat(65_536);
  client.send(post("Content-Length: 1000000000", chunk));
  await client.until(/early$/);
  let sent = 0;
  while (!client.isEnded) {
    client.send(chunk);
    sent += chunk.length;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(client.text).toMatch(/early$/);
  expect(sent).toBeLessThan(50_000_000);
});

test("gateway: requests that come faster than they are answered are few on one connection", async () => {
  await using gateway = new TestGateway().serve({});
  const client = await connected(gateway);
  client.send(get("Host: a").repeat(2_000));
  while (gateway.instances.calls.length < gatewayLimits.pipelinedMax)
    await new Promise((resolve) => setImmediate(resolve));
  for (const call of gateway.instances.calls) call.answer("ok");
  const text = await client.ended();
  expect(text.match(/HTTP\/1\.1 200/g)?.length).toBe(gatewayLimits.pipelinedMax);
  expect(text).toMatch(/HTTP\/1\.1 503 [^]*wherry-reason: TooManyPipelined[^]*Connection: close/);
});

test(
  "gateway: a connection that sends its headers byte by byte is given up",
  { timeout: 40_000 },
  async () => {
    await using gateway = new TestGateway().serve(echo);
    const client = await connected(gateway);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n");
    const timer = setInterval(() => client.send("X: a\r\n"), 500);
    const began = performance.now();
    const text = await client.ended();
    clearInterval(timer);
    expect(text).toMatch(/^HTTP\/1\.1 408 [^]*RequestTooSlow/);
    expect(performance.now() - began).toBeLessThan(gatewayLimits.headersMs + 10_000);
  },
);

test(
  "gateway: a connection that says nothing, or a part of HTTP/2's preface, is given up",
  { timeout: 40_000 },
  async () => {
    await using gateway = new TestGateway().serve(echo);
    const port = await gateway.listen();
    const [silent, half] = [await gateway.connect(port), await gateway.connect(port)];
    half.send("PRI * HT");
    expect(await Promise.all([silent.ended(), half.ended()])).toEqual(["", ""]);
  },
);

test("gateway: a client that has too many connections is told so, and nobody else has fewer for it", async () => {
  await using gateway = new TestGateway({ connectionsPerClientMax: 8 }).serve(echo);
  const port = await gateway.listen();
  const clients = [];
  for (let i = 0; i < 8; i++) clients.push(await gateway.connect(port));
  const told = await gateway.connect(port);
  const refused = await gateway.connect(port);
  expect(await refused.send(get("Host: a")).ended()).toBe("");
  expect(await told.send(get("Host: a") + smuggled).ended()).toMatch(
    /^HTTP\/1\.1 429 [^]*wherry-reason: TooManyConnections\r\nretry-after: 1[^]*Connection: close/,
  );
  expect(told.text).not.toMatch(/HTTP\/1\.1 200/);
  expect(gateway.instances.calls.length).toBe(0);
  await (await gateway.connect(port, "127.0.0.2")).send(get("Host: a")).until(/200 OK/);
  for (const client of clients) await client.send(get("Host: a")).until(/200 OK/);
  // Both requests of the one that was told; the other was closed before it could ask.
  expect(gateway.gateway.counts().refusals).toEqual({ TooManyConnections: 2 });
  for (const client of [told, ...clients]) client.socket.destroy();
  // The gateway learns of it in its own time.
  for (let answer = ""; !answer.startsWith("HTTP/1.1 200");)
    answer = await (await gateway.connect(port)).send(get("Host: a\r\nConnection: close")).ended();
});

test("gateway: bodies that come slowly reach no instance before they are there, and keep none from others", async () => {
  await using gateway = new TestGateway().serve(echo, { endpoint: { concurrency: 1 } });
  const port = await gateway.listen();
  const slow = [];
  for (let i = 0; i < 50; i++) slow.push((await gateway.connect(port)).send(post("Content-Length: 5", "s")));
  await (await gateway.connect(port)).send(get("Host: a")).until(/200 OK/);
  expect(gateway.instances.calls.length).toBe(1);
  for (const client of slow) client.send("lowly".slice(0, 4));
  for (const client of slow) await client.until(/"body":"slowl"/);
});
