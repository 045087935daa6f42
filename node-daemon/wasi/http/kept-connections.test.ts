import { once } from "node:events";
import type { Socket } from "node:net";
import { createServer as createSecureServer } from "node:https";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { describe, expect, it } from "vitest";

import { TestAuthority } from "../../testing/certificates.ts";
import { limits } from "../limits.ts";
import { type Http, valueOf } from "../preview2/http-test-support.ts";
import type { FutureIncomingResponse } from "../preview2/http-response-future.ts";
import type { NameResolver } from "../sockets/name-resolver.ts";
import { SpareSockets } from "../sockets/spare-sockets.ts";
import { connect, openTestNetwork } from "../sockets/test-support.ts";
import {
  type Asked,
  bodyOf,
  instance,
  listening,
  outcomeOf,
  responseOf,
  saying,
  send,
} from "./client-test-support.ts";

const whole = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
const allowed = { allow: [{ host: "127.0.0.1", port: 0 }] };

interface Server {
  readonly port: number;
  /** One for each connection, in their order. */
  readonly sockets: Socket[];
  /** As they came, each of them whole. */
  readonly requests: string[];
}

/** Answers the requests of all connections, in the order in which they come, as `answers` says: text, or what to do. */
async function scripted(answers: readonly (string | ((socket: Socket) => void))[]): Promise<Server> {
  const server: Server = { port: 0, sockets: [], requests: [] };
  const left = [...answers];
  const port = await saying((socket) => {
    server.sockets.push(socket);
    let received = "";
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      if (!received.endsWith("\r\n\r\n")) return;
      server.requests.push(received);
      received = "";
      const answer = left.shift() ?? whole;
      if (typeof answer === "string") socket.write(answer);
      else answer(socket);
    });
  });
  return { ...server, port };
}

/** Until nothing is left to do but wait for the network. */
async function settled(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
}

/** Until the client has closed this connection. */
async function closed(socket: Socket | undefined): Promise<void> {
  if (!socket) throw new Error("no such connection");
  if (!socket.closed) await once(socket, "close");
}

async function ask(http: Http, { port }: Pick<Server, "port">, asked?: Asked) {
  return read(http, send(http, port, asked));
}

async function read(http: Http, future: FutureIncomingResponse) {
  const outcome = await outcomeOf(future);
  const body = "tag" in outcome ? outcome : await bodyOf(http, outcome);
  await settled();
  return body;
}

describe("a connection", () => {
  it("is used by one request after the other", async () => {
    const server = await scripted([]);
    const http = instance();
    for (let i = 0; i < 20; i++) expect(await ask(http, server)).toBe("ok");
    expect([server.sockets.length, server.requests.length]).toEqual([1, 20]);
    expect(http.context.client.calls.size).toBe(0);
  });

  it("is used with TLS, too", async () => {
    const { ca, cert, key } = await (await TestAuthority.make()).issue("server");
    const server = createSecureServer({ cert, key }, (_, response) => void response.end("secret"));
    const sockets: Socket[] = [];
    server.on("secureConnection", (socket) => sockets.push(socket));
    const port = await listening(server);
    const before = getCACertificates("default");
    setDefaultCACertificates([...before, ca.toString()]);
    try {
      const http = instance();
      for (let i = 0; i < 3; i++) expect(await ask(http, { port }, { secure: true })).toBe("secret");
      expect(sockets.length).toBe(1);
      sockets[0]?.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
      await closed(sockets[0]);
      expect(await ask(http, { port }, { secure: true })).toBe("secret");
      // Those are different servers.
      expect(await ask(http, { port }, { secure: false })).toMatchObject({ tag: expect.any(String) });
    } finally {
      setDefaultCACertificates(before);
    }
  });

  it("is used by one request at a time", async () => {
    const server = await scripted([]);
    const http = instance();
    const futures = [send(http, server.port), send(http, server.port)];
    for (const future of futures) expect(await read(http, future)).toBe("ok");
    expect(server.sockets.length).toBe(2);
    const [first, second] = [send(http, server.port), send(http, server.port)];
    for (const future of [first, second]) expect(await read(http, future)).toBe("ok");
    expect(server.sockets.length).toBe(2);
  });

  it("is that of one instance", async () => {
    const server = await scripted([]);
    const network = openTestNetwork(allowed);
    for (const http of [instance(network.share()), instance(network.share())]) {
      expect(await ask(http, server)).toBe("ok");
      expect(await ask(http, server)).toBe("ok");
    }
    expect(server.sockets.length).toBe(2);
  });

  it.each([
    { name: "an answer that nobody has read yet", body: "ok" },
    { name: "a large one", body: "ok".repeat(5_000) },
    { name: "an answer without a body", body: "" },
  ])("is used again as soon as all of $name is there", async ({ body }) => {
    const says = `HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
    const server = await scripted([says]);
    const http = instance();
    const response = await responseOf(send(http, server.port));
    await settled();
    expect(await ask(http, server)).toBe("ok");
    expect(server.sockets.length).toBe(1);
    expect(await bodyOf(http, response)).toBe(body);
  });

  it("is used again after answers that nobody takes, or lets go of unread", async () => {
    const server = await scripted([]);
    const http = instance();
    const untaken = send(http, server.port);
    await untaken.subscribe().block();
    await settled();
    for (const drop of [true, false]) {
      const response = await responseOf(send(http, server.port));
      if (drop) response[Symbol.dispose]();
      else valueOf(response.consume())[Symbol.dispose]();
      await settled();
    }
    untaken[Symbol.dispose]();
    await settled();
    expect(await ask(http, server)).toBe("ok");
    expect([server.sockets.length, http.context.client.calls.size]).toEqual([1, 0]);
  });

  it.each([
    {
      name: "Connection: close",
      says: "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
    },
    { name: "HTTP/1.0", says: "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok" },
    {
      name: "trailers",
      says: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\na: b\r\n\r\n",
    },
    { name: "1xx", says: `HTTP/1.1 103 Early Hints\r\n\r\n${whole}` },
    { name: "an answer to HEAD", method: "HEAD", says: "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n" },
    { name: "204", says: "HTTP/1.1 204 No Content\r\n\r\n" },
    { name: "304", says: "HTTP/1.1 304 Not Modified\r\n\r\n" },
    { name: "more than was said", says: `${whole}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil` },
    {
      name: "a server that will soon close it",
      says: "HTTP/1.1 200 OK\r\nkeep-alive: timeout=1, max=9\r\ncontent-length: 2\r\n\r\nok",
    },
    {
      name: "an error in the middle",
      says: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nno length",
    },
  ])("is not used again after $name", async ({ says, method = "GET" }) => {
    const server = await scripted([says]);
    const http = instance();
    await ask(http, server, { method });
    expect(await ask(http, server)).toBe("ok");
    expect(server.sockets.length).toBe(2);
    await closed(server.sockets[0]);
  });

  it("is not used again when its answer is given up before its end", async () => {
    const server = await scripted(["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nok"]);
    const http = instance();
    const response = await responseOf(send(http, server.port));
    response[Symbol.dispose]();
    await settled();
    expect(await ask(http, server)).toBe("ok");
    expect(server.sockets.length).toBe(2);
  });

  it.each([
    { name: "a small answer", body: "ok" },
    // Its reader is slower than the network.
    { name: "a large one", body: "ok".repeat(2 ** 17) },
  ])("is closed when something comes after $name that nobody asked for", async ({ body }) => {
    const server = await scripted([`HTTP/1.1 200 OK\r\ncontent-length: ${body.length}\r\n\r\n${body}`]);
    const http = instance();
    const response = await responseOf(send(http, server.port));
    await settled();
    expect(await bodyOf(http, response)).toBe(body);
    await settled();
    server.sockets[0]?.write("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nevil");
    await closed(server.sockets[0]);
    expect(await ask(http, server)).toBe("ok");
    expect(server.sockets.length).toBe(2);
  });

  it("is closed when the server closes it", async () => {
    const server = await scripted([]);
    const http = instance();
    expect(await ask(http, server)).toBe("ok");
    server.sockets[0]?.end();
    await closed(server.sockets[0]);
    expect(await ask(http, server, { method: "POST" })).toBe("ok");
    expect([server.sockets.length, http.host.timers.size]).toEqual([2, 1]);
  });
});

describe("a connection that rests", () => {
  it("is closed after a while, and sooner where the server says so", async () => {
    const hint = "HTTP/1.1 200 OK\r\nkeep-alive: timeout=3\r\ncontent-length: 2\r\n\r\nok";
    const server = await scripted([whole, hint]);
    const http = instance();
    for (const [index, restMs] of [limits.httpRestMs, 3_000 - limits.httpRestMarginMs].entries()) {
      expect(await ask(http, server)).toBe("ok");
      http.host.advance(restMs - 1);
      await settled();
      expect(server.sockets[index]?.destroyed).toBe(false);
      http.host.advance(restMs);
      await closed(server.sockets[index]);
    }
    expect(http.host.timers.size).toBe(0);
  });

  it("is closed with its instance", async () => {
    const server = await scripted([]);
    const http = instance();
    expect(await ask(http, server)).toBe("ok");
    http.host.close();
    await closed(server.sockets[0]);
    expect(http.host.timers.size).toBe(0);
  });

  it("is one of a few", async () => {
    const server = await scripted([]);
    const http = instance();
    const futures = Array.from({ length: limits.httpRestingMax + 1 }, () => send(http, server.port));
    for (const future of futures) expect(await read(http, future)).toBe("ok");
    await Promise.race(server.sockets.map(closed));
    expect(http.host.timers.size).toBe(limits.httpRestingMax);
  });

  it("is given up for another socket of its instance, and of its process", async () => {
    const server = await scripted([]);
    const network = openTestNetwork(allowed, { socketsMax: 1 });
    const http = instance(network.share());
    expect(await ask(http, server)).toBe("ok");
    const own = await connect(network, { family: "ipv4", address: "127.0.0.1", port: server.port });
    await closed(server.sockets[0]);
    expect(await outcomeOf(send(http, server.port))).toEqual({ tag: "connection-limit-reached" });
    own.close();

    const spares = new SpareSockets(1);
    const [first, second] = [1, 2].map(() => instance(openTestNetwork(allowed, { spares })));
    expect(await ask(first as Http, server)).toBe("ok");
    expect(await ask(second as Http, server)).toBe("ok");
    await closed(server.sockets[2]);
    expect([spares.size, first?.host.timers.size]).toEqual([1, 0]);
  });

  it("is not used where the allow list does not let it go any more", async () => {
    const server = await scripted([]);
    const network = openTestNetwork(allowed);
    const http = instance(network);
    expect(await ask(http, server)).toBe("ok");
    network.mayConnect = () => false;
    expect(await ask(http, server)).toBe("ok");
    expect(server.sockets.length).toBe(2);
    await closed(server.sockets[0]);
  });

  it("follows its name within a minute", async () => {
    const server = await scripted([]);
    const resolver = new ChangingResolver();
    const allow = ["127.0.0.1", "127.0.0.2", "a.test"].map((host) => ({ host, port: 0 }));
    const http = instance(openTestNetwork({ allow }, { resolver }));
    const authority = `a.test:${server.port}`;
    const pauseMs = limits.httpRestMs / 2;
    for (let ms = 0; ms < limits.httpConnectionMsMax; ms += pauseMs) {
      expect(await read(http, send(http, authority))).toBe("ok");
      resolver.address = "127.0.0.2";
      http.host.advance(pauseMs);
    }
    expect(server.sockets.length).toBe(1);
    // Nobody listens there.
    expect(await read(http, send(http, authority))).toEqual({ tag: "connection-refused" });
  });
});

class ChangingResolver implements NameResolver {
  address = "127.0.0.1";
  resolve = () => Promise.resolve({ kind: "addresses", addresses: [this.address] } as const);
  close(): void {}
}

describe("a request whose connection is closed just then", () => {
  const closes = (socket: Socket) => void socket.destroy();
  const resets = (socket: Socket) => void socket.resetAndDestroy();
  const saysHalf = (socket: Socket) => void socket.end("HTTP/1.1 200 OK\r\na: b");
  const terminated = { tag: "connection-terminated" };

  it.each([
    { name: "GET", asked: {}, does: closes, becomes: "ok", connections: 2 },
    { name: "GET, by a reset", asked: {}, does: resets, becomes: "ok", connections: 2 },
    {
      name: "PUT with a body",
      asked: { method: "PUT", body: "b\r\n\r\n" },
      does: closes,
      becomes: "ok",
      connections: 2,
    },
    { name: "POST", asked: { method: "POST" }, does: closes, becomes: terminated, connections: 1 },
    {
      name: "a method of its own",
      asked: { method: "SPELL" },
      does: closes,
      becomes: terminated,
      connections: 1,
    },
    { name: "GET, half answered", asked: {}, does: saysHalf, becomes: terminated, connections: 1 },
  ])("$name", async ({ asked, does, becomes, connections }) => {
    const server = await scripted([whole, does]);
    const http = instance();
    expect(await ask(http, server)).toBe("ok");
    expect(await ask(http, server, asked)).toEqual(becomes);
    expect(server.sockets.length).toBe(connections);
    if (connections === 2) expect(server.requests[2]).toBe(server.requests[1]);
    expect(http.context.client.calls.size).toBe(0);
  });

  it("is repeated once, and over a new connection", async () => {
    const server = await scripted([whole, whole, closes, closes]);
    const http = instance();
    const futures = [send(http, server.port), send(http, server.port)];
    for (const future of futures) expect(await read(http, future)).toBe("ok");
    expect(await ask(http, server)).toEqual(terminated);
    expect(server.sockets.length).toBe(3);
  });

  it("is not repeated on its first connection", async () => {
    const server = await scripted([closes]);
    expect(await ask(instance(), server)).toEqual(terminated);
    expect(server.requests.length).toBe(1);
  });

  it("is not repeated when its body is still being written", async () => {
    const server = await scripted([whole]);
    const http = instance();
    expect(await ask(http, server)).toBe("ok");
    server.sockets[0]?.on("data", () => server.sockets[0]?.destroy());
    const request = new http.OutgoingRequest(new http.Fields());
    request.setMethod({ tag: "put" });
    request.setScheme({ tag: "HTTP" });
    request.setAuthority(`127.0.0.1:${server.port}`);
    const body = valueOf(request.body());
    const stream = valueOf(body.write());
    const future = valueOf(http.send(request, undefined));
    await stream.blockingWriteAndFlush(new Uint8Array(10));
    expect(await read(http, future)).toEqual(terminated);
    expect(server.sockets.length).toBe(1);
  });
});
