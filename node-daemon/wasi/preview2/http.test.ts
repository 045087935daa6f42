import { describe, expect, it } from "vitest";

import { GuestTrap } from "../component-resources.ts";
import { limits } from "../limits.ts";
import { IncomingRequest } from "./http-incoming.ts";
import { ResponseOutparam } from "./http-outparam.ts";
import { bytes, FakeExchange, type Http, httpOf, valueOf } from "./http-test-support.ts";
import type { IoError } from "./io.ts";

const okay = { tag: "ok", val: undefined } as const;
const error = (tag: string) => ({ tag: "err", val: { tag } });
const nothing = { tag: "err", val: undefined };

describe("fields", () => {
  it("are read back as they were written, names without case", () => {
    const { Fields } = httpOf();
    const fields = new Fields();
    expect(fields.append("Accept", bytes("a"))).toEqual(okay);
    expect(fields.append("accept", bytes("b"))).toEqual(okay);
    expect(fields.get("ACCEPT")).toEqual([bytes("a"), bytes("b")]);
    expect(fields.has("x")).toBe(false);
    expect(fields.entries()).toEqual([
      ["Accept", bytes("a")],
      ["Accept", bytes("b")],
    ]);
    expect(fields.delete("accept")).toEqual(okay);
    expect(fields.entries()).toEqual([]);
  });

  it.each([
    { name: "a name with a blank", field: "a b", value: "c", tag: "invalid-syntax" },
    { name: "a name with a line end", field: "a\r\nb", value: "c", tag: "invalid-syntax" },
    { name: "no name", field: "", value: "c", tag: "invalid-syntax" },
    { name: "a pseudo header", field: ":path", value: "/", tag: "invalid-syntax" },
    { name: "a value with a line end", field: "a", value: "b\r\nset-cookie: c", tag: "invalid-syntax" },
    { name: "a value with a line feed", field: "a", value: "b\nc", tag: "invalid-syntax" },
    { name: "a value with a zero", field: "a", value: "b\0", tag: "invalid-syntax" },
    { name: "connection", field: "Connection", value: "close", tag: "forbidden" },
    { name: "keep-alive", field: "keep-alive", value: "1", tag: "forbidden" },
    { name: "transfer-encoding", field: "Transfer-Encoding", value: "chunked", tag: "forbidden" },
    { name: "upgrade", field: "upgrade", value: "h2c", tag: "forbidden" },
    { name: "host", field: "host", value: "b", tag: "forbidden" },
    { name: "proxy-connection", field: "proxy-connection", value: "close", tag: "forbidden" },
  ])("refuse $name, however it comes", ({ field, value, tag }) => {
    const { Fields } = httpOf();
    const fields = new Fields();
    expect(fields.append(field, bytes(value))).toEqual(error(tag));
    expect(fields.set(field, [bytes(value)])).toEqual(error(tag));
    expect(
      Fields.fromList([
        ["ok", bytes("1")],
        [field, bytes(value)],
      ]),
    ).toEqual(error(tag));
    expect(fields.entries()).toEqual([]);
  });

  it("trap when they get too large, which they have no word for", () => {
    const { Fields } = httpOf();
    const fields = new Fields();
    const large = new Uint8Array(limits.httpFieldsBytesMax).fill(65);
    expect(() => fields.append("a", large)).toThrow(GuestTrap);
    expect(() => fields.set("a", [large])).toThrow(GuestTrap);
  });

  it("of a refused list are not held", () => {
    const { Fields, host } = httpOf();
    Fields.fromList([
      ["a", bytes("b")],
      ["host", bytes("c")],
    ]);
    expect(host.resources.open).toBe(0);
  });
});

/** A request, and where it is answered. */
function served(exchange = new FakeExchange(), http: Http = httpOf()) {
  return {
    ...http,
    exchange,
    request: new IncomingRequest(http.context, exchange),
    answer: new ResponseOutparam(http.context, exchange),
  };
}

describe("incoming-request", () => {
  it("tells what was asked, but for what belongs to the connection", () => {
    const headers = ["accept", "*/*", "connection", "close", "x-é", "é", "host", "a.test"];
    const { request } = served(
      new FakeExchange({ method: "PROPFIND", pathWithQuery: "/a?b", headers, scheme: "https" }),
    );
    expect(request.method()).toEqual({ tag: "other", val: "PROPFIND" });
    expect(request.pathWithQuery()).toBe("/a?b");
    expect(request.scheme()).toEqual({ tag: "HTTPS" });
    expect(request.authority()).toBe("a.test");
    const fields = request.headers();
    expect(fields.entries()).toEqual([
      ["accept", bytes("*/*")],
      ["x-é", bytes("é")],
    ]);
    expect(fields.append("a", bytes("b"))).toEqual(error("immutable"));
    expect(fields.delete("accept")).toEqual(error("immutable"));
  });

  it.each(["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"])(
    "%s has a name",
    (method) => {
      expect(served(new FakeExchange({ method })).request.method()).toEqual({ tag: method.toLowerCase() });
    },
  );

  it("has one body, with one stream", () => {
    const { request } = served();
    const body = valueOf(request.consume());
    expect(request.consume()).toEqual(nothing);
    valueOf(body.stream());
    expect(body.stream()).toEqual(nothing);
  });

  it("has trailers behind its body, which need not have been read", () => {
    const { request, IncomingBody, exchange, host } = served();
    const body = valueOf(request.consume());
    exchange.body.feed("left over");
    const later = IncomingBody.finish(body);
    expect(later.get()).toBeUndefined();
    expect(later.subscribe().ready()).toBe(false);
    exchange.trailers = ["x-sum", "1"];
    exchange.body.ended = true;
    exchange.body.wakeAll();
    expect(later.subscribe().ready()).toBe(true);
    const trailers = valueOf(valueOf(later.get()!));
    expect(trailers?.entries()).toEqual([["x-sum", bytes("1")]]);
    expect(later.get()).toEqual(nothing);
    trailers?.[Symbol.dispose]();
    later[Symbol.dispose]();
    request[Symbol.dispose]();
    // The pollables that nobody dropped, and the outparam.
    expect(host.resources.open).toBe(3);
  });

  it("traps when its body is finished below its stream", () => {
    const { request, IncomingBody } = served();
    const body = valueOf(request.consume());
    const stream = valueOf(body.stream());
    expect(() => IncomingBody.finish(body)).toThrow(GuestTrap);
    stream[Symbol.dispose]();
    expect(() => IncomingBody.finish(body)).not.toThrow();
  });
});

describe("response-outparam", () => {
  it("sends head, body and trailers", () => {
    const { Fields, OutgoingResponse, OutgoingBody, ResponseOutparam, answer, exchange, host, request } =
      served();
    const response = new OutgoingResponse(valueOf(Fields.fromList([["X-A", bytes("b")]])));
    expect(response.setStatusCode(201)).toEqual(okay);
    const body = valueOf(response.body());
    const stream = valueOf(body.write());
    stream.checkWrite();
    expect(stream.write(bytes("before "))).toEqual(okay);
    expect(exchange.output.written.toString()).toBe("");
    ResponseOutparam.set(answer, { tag: "ok", val: response });
    expect(exchange.answer).toEqual({ status: 201, headers: ["x-a", "b"] });
    expect(exchange.output.written.toString()).toBe("before ");
    stream.checkWrite();
    stream.write(bytes("after"));
    stream[Symbol.dispose]();
    expect(exchange.end).toBeUndefined();
    expect(OutgoingBody.finish(body, valueOf(Fields.fromList([["x-t", bytes("1")]])))).toEqual(okay);
    expect(exchange.output.written.toString()).toBe("before after");
    expect(exchange.end).toEqual(["x-t", "1"]);
    request[Symbol.dispose]();
    expect(host.resources.open).toBe(0);
  });

  it("keeps what the client is too slow for, and ends after that", () => {
    const { Fields, OutgoingResponse, OutgoingBody, ResponseOutparam, answer, exchange } = served();
    exchange.output.room = 4;
    const response = new OutgoingResponse(new Fields());
    const body = valueOf(response.body());
    ResponseOutparam.set(answer, { tag: "ok", val: response });
    const stream = valueOf(body.write());
    stream.checkWrite();
    stream.write(bytes("0123456789"));
    expect(valueOf(stream.checkWrite())).toBe(0n);
    stream[Symbol.dispose]();
    expect(OutgoingBody.finish(body, undefined)).toEqual(okay);
    answer.returned();
    expect(exchange.end).toBeUndefined();
    exchange.output.room = 100;
    exchange.output.wakeAll();
    expect(exchange.output.written.toString()).toBe("0123456789");
    expect(exchange.end).toEqual([]);
  });

  it("gathers a bounded part of a body that has no answer yet", () => {
    const { Fields, OutgoingResponse } = served();
    const stream = valueOf(valueOf(new OutgoingResponse(new Fields()).body()).write());
    let written = 0n;
    for (let room = valueOf(stream.checkWrite()); room > 0n; room = valueOf(stream.checkWrite())) {
      stream.write(new Uint8Array(Number(room)));
      written += room;
      if (written > 2n ** 30n) break;
    }
    expect(written).toBe(BigInt(limits.streamWriteBytesMax));
    expect(stream.subscribe().ready()).toBe(false);
  });

  it.each([
    { name: "none", make: () => undefined, end: { kind: "no-response" } },
    {
      name: "an error",
      make: () => ({ tag: "err", val: { tag: "loop-detected" } }) as const,
      end: { kind: "error", code: "loop-detected" },
    },
  ])("says so when there is $name", ({ make, end }) => {
    const { ResponseOutparam, answer, exchange } = served();
    const response = make();
    if (response) ResponseOutparam.set(answer, response as never);
    answer.returned();
    expect(exchange.answer).toBeUndefined();
    expect(exchange.end).toEqual(end);
  });

  it.each([
    { name: "as it was said", length: ["3"], body: "abc", end: [] },
    { name: "said twice", length: ["3", "3"], body: "abc", end: [] },
    { name: "too short", length: ["4"], body: "abc", end: { kind: "incomplete" } },
    { name: "too long", length: ["2"], body: "abc", end: { kind: "incomplete" } },
    { name: "of which nothing came", length: ["2"], body: "", end: { kind: "incomplete" } },
  ])("passes on a body whose length is $name", ({ length, body: text, end }) => {
    const { Fields, OutgoingResponse, OutgoingBody, ResponseOutparam, answer, exchange } = served();
    const fields = new Fields();
    expect(fields.set("content-length", length.map(bytes))).toEqual(okay);
    const response = new OutgoingResponse(fields);
    const body = valueOf(response.body());
    ResponseOutparam.set(answer, { tag: "ok", val: response });
    const stream = valueOf(body.write());
    stream.checkWrite();
    stream.write(bytes(text));
    stream[Symbol.dispose]();
    OutgoingBody.finish(body, undefined);
    answer.returned();
    expect(exchange.answer?.headers).toEqual(["content-length", length[0]]);
    expect(exchange.end).toEqual(end);
    expect(exchange.output.written.byteLength).toBeLessThanOrEqual(Number(length[0]));
  });

  it.each(["1, 2", "-1", "+1", "0x3", "1e3", "", "99999999999999999999"])(
    "does not answer with the length %j",
    (length) => {
      const { Fields, OutgoingResponse, ResponseOutparam, answer, exchange } = served();
      const fields = new Fields();
      fields.set("content-length", [bytes(length)]);
      ResponseOutparam.set(answer, { tag: "ok", val: new OutgoingResponse(fields) });
      expect(exchange.answer).toBeUndefined();
      expect(exchange.end).toEqual({ kind: "error", code: "HTTP-protocol-error" });
    },
  );

  it("does not answer with lengths that differ", () => {
    const { Fields, OutgoingResponse, ResponseOutparam, answer, exchange } = served();
    const fields = new Fields();
    fields.set("content-length", [bytes("1"), bytes("2")]);
    ResponseOutparam.set(answer, { tag: "ok", val: new OutgoingResponse(fields) });
    expect(exchange.answer).toBeUndefined();
  });

  it("tells a writer what was wrong with a body that is too long", () => {
    const { Fields, OutgoingResponse, ResponseOutparam, answer, httpErrorCode } = served();
    const fields = new Fields();
    fields.set("content-length", [bytes("2")]);
    const response = new OutgoingResponse(fields);
    const body = valueOf(response.body());
    ResponseOutparam.set(answer, { tag: "ok", val: response });
    const stream = valueOf(body.write());
    stream.checkWrite();
    const written = stream.write(bytes("abc")) as {
      readonly tag: string;
      readonly val: { readonly val: IoError };
    };
    expect(written.tag).toBe("err");
    expect(httpErrorCode(written.val.val)).toEqual({ tag: "HTTP-response-body-size", val: 3n });
  });

  it.each([
    { name: "HEAD", method: "HEAD", status: 200 },
    { name: "204", method: "GET", status: 204 },
    { name: "304", method: "GET", status: 304 },
  ])("sends no body with $name", ({ method, status }) => {
    const { Fields, OutgoingResponse, OutgoingBody, ResponseOutparam, answer, exchange } = served(
      new FakeExchange({ method }),
    );
    const fields = new Fields();
    fields.set("content-length", [bytes("3")]);
    const response = new OutgoingResponse(fields);
    response.setStatusCode(status);
    const body = valueOf(response.body());
    ResponseOutparam.set(answer, { tag: "ok", val: response });
    const stream = valueOf(body.write());
    stream.checkWrite();
    expect(stream.write(bytes("abc"))).toEqual(okay);
    stream[Symbol.dispose]();
    expect(OutgoingBody.finish(body, undefined)).toEqual(okay);
    expect(exchange.output.written.byteLength).toBe(0);
    expect(exchange.end).toEqual([]);
  });

  it.each([0, 99, 100, 101, 199, 600, 999, 65_535])("status %i is refused", (status) => {
    const { Fields, OutgoingResponse } = served();
    const response = new OutgoingResponse(new Fields());
    expect(response.setStatusCode(status)).toEqual(nothing);
    expect(response.statusCode()).toBe(200);
  });

  it("breaks off what was dropped before its end", () => {
    const { Fields, OutgoingResponse, ResponseOutparam, answer, exchange } = served();
    const response = new OutgoingResponse(new Fields());
    const body = valueOf(response.body());
    ResponseOutparam.set(answer, { tag: "ok", val: response });
    body[Symbol.dispose]();
    expect(exchange.end).toEqual({ kind: "incomplete" });
  });

  it("traps when a body is finished below its stream", () => {
    const { Fields, OutgoingResponse, OutgoingBody } = served();
    const body = valueOf(new OutgoingResponse(new Fields()).body());
    valueOf(body.write());
    expect(() => OutgoingBody.finish(body, undefined)).toThrow(GuestTrap);
  });

  it("tells who writes to a client that is gone", () => {
    const { Fields, OutgoingResponse, ResponseOutparam, answer, exchange } = served();
    const response = new OutgoingResponse(new Fields());
    const body = valueOf(response.body());
    ResponseOutparam.set(answer, { tag: "ok", val: response });
    const stream = valueOf(body.write());
    exchange.output.write = () => ({ errno: 64 }) as never;
    stream.checkWrite();
    expect(stream.write(bytes("abc")).tag).toBe("err");
  });
});

describe("outgoing-request", () => {
  it.each([
    {
      name: "a method with a line end",
      set: (r: Request) => r.setMethod({ tag: "other", val: "GET / HTTP/1.1\r\nA:" }),
    },
    { name: "a path with a blank", set: (r: Request) => r.setPathWithQuery("/a b") },
    { name: "a path with a line end", set: (r: Request) => r.setPathWithQuery("/a\r\nb: c") },
    { name: "an authority with a line end", set: (r: Request) => r.setAuthority("a\r\nb") },
    { name: "an authority with a path", set: (r: Request) => r.setAuthority("a/b") },
    { name: "a scheme with a colon", set: (r: Request) => r.setScheme({ tag: "other", val: "a:b" }) },
  ])("refuses $name", ({ set }) => {
    const { Fields, OutgoingRequest } = httpOf();
    const request = new OutgoingRequest(new Fields());
    expect(set(request)).toEqual(nothing);
    expect([request.method(), request.pathWithQuery(), request.authority(), request.scheme()]).toEqual([
      { tag: "get" },
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("gives back what it held", () => {
    const { Fields, OutgoingRequest, host, context } = httpOf();
    for (let i = 0; i < 300; i++) {
      const request = new OutgoingRequest(new Fields());
      request.setPathWithQuery("/".repeat(8000));
      request.setAuthority("a".repeat(8000));
      request[Symbol.dispose]();
    }
    expect([host.resources.open, context.instance.bytes]).toEqual([0, 0]);
  });
});

type Request = InstanceType<ReturnType<typeof httpOf>["OutgoingRequest"]>;
