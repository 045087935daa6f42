import { once } from "node:events";
import { createServer as createHttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { askHttp, askTcp } from "./http-probe.ts";

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

async function listen(listener: RequestListener): Promise<number> {
  const server = createHttpServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

/** One that answers as no HTTP server would. */
async function listenRaw(onConnection: (socket: Socket) => void): Promise<number> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket.on("error", () => {}));
    onConnection(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  closers.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

const inTime = () => new AbortController().signal;

function target(port: number, more: { path?: string; headers?: [string, string][] } = {}) {
  return { kind: "httpGet", address: "127.0.0.1", port, path: "/", headers: [], ...more } as const;
}

test.each([
  { status: 200, answer: { kind: "success" } },
  { status: 204, answer: { kind: "success" } },
  { status: 399, answer: { kind: "success" } },
  { status: 400, answer: { kind: "failure", message: "HTTP 400" } },
  { status: 503, answer: { kind: "failure", message: "HTTP 503" } },
])("askHttp: status $status", async ({ status, answer }) => {
  const port = await listen((_, response) => response.writeHead(status).end("not now\n"));
  expect(await askHttp(target(port), inTime())).toEqual(answer);
});

test("askHttp: asks what was configured, and says who it is unless told otherwise", async () => {
  const seen: unknown[] = [];
  const port = await listen(({ url, method, headers }, response) => {
    seen.push([method, url, headers.host, headers["user-agent"], headers["x-a"], headers.connection]);
    response.end();
  });
  await askHttp(target(port, { path: "//elsewhere/x?y=1" }), inTime());
  const headers: [string, string][] = [
    ["Host", "shop.example"],
    ["User-Agent", "mine"],
    ["X-A", "1"],
    ["x-a", "2"],
  ];
  await askHttp(target(port, { headers }), inTime());
  expect(seen).toEqual([
    ["GET", "//elsewhere/x?y=1", `127.0.0.1:${port}`, "wherry-probe", undefined, "close"],
    ["GET", "/", "shop.example", "mine", "1, 2", "close"],
  ]);
});

test("askHttp: follows a redirect to the same listener", async () => {
  const port = await listen(({ url }, response) => {
    if (url === "/") response.writeHead(302, { location: "/new" }).end();
    else response.writeHead(url === "/new" ? 500 : 200).end();
  });
  expect(await askHttp(target(port), inTime())).toEqual({ kind: "failure", message: "HTTP 500" });
});

test.each([
  { name: "another port of this machine", location: (port: number) => `http://127.0.0.1:${port}/` },
  { name: "another name of it", location: (port: number) => `http://localhost:${port}/` },
  { name: "no address at all", location: () => "http://[" },
])("askHttp: is sent nowhere by a redirect to $name", async ({ location }) => {
  let asked = 0;
  const other = await listen((_, response) => {
    asked++;
    response.writeHead(500).end();
  });
  const port = await listen((_, response) => response.writeHead(307, { location: location(other) }).end());
  expect(await askHttp(target(port), inTime())).toEqual({ kind: "success" });
  expect(asked).toBe(0);
});

test("askHttp: gives up on redirects in a circle", async () => {
  let asked = 0;
  const port = await listen((_, response) => {
    asked++;
    response.writeHead(301, { location: "/" }).end();
  });
  const answer = await askHttp(target(port), inTime());
  expect(answer).toEqual({ kind: "failure", message: "redirected more than 10 times" });
  expect(asked).toBe(11);
});

test("askHttp: reads a few kilobytes of an endless answer", async () => {
  const closed = Promise.withResolvers<void>();
  const port = await listen((_, response) => {
    response.writeHead(500);
    const flood = () => {
      while (!response.destroyed && response.write("x".repeat(4096)));
    };
    response.on("drain", flood).on("close", closed.resolve);
    flood();
  });
  const answer = await askHttp(target(port), inTime());
  expect(answer).toEqual({ kind: "failure", message: "HTTP 500" });
  await closed.promise;
});

test.each<{ name: string; serve: (socket: Socket) => void; message: RegExp }>([
  { name: "no HTTP", serve: (socket) => socket.end("hello\r\n\r\n"), message: /HPE_/ },
  { name: "a hang-up", serve: (socket) => socket.destroy(), message: /ECONNRESET/ },
  {
    name: "a head without an end",
    serve: (socket) => socket.write(`HTTP/1.1 200 OK\r\n${"x: y\r\n".repeat(20_000)}`),
    message: /HPE_HEADER_OVERFLOW/,
  },
  {
    name: "another protocol",
    serve: (socket) => socket.write("HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
    message: /another protocol/,
  },
])("askHttp: $name is a failure", async ({ serve, message }) => {
  const port = await listenRaw((socket) => void socket.once("data", () => serve(socket)));
  const answer = await askHttp(target(port), inTime());
  expect(answer).toEqual({ kind: "failure", message: expect.stringMatching(message) as string });
});

test.each<{ name: string; serve: (socket: Socket) => void }>([
  { name: "never", serve: () => {} },
  {
    name: "not to its end",
    serve: (socket) => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nab"),
  },
])("askHttp: one who answers $name is out of time", async ({ serve }) => {
  const over = new AbortController();
  const port = await listenRaw((socket) =>
    socket.once("data", () => {
      serve(socket);
      setImmediate(() => over.abort());
    }),
  );
  expect(await askHttp(target(port), over.signal)).toEqual({
    kind: "failure",
    message: "GET /: no answer in time",
  });
});

test("askTcp: whoever accepts is well, and is left again", async () => {
  const left = Promise.withResolvers<void>();
  const port = await listenRaw((socket) => socket.once("close", () => left.resolve()).resume());
  const answer = await askTcp({ kind: "tcpSocket", address: "127.0.0.1", port }, inTime());
  expect(answer).toEqual({ kind: "success" });
  await left.promise;
});

test("askTcp, askHttp: nobody there", async () => {
  const port = await listenRaw(() => {});
  closers.splice(0).forEach((close) => close());
  const message = `connect to 127.0.0.1 port ${port}: nobody listens there`;
  expect(await askTcp({ kind: "tcpSocket", address: "127.0.0.1", port }, inTime())).toEqual({
    kind: "failure",
    message,
  });
  expect(await askHttp(target(port), inTime())).toEqual({
    kind: "failure",
    message: "GET /: nobody listens there",
  });
});
