/** What clients do to connections: no HTTP, half of it, too much of it, none of it. */
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { configMap, configMapsPath } from "./testing/manifests.ts";
import { TestServer } from "./testing/test-server.ts";

let server: TestServer;
const open = new Set<Socket>();
const quiet = { token: "quiet-token" };

beforeAll(async () => {
  const groups = ["system:masters"];
  server = await TestServer.start({
    tokens: [
      { token: "quiet-token", user: "quiet", uid: "", groups },
      { token: "noisy-token", user: "noisy", uid: "", groups },
    ],
  });
});

afterAll(async () => {
  for (const socket of open) socket.destroy();
  await server[Symbol.asyncDispose]();
});

function kept<S extends Socket>(socket: S): S {
  open.add(socket);
  socket.on("error", () => {});
  socket.once("close", () => open.delete(socket));
  return socket;
}

/** However it comes about. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once("close", () => resolve()));
}

async function connected(): Promise<TLSSocket> {
  const { hostname, port } = new URL(server.url);
  const socket = kept(connect({ host: hostname, port: Number(port), ca: server.ca }));
  await once(socket, "secureConnect");
  return socket;
}

/** Everything that is answered until the connection is closed. */
async function answerTo(text: string | Buffer): Promise<string> {
  const socket = await connected();
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write(text);
  await closed(socket);
  return Buffer.concat(chunks).toString("utf8");
}

function request(line: string, headers: readonly string[] = [], body = ""): string {
  const own = ["Host: x", "Authorization: Bearer noisy-token", "Connection: close"];
  return `${line}\r\n${[...own, ...headers].join("\r\n")}\r\n\r\n${body}`;
}

/** The code of each answer, and what its Status says of it. */
function codesOf(answer: string): readonly (readonly [number, number])[] {
  const codes = [...answer.matchAll(/^HTTP\/1\.1 (\d+) /gm)].map(([, code]) => Number(code));
  const bodies = [...answer.matchAll(/"reason":"\w+".*"code":(\d+)\}/g)].map(([, code]) => Number(code));
  return codes.map((code, at) => [code, bodies[at] ?? 0] as const);
}

const create = `POST ${configMapsPath} HTTP/1.1`;
const body = (name: string) => JSON.stringify(configMap(name));

describe("the listener: what is no HTTP is answered with a Status, and does nothing", () => {
  test.each([
    { name: "a line that is none", text: "hello\r\n\r\n", code: 400 },
    { name: "another version", text: "GET / HTTP/9.9\r\n\r\n", code: 400 },
    { name: "HTTP/2 without asking", text: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", code: 400 },
    { name: "no host", text: "GET /version HTTP/1.1\r\nConnection: close\r\n\r\n", code: 400 },
    { name: "a NUL in the path", text: request("GET /api\0 HTTP/1.1"), code: 400 },
    { name: "a space in the path", text: request("GET /a b HTTP/1.1"), code: 400 },
    { name: "a header without a name", text: request("GET / HTTP/1.1", [": x"]), code: 400 },
    { name: "a NUL in a header", text: request("GET / HTTP/1.1", ["X: a\0b"]), code: 400 },
    {
      name: "headers beyond all measure",
      text: request("GET / HTTP/1.1", [`X: ${"x".repeat(70_000)}`]),
      code: 431,
    },
    {
      name: "two lengths",
      text: request(create, ["Content-Length: 3", "Content-Length: 300"], body("a")),
      code: 400,
    },
    { name: "a negative length", text: request(create, ["Content-Length: -1"], body("a")), code: 400 },
    {
      name: "a length and chunks",
      text: request(
        create,
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        "0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
      ),
      code: 400,
    },
    {
      name: "an encoding that is unknown",
      text: request(create, ["Transfer-Encoding: chunked, x"], `5\r\n${body("a")}`),
      code: 400,
    },
    {
      name: "chunks that are none",
      text: request(create, ["Content-Type: application/json", "Transfer-Encoding: chunked"], "zz\r\n{}\r\n"),
      code: 400,
    },
    {
      name: "a chunk that is longer than it says",
      text: request(create, ["Transfer-Encoding: chunked"], `3\r\n${body("a")}\r\n0\r\n\r\n`),
      code: 400,
    },
    {
      name: "endless chunk extensions",
      text: request(create, ["Transfer-Encoding: chunked"], `1;${"x".repeat(20_000)}\r\na\r\n`),
      code: 413,
    },
    {
      name: "a chunk that breaks off into something else",
      text: request(create, ["Transfer-Encoding: chunked"], '2\r\n{"\r\nGET / HTTP/1.1\r\n\r\n'),
      code: 400,
    },
    { name: "a tunnel", text: request("CONNECT example.com:443 HTTP/1.1"), code: 405 },
    { name: "an expectation", text: request("GET /nothing HTTP/1.1", ["Expect: wonders"]), code: 404 },
    {
      name: "a body that is announced too large",
      text: request(create, ["Content-Length: 99999999"]),
      code: 413,
    },
    {
      name: "a packed body",
      text: request(create, ["Content-Encoding: gzip", "Content-Length: 2"], "{}"),
      code: 415,
    },
  ])("$name", async ({ text, code }) => {
    expect(codesOf(await answerTo(text))).toEqual([[code, code]]);
    expect((await server.call("GET", configMapsPath, quiet)).body.items).toEqual([]);
  });
});

test("the listener: a request that ends before its end does nothing", async () => {
  const socket = await connected();
  socket.write(request(create, ["Content-Length: 500"], body("half")));
  socket.destroy();
  await closed(socket);
  expect((await server.call("GET", configMapsPath, quiet)).body.items).toEqual([]);
});

test("the listener: what stands behind a refused request is not another one", async () => {
  const smuggled = `DELETE ${configMapsPath} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer noisy-token\r\n\r\n`;
  const headers = ["Content-Length: 4", "Transfer-Encoding: chunked"];
  const answer = await answerTo(request(create, headers, `0\r\n\r\n${smuggled}`));
  expect(codesOf(answer)).toEqual([[400, 400]]);
});

test("the listener: what follows a good request and is none is refused after its answer", async () => {
  const good = "GET /version HTTP/1.1\r\nHost: x\r\n\r\n";
  expect(codesOf(await answerTo(`${good}\x00\x01\r\n\r\n`)).map(([code]) => code)).toEqual([200, 400]);
});

test("the listener: requests on one connection are answered in their order", async () => {
  const get = (path: string) =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer noisy-token\r\n\r\n`;
  const paths = Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? "/version" : "/nothing"));
  const answer = await answerTo(`${paths.map(get).join("")}${request("GET /readyz HTTP/1.1")}`);
  const codes = codesOf(answer).map(([code]) => code);
  expect(codes).toEqual([...paths.map((path) => (path === "/version" ? 200 : 404)), 200]);
});

test("the listener: whoever sends a thousand requests and reads no answer is cut off", async () => {
  const socket = await connected();
  socket.pause();
  const get = `GET ${configMapsPath} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer noisy-token\r\n\r\n`;
  socket.write(get.repeat(1_000));
  socket.resume();
  await closed(socket);
  expect((await server.call("GET", "/readyz", quiet)).code).toBe(200);
});

test("the listener: bodies that never arrive take no seat from anybody", async () => {
  // More than there are seats, by more programs than a user may have them with.
  const sockets = await Promise.all(Array.from({ length: 300 }, connected));
  for (const [at, socket] of sockets.entries())
    socket.write(request(create, ["Content-Length: 500", `User-Agent: slow/${at % 5}`], "{"));
  for (const options of [quiet, { token: "noisy-token" }])
    expect((await server.call("GET", "/api/v1/namespaces/default", options)).code).toBe(200);
  for (const socket of sockets) socket.destroy();
});

test("the listener: answers that nobody takes hold nobody up", async () => {
  const large = configMap("large", { a: "x".repeat(900_000) });
  expect((await server.call("POST", configMapsPath, { ...quiet, body: large })).code).toBe(201);
  const sockets = await Promise.all(Array.from({ length: 250 }, connected));
  for (const socket of sockets) {
    socket.pause();
    socket.write(request(`GET ${configMapsPath}/large HTTP/1.1`));
  }
  expect((await server.call("GET", `${configMapsPath}/large`, quiet)).code).toBe(200);
  for (const socket of sockets) socket.destroy();
  await server.call("DELETE", `${configMapsPath}/large`, quiet);
});

test("the listener: connections that say nothing keep nobody out", async () => {
  const { hostname, port } = new URL(server.url);
  const silent = Array.from({ length: 500 }, () => kept(connectTcp({ host: hostname, port: Number(port) })));
  await Promise.all(silent.map((socket) => once(socket, "connect")));
  const halves = Array.from({ length: 100 }, () => kept(connectTcp({ host: hostname, port: Number(port) })));
  await Promise.all(halves.map((socket) => once(socket, "connect")));
  for (const socket of halves) socket.write(Buffer.from([0x16, 0x03, 0x01]));
  (await connected()).destroy();
  for (const socket of [...silent, ...halves]) socket.destroy();
});

test(
  "the listener: a thousand connections of one client, and another is served",
  { timeout: 120_000 },
  async () => {
    const sockets = await Promise.all(Array.from({ length: 1_000 }, connected));
    const answered = sockets.map(async (socket) => {
      socket.write(request(`GET ${configMapsPath} HTTP/1.1`));
      const [chunk] = (await once(socket, "data")) as [Buffer];
      return Number(/^HTTP\/1\.1 (\d+)/.exec(chunk.toString("latin1"))?.[1]);
    });
    expect((await server.call("GET", configMapsPath, quiet)).code).toBe(200);
    const codes = new Set(await Promise.all(answered));
    expect([...codes].filter((code) => code !== 200 && code !== 429)).toEqual([]);
  },
);
