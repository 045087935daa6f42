import { once } from "node:events";
import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import type { RequestHead } from "../link/exchange.ts";
import { gatewayLimits } from "./limits.ts";
import { ListenerClient } from "./listener-client.ts";
import { sampleKey, switching } from "./testing/switching-server.ts";

const head: RequestHead = {
  target: { kind: "instance", uid: "i" },
  method: "GET",
  scheme: "http",
  authority: "example.com",
  path: "/a?b",
  matchedPath: "",
  headers: ["x-a", "1"],
  clientAddress: "1.2.3.4",
  clientPort: 5,
  timeoutMs: 0,
  bodyLength: 0,
};

/** What is said of one exchange, up to its end. */
class Heard {
  readonly events: string[] = [];
  text = "";
  readonly over: Promise<void>;
  #resolve: () => void = () => {};

  constructor() {
    this.over = new Promise((resolve) => (this.#resolve = resolve));
  }

  readonly listener = {
    head: (answer: { readonly status: number }) => void this.events.push(`head ${answer.status}`),
    data: (bytes: Buffer) => {
      this.text += bytes.toString();
    },
    drain: () => {},
    end: (end: { readonly trailers: readonly string[] }) => {
      this.events.push(`end ${end.trailers.join()}`);
      this.#resolve();
    },
    fault: (fault: { readonly kind: string; readonly reason?: string }) => {
      this.events.push(`${fault.kind} ${fault.reason}`);
      this.#resolve();
    },
  };
}

async function listen(server: Server): Promise<ListenerClient> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new ListenerClient("127.0.0.1", (server.address() as AddressInfo).port);
  onTestFinished(() => {
    client.close();
    server.close();
  });
  return client;
}

/** Answers each connection's requests by bytes: the first with the first text, and so on. */
function scripted(answers: readonly string[]): { readonly server: Server; readonly requests: string[] } {
  const requests: string[] = [];
  const server = createServer((socket: Socket) => {
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      const answer = answers[requests.length] ?? "";
      requests.push(bytes.toString());
      if (answer === "close") socket.destroy();
      else socket.write(answer);
    });
  });
  return { server, requests };
}

const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

test("ListenerClient: asks as HTTP/1.1, with a body and trailers, and hears the answer", async () => {
  let seen: IncomingMessage | undefined;
  const server = createHttpServer((incoming, response) => {
    seen = incoming;
    response.writeHead(201, ["trailer", "x-t"]);
    incoming.on("data", (bytes) => response.write(bytes));
    incoming.on("end", () => {
      response.addTrailers({ "x-t": "2" });
      response.end();
    });
  });
  const client = await listen(server);
  const heard = new Heard();
  const exchange = client.open({ ...head, method: "POST", bodyLength: undefined }, heard.listener);
  exchange.write(Buffer.from("hel"));
  exchange.write(Buffer.from("lo"));
  exchange.end(["x-s", "1"]);
  await heard.over;
  expect([heard.text, heard.events]).toEqual(["hello", ["head 201", "end x-t,2"]]);
  expect([seen?.url, seen?.headers.host, seen?.headers["x-a"], seen?.rawTrailers]).toEqual([
    "/a?b",
    "example.com",
    "1",
    ["x-s", "1"],
  ]);
});

test("ListenerClient: keeps its connections", async () => {
  const { server, requests } = scripted([ok, ok]);
  let connections = 0;
  server.on("connection", () => connections++);
  const client = await listen(server);
  for (let i = 0; i < 2; i++) {
    const heard = new Heard();
    client.open(head, heard.listener);
    await heard.over;
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect([connections, requests.length]).toEqual([1, 2]);
});

test.each([
  ["GET", 0, ["head 200", "end "], 3],
  ["POST", 0, ["failed lost"], 2],
])(
  "ListenerClient: %s on a kept connection that is closed just then",
  async (method, bodyLength, events, count) => {
    const { server, requests } = scripted([ok, "close", ok]);
    const client = await listen(server);
    const first = new Heard();
    client.open(head, first.listener);
    await first.over;
    await new Promise((resolve) => setImmediate(resolve));
    const second = new Heard();
    client.open({ ...head, method, bodyLength }, second.listener);
    await second.over;
    expect([second.events, requests.length]).toEqual([events, count]);
  },
);

test.each([
  ["is closed before it begins", "close", ["failed lost"]],
  ["breaks off", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", ["head 200", "failed lost"]],
  ["is no HTTP", "HELLO\r\n\r\n", ["failed invalid"]],
  [
    "has two lengths",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    ["failed invalid"],
  ],
  [
    "has a length and chunks",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ["failed invalid"],
  ],
  [
    "changes the protocol",
    "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
    ["failed invalid"],
  ],
])("ListenerClient: an answer that %s", async (name, answer, events) => {
  const { server } = scripted([answer]);
  const client = await listen(server);
  if (name === "breaks off")
    server.on("connection", (socket: Socket) => socket.on("data", () => setImmediate(() => socket.end())));
  const heard = new Heard();
  client.open(head, heard.listener);
  await heard.over;
  expect(heard.events).toEqual(events);
});

test("ListenerClient: is refused where nobody listens", async () => {
  const { server } = scripted([]);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const client = new ListenerClient("127.0.0.1", (server.address() as AddressInfo).port);
  await new Promise((resolve) => server.close(resolve));
  const heard = new Heard();
  client.open(head, heard.listener);
  await heard.over;
  expect(heard.events).toEqual(["refused broken"]);
});

test("ListenerClient: says nothing any more after it was cancelled, and closes the connection", async () => {
  const { server, requests } = scripted([""]);
  const closed = new Promise((resolve) =>
    server.on("connection", (socket: Socket) => socket.once("close", resolve)),
  );
  const client = await listen(server);
  const heard = new Heard();
  const exchange = client.open(head, heard.listener);
  while (requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  exchange.cancel();
  await closed;
  expect(heard.events).toEqual([]);
});

test("ListenerClient: a connection whose server has answered before the body was there is not kept", async () => {
  const { server, requests } = scripted([ok]);
  const closed = new Promise((resolve) =>
    server.on("connection", (socket: Socket) => socket.once("close", resolve)),
  );
  const client = await listen(server);
  const heard = new Heard();
  const exchange = client.open({ ...head, method: "POST", bodyLength: 10 }, heard.listener);
  exchange.write(Buffer.from("12345"));
  await heard.over;
  await closed;
  expect([heard.events, requests.length]).toEqual([["head 200", "end "], 1]);
});

test.each<[string, readonly string[]]>([
  ["longer", ["12345", "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"]],
  ["shorter", ["123"]],
])(
  "ListenerClient: a body that is %s than it says ends the connection, and nothing beyond it is sent",
  async (_name, pieces) => {
    const { server, requests } = scripted([]);
    const closed = new Promise((resolve) =>
      server.on("connection", (socket: Socket) => socket.once("close", resolve)),
    );
    const client = await listen(server);
    const heard = new Heard();
    const exchange = client.open({ ...head, method: "POST", bodyLength: 5 }, heard.listener);
    while (requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
    for (const piece of pieces) exchange.write(Buffer.from(piece));
    exchange.end([]);
    await heard.over;
    await closed;
    expect(heard.events).toEqual(["failed invalid"]);
    expect(requests.join("")).not.toContain("smuggled");
  },
);

test("ListenerClient: the framing is its own, whatever another gateway says in headers", async () => {
  const { server, requests } = scripted([ok]);
  const client = await listen(server);
  const heard = new Heard();
  const headers = ["Content-Length", "3", "transfer-encoding", "chunked", "host", "b", "x-a", "1"];
  client.open({ ...head, headers }, heard.listener);
  await heard.over;
  expect(requests[0]).toMatch(/^GET \/a\?b HTTP\/1\.1\r\nhost: example\.com\r\nx-a: 1\r\n/i);
  expect(requests[0]).not.toMatch(/content-length|transfer-encoding/i);
});

const upgrade: RequestHead = {
  ...head,
  headers: ["sec-websocket-key", sampleKey],
  bodyLength: undefined,
  upgrade: "websocket",
};

test.each<[string, string, string[]]>([
  ["has switched", switching(`sec-websocket-key: ${sampleKey}`), ["head 101"]],
  ["has not", ok, ["head 200", "end "]],
])(
  "ListenerClient: what another gateway sends before the server %s waits here",
  async (name, answer, events) => {
    let asked = "";
    let answers = () => {};
    const server = createServer((socket) => {
      socket.on("error", () => {});
      socket.on("data", (bytes) => (asked += bytes.toString()));
      answers = () => void socket.write(answer);
    });
    const client = await listen(server);
    const heard = new Heard();
    let drains = 0;
    const exchange = client.open(upgrade, { ...heard.listener, drain: () => drains++ });
    expect(exchange.write(Buffer.from("early"))).toBe(false);
    const until = async (isSo: () => boolean) => {
      while (!isSo()) await new Promise((resolve) => setImmediate(resolve));
    };
    await until(() => asked.endsWith("\r\n\r\n"));
    expect(drains).toBe(0);
    answers();
    await until(() => heard.events.length === events.length);
    if (name === "has switched") await until(() => asked.endsWith("\r\n\r\nearly"));
    else expect(exchange.write(Buffer.from("more"))).toBe(false);
    expect([heard.events, drains]).toEqual([events, name === "has switched" ? 1 : 0]);
    expect(asked).not.toContain("more");
    exchange.cancel();
  },
);

test("ListenerClient: one instance has so many upgraded connections, and its requests have others", async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      if (!/upgrade/i.test(bytes.toString())) socket.write(ok);
    });
  });
  const client = await listen(server);
  const exchanges = Array.from({ length: gatewayLimits.listener.connectionsMax }, () =>
    client.open(upgrade, new Heard().listener),
  );
  const [refused, request, later] = [new Heard(), new Heard(), new Heard()];
  client.open(upgrade, refused.listener);
  client.open(head, request.listener);
  await Promise.all([refused.over, request.over]);
  expect([refused.events, request.events]).toEqual([["refused full"], ["head 200", "end "]]);
  for (const exchange of exchanges) exchange.cancel();
  const before = sockets.size;
  const exchange = client.open(upgrade, later.listener);
  while (sockets.size === before && later.events.length === 0)
    await new Promise((resolve) => setImmediate(resolve));
  expect(later.events).toEqual([]);
  exchange.cancel();
  for (const socket of sockets) socket.destroy();
});
