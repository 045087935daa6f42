import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";

import { bytes, type Http, httpOf, valueOf } from "../preview2/http-test-support.ts";
import type { IoError } from "../preview2/io.ts";
import { TestAuthority } from "../../testing/certificates.ts";
import {
  bodyOf,
  instance,
  listening,
  outcomeOf,
  responseOf,
  saying,
  send,
  serving,
  textOf,
} from "./client-test-support.ts";

describe("a request of a guest", () => {
  it("arrives as it was made, and its answer too", async () => {
    const seen: unknown[] = [];
    const port = await serving((request: IncomingMessage, response: ServerResponse) => {
      void textOf(request).then((body) => {
        seen.push(request.method, request.url, request.headers, body);
        response.writeHead(207, { "x-answer": "é", trailer: "x-sum" });
        response.write("some ");
        response.addTrailers({ "x-sum": "1" });
        response.end("more");
      });
    });
    const http = instance();
    const future = send(http, port, {
      method: "PATCH",
      path: "/a?b",
      headers: { "x-a": "b" },
      body: "hello",
    });
    const response = await responseOf(future);
    expect(response.status()).toBe(207);
    expect(response.headers().get("X-Answer")).toEqual([bytes("é")]);
    const body = valueOf(response.consume());
    const stream = valueOf(body.stream());
    let text = "";
    for (let read = await stream.blockingRead(3n); read.tag === "ok"; read = await stream.blockingRead(3n)) {
      text += Buffer.from(read.val).toString();
    }
    expect(text).toBe("some more");
    stream[Symbol.dispose]();
    const trailers = http.IncomingBody.finish(body);
    expect(valueOf(valueOf(trailers.get()!))?.entries()).toEqual([["x-sum", bytes("1")]]);
    expect(seen).toEqual([
      "PATCH",
      "/a?b",
      { host: `127.0.0.1:${port}`, "x-a": "b", connection: "keep-alive", "transfer-encoding": "chunked" },
      "hello",
    ]);
    expect(future.get()).toEqual({ tag: "err", val: undefined });
    while (http.context.client.calls.size > 0) await new Promise(setImmediate);
  });

  it.each([
    { name: "GET without a body", asked: { method: "GET" }, length: undefined, encoding: undefined },
    { name: "POST without a body", asked: { method: "POST" }, length: "0", encoding: undefined },
    {
      name: "POST of a known length",
      asked: { method: "POST", headers: { "content-length": "2" }, body: "ab" },
      length: "2",
      encoding: undefined,
    },
    {
      name: "DELETE with a body",
      asked: { method: "DELETE", body: "ab" },
      length: undefined,
      encoding: "chunked",
    },
  ])("$name is framed as it has to be", async ({ asked, length, encoding }) => {
    let seen: IncomingMessage["headers"] = {};
    const port = await serving((request, response) => {
      seen = request.headers;
      void textOf(request).then(() => response.end());
    });
    const http = instance();
    expect((await responseOf(send(http, port, asked))).status()).toBe(200);
    expect([seen["content-length"], seen["transfer-encoding"]]).toEqual([length, encoding]);
  });

  it("is broken off when its body is not what was said", async () => {
    const port = await serving(
      (request, response) =>
        void textOf(request).then(
          () => response.end(),
          () => {},
        ),
    );
    const http = instance();
    const outcome = await outcomeOf(
      send(http, port, { method: "POST", headers: { "content-length": "3" }, body: "ab" }),
    );
    expect(outcome).toMatchObject({ tag: "connection-terminated" });
  });

  it("goes over TLS to who has a certificate for the name, and to nobody else", async () => {
    const { ca, cert, key } = await (await TestAuthority.make()).issue("server");
    const resumed: boolean[] = [];
    const server = createSecureServer({ cert, key }, (request, response) => {
      resumed.push((request.socket as TLSSocket).isSessionReused());
      response.setHeader("connection", request.url === "/close" ? "close" : "keep-alive");
      response.end("secret");
    });
    const port = await listening(server);
    expect(await outcomeOf(send(instance(), port, { secure: true }))).toEqual({
      tag: "TLS-certificate-error",
    });
    const before = getCACertificates("default");
    setDefaultCACertificates([...before, ca.toString()]);
    try {
      const http = instance();
      for (let i = 0; i < 3; i++) {
        const future = send(http, port, { secure: true, path: "/close" });
        expect(await bodyOf(http, await responseOf(future))).toBe("secret");
      }
      // By each instance for itself.
      const other = instance();
      expect(await bodyOf(other, await responseOf(send(other, port, { secure: true })))).toBe("secret");
    } finally {
      setDefaultCACertificates(before);
    }
    expect(resumed).toEqual([false, true, true, false]);
  });

  it("is given up by who drops the future", async () => {
    const closed = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const port = await saying((socket) => {
      socket.on("data", () => arrived.resolve());
      socket.on("close", () => closed.resolve());
    });
    const http = instance();
    const future = send(http, port);
    await arrived.promise;
    future[Symbol.dispose]();
    await closed.promise;
    expect([http.host.resources.open, http.context.client.calls.size, http.host.timers.size]).toEqual([
      0, 0, 0,
    ]);
  });

  it("ends with its instance", async () => {
    const closed = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    const port = await saying((socket) => {
      socket.on("data", () => arrived.resolve());
      socket.on("close", () => closed.resolve());
    });
    const http = instance();
    send(http, port);
    await arrived.promise;
    http.host.close();
    await closed.promise;
  });
});

describe("a request that fails", () => {
  it.each([
    { name: "to where the template does not allow it", authority: "10.1.2.3:80", tag: "HTTP-request-denied" },
    { name: "to a name that nothing was granted for", authority: "example.com", tag: "HTTP-request-denied" },
    { name: "to a name that resolves to this machine", authority: "localhost:1", tag: "HTTP-request-denied" },
    { name: "to what is no name", authority: "a..b", tag: "HTTP-request-URI-invalid" },
  ])("$name", async ({ authority, tag }) => {
    expect(await outcomeOf(send(instance(), authority))).toMatchObject({ tag });
  });

  it("where nobody listens", async () => {
    const server = createTcpServer();
    const port = await listening(server);
    server.close();
    await once(server, "close");
    expect(await outcomeOf(send(instance(), port))).toEqual({ tag: "connection-refused" });
  });

  it("of an instance without a network", async () => {
    const http = httpOf();
    expect(await outcomeOf(send(http, 80))).toEqual({ tag: "HTTP-request-denied" });
  });

  it.each([
    { name: "what is not HTTP", says: "SSH-2.0-server\r\n", tag: "HTTP-protocol-error" },
    { name: "nothing", says: "", tag: "connection-terminated" },
    { name: "half a head", says: "HTTP/1.1 200 OK\r\nA: b", tag: "connection-terminated" },
    {
      name: "a head that is too large",
      says: `HTTP/1.1 200 OK\r\na: ${"b".repeat(200_000)}\r\n\r\n`,
      tag: "HTTP-response-header-section-size",
    },
    {
      name: "a length and chunks",
      says: "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
      tag: "HTTP-protocol-error",
    },
    {
      name: "another protocol",
      says: "HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
      tag: "HTTP-upgrade-failed",
    },
  ])("when the server says $name", async ({ says, tag }) => {
    const port = await saying((socket) => socket.once("data", () => socket.end(says, "latin1")));
    expect(await outcomeOf(send(instance(), port))).toMatchObject({ tag });
  });

  it.each([
    { name: "the answer", says: "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab" },
    { name: "a chunk", says: "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab" },
  ])("when $name is cut off", async ({ says }) => {
    const port = await saying((socket) => socket.once("data", () => socket.end(says)));
    const http = instance();
    const response = await responseOf(send(http, port));
    expect(await bodyOf(http, response)).toEqual({ tag: "HTTP-response-incomplete" });
  });

  it("when the answer takes longer than the guest allows", async () => {
    const arrived = Promise.withResolvers<void>();
    const port = await saying((socket) => socket.once("data", () => arrived.resolve()));
    const http = instance();
    const options = () => {
      const made = new http.RequestOptions();
      made.setFirstByteTimeout(5_000_000_000n);
      return made;
    };
    const future = send(http, port, { options });
    await arrived.promise;
    http.host.advance(5_001);
    expect(await outcomeOf(future)).toEqual({ tag: "HTTP-response-timeout" });
  });

  it("when its server falls silent", async () => {
    const port = await saying((socket) =>
      socket.once("data", () => socket.write("HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab")),
    );
    const http = instance();
    const response = await responseOf(send(http, port));
    const stream = valueOf(valueOf(response.consume()).stream());
    expect(valueOf(await stream.blockingRead(10n)).byteLength).toBe(2);
    const reading = stream.blockingRead(10n) as Promise<{ readonly val: { readonly val: IoError } }>;
    http.host.advance(60_001);
    expect(http.httpErrorCode((await reading).val.val)).toEqual({ tag: "connection-read-timeout" });
  });

  it.each([
    {
      name: "CONNECT",
      make: (r: Request) => r.setMethod({ tag: "connect" }),
      tag: "HTTP-request-method-invalid",
    },
    {
      name: "another scheme",
      make: (r: Request) => r.setScheme({ tag: "other", val: "ftp" }),
      tag: "HTTP-protocol-error",
    },
    {
      name: "nobody named",
      make: (r: Request) => r.setAuthority(undefined),
      tag: "HTTP-request-URI-invalid",
    },
  ])("at once: $name", ({ make, tag }) => {
    const http = instance();
    const request = new http.OutgoingRequest(new http.Fields());
    request.setAuthority("127.0.0.1");
    make(request);
    expect(http.send(request, undefined)).toMatchObject({ tag: "err", val: { tag } });
    expect(http.host.resources.open).toBe(0);
  });
});

type Request = InstanceType<Http["OutgoingRequest"]>;
