import { describe, expect, it } from "vitest";

import { FakeComponentHost } from "../component-test-support.ts";
import { GuestTrap } from "../component-resources.ts";
import { limits } from "../limits.ts";
import type { BodyStream, Trailers, Transmitted } from "./http-body.ts";
import { FieldsBase, HttpInstance } from "../http/fields.ts";
import type { RequestBase, RequestOptionsBase, ResponseBase } from "./http-messages.ts";
import { httpInterfaces } from "./http.ts";
import type { GuestStream } from "./streams.ts";

type New<T> = [T, Promise<Transmitted>];
type Consumed = [BodyStream, PromiseLike<Trailers>];

interface Types {
  readonly Fields: (new () => FieldsBase) & {
    fromList(entries: readonly [string, Uint8Array][]): { readonly tag: string; readonly val: unknown };
  };
  readonly RequestOptions: new () => RequestOptionsBase;
  readonly Request: {
    readonly new: (
      headers: FieldsBase,
      contents?: GuestStream,
      trailers?: PromiseLike<Trailers>,
      options?: RequestOptionsBase,
    ) => New<RequestBase>;
    consumeBody(request: RequestBase, result: PromiseLike<Transmitted>): Consumed;
  };
  readonly Response: {
    readonly new: (
      headers: FieldsBase,
      contents?: GuestStream,
      trailers?: PromiseLike<Trailers>,
    ) => New<ResponseBase>;
    consumeBody(response: ResponseBase, result: PromiseLike<Transmitted>): Consumed;
  };
}

const okay = { tag: "ok", val: undefined } as const;
const error = (tag: string) => ({ tag: "err", val: { tag } });
const bytes = (text: string): Uint8Array => Buffer.from(text, "latin1");
const noTrailers = (): Promise<Trailers> => Promise.resolve(okay);

function setUp() {
  const host = new FakeComponentHost();
  const types = httpInterfaces[0]!.make(host) as unknown as Types;
  return { host, ...types };
}

function request(options?: RequestOptionsBase) {
  const types = setUp();
  const [made, transmitted] = types.Request.new(new types.Fields(), undefined, noTrailers(), options);
  return { ...types, request: made, transmitted };
}

/** A body of these chunks. */
function contents(...chunks: readonly (readonly number[])[]) {
  const left = [...chunks];
  const stream = {
    disposed: 0,
    read() {
      const value = left.shift();
      return Promise.resolve({ value, done: value === undefined });
    },
    [Symbol.dispose]() {
      stream.disposed++;
    },
  };
  return stream;
}

async function readAll(stream: BodyStream): Promise<number[]> {
  const read: number[] = [];
  for await (const chunk of stream) read.push(...chunk);
  return read;
}

describe("fields", () => {
  it("keep values by name, without case, in the first writing", () => {
    const fields = new (setUp().Fields)();
    fields.append("Foo", bytes("a"));
    fields.append("FOO", bytes("b"));
    fields.append("bar", bytes("c"));
    expect(fields.get("foo")).toEqual([bytes("a"), bytes("b")].map((value) => new Uint8Array(value)));
    expect(fields.copyAll().map(([name]) => name)).toEqual(["Foo", "Foo", "bar"]);
    expect(fields.has("fOO")).toBe(true);
    expect(fields.getAndDelete("foo")).toMatchObject({ tag: "ok", val: { length: 2 } });
    expect(fields.get("foo")).toEqual([]);
    fields.set("bar", [bytes("d"), bytes("e")]);
    expect(fields.get("bar")).toHaveLength(2);
    fields.set("bar", []);
    expect(fields.has("bar")).toBe(false);
  });

  it.each(["", " ", "a b", "a:", "voilà", "a\n", "\0", "[a]", "a\u212A"])("%j is no name", (name) => {
    const fields = new (setUp().Fields)();
    fields.set("ak", [bytes("x")]);
    expect(fields.append(name, bytes("x"))).toEqual(error("invalid-syntax"));
    expect(fields.set(name, [bytes("x")])).toEqual(error("invalid-syntax"));
    expect(fields.delete(name)).toEqual(error("invalid-syntax"));
    expect(fields.getAndDelete(name)).toEqual(error("invalid-syntax"));
    expect(fields.has(name)).toBe(false);
    expect(fields.get(name)).toEqual([]);
  });

  it("take no control character in a value", () => {
    const fields = new (setUp().Fields)();
    for (let byte = 0; byte < 256; byte++) {
      const isValid = byte === 9 || (byte >= 32 && byte !== 127);
      expect(fields.set("a", [Uint8Array.of(65, byte)]).tag, String(byte)).toBe(isValid ? "ok" : "err");
    }
  });

  it.each(["host", "Connection", "TRANSFER-ENCODING", "keep-alive", "http2-settings"])(
    "refuse %s, which is the connection's",
    (name) => {
      const { Fields } = setUp();
      const fields = new Fields();
      expect(fields.append(name, bytes("x"))).toEqual(error("forbidden"));
      expect(fields.set(name, [bytes("x")])).toEqual(error("forbidden"));
      expect(Fields.fromList([[name, bytes("x")]])).toEqual(error("forbidden"));
    },
  );

  it("are copied by clone, and from what the guest passed", () => {
    const fields = new (setUp().Fields)();
    const value = bytes("a");
    fields.set("a", [value]);
    value[0] = 0;
    const clone = fields.clone();
    clone.append("a", bytes("b"));
    expect(fields.get("a")).toEqual([Uint8Array.of(97)]);
    expect(clone.get("a")).toHaveLength(2);
  });

  it("are bounded each, and all of an instance together", () => {
    const { Fields, host } = setUp();
    const fields = new Fields();
    const large = new Uint8Array(limits.httpFieldsBytesMax - 1000).fill(65);
    expect(fields.set("a", [large])).toEqual(okay);
    expect(fields.append("b", large)).toEqual(error("size-exceeded"));
    expect(fields.set("a", [large, large])).toEqual(error("size-exceeded"));
    expect(fields.get("a")).toHaveLength(1);
    const clones: FieldsBase[] = [];
    expect(() => {
      for (;;) clones.push(fields.clone());
    }).toThrow(GuestTrap);
    expect(clones.length).toBeLessThan(limits.httpBytesMax / large.byteLength);
    expect(host.resources.open).toBe(clones.length + 1);
    clones.pop()?.[Symbol.dispose]();
    expect(() => fields.clone()).not.toThrow();
  });

  it("are charged until the last view is dropped", () => {
    const instance = new HttpInstance(new FakeComponentHost());
    class Fields extends FieldsBase {
      constructor() {
        super(instance);
      }
    }
    const fields = new Fields();
    fields.set("a", [new Uint8Array(1000).fill(65)]);
    const held = instance.bytes;
    expect(held).toBeGreaterThan(1000);
    fields.freeze();
    const view = fields.view();
    fields[Symbol.dispose]();
    expect(instance.bytes).toBe(held);
    view[Symbol.dispose]();
    expect(instance.bytes).toBe(0);
  });
});

describe("request", () => {
  it("begins as GET of nothing", () => {
    const { request: made } = request();
    expect(made.getMethod()).toEqual({ tag: "get" });
    expect([made.getPathWithQuery(), made.getScheme(), made.getAuthority(), made.getOptions()]).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  it.each([
    { method: { tag: "post" }, read: { tag: "post" } },
    { method: { tag: "other", val: "PATCH" }, read: { tag: "patch" } },
    { method: { tag: "other", val: "get" }, read: { tag: "other", val: "get" } },
    { method: { tag: "other", val: "PROPFIND" }, read: { tag: "other", val: "PROPFIND" } },
    { method: { tag: "other", val: "" }, read: undefined },
    { method: { tag: "other", val: "A B" }, read: undefined },
    { method: { tag: "other", val: "A\r\n" }, read: undefined },
    { method: { tag: "other", val: "A".repeat(10_000) }, read: undefined },
  ] as const)("method $method", ({ method, read }) => {
    const { request: made } = request();
    expect(made.setMethod(method).tag).toBe(read ? "ok" : "err");
    expect(made.getMethod()).toEqual(read ?? { tag: "get" });
  });

  it.each([
    { scheme: { tag: "HTTPS" }, read: { tag: "HTTPS" } },
    { scheme: { tag: "other", val: "Http" }, read: { tag: "HTTP" } },
    { scheme: { tag: "other", val: "git+ssh" }, read: { tag: "other", val: "git+ssh" } },
    { scheme: { tag: "other", val: "1a" }, read: undefined },
    { scheme: { tag: "other", val: "a:" }, read: undefined },
    { scheme: { tag: "other", val: "" }, read: undefined },
  ] as const)("scheme $scheme", ({ scheme, read }) => {
    const { request: made } = request();
    expect(made.setScheme(scheme).tag).toBe(read ? "ok" : "err");
    expect(made.getScheme()).toEqual(read);
    made.setScheme(undefined);
    expect(made.getScheme()).toBeUndefined();
  });

  it.each([
    { path: "", read: "/" },
    { path: "/a/../b?c=d&e=%20", read: "/a/../b?c=d&e=%20" },
    { path: "?a", read: "?a" },
    { path: "/ü", read: "/ü" },
    { path: "/a b", read: undefined },
    { path: "/a\r\nHost: x", read: undefined },
    { path: "/a#b", read: undefined },
    { path: "/\u007f", read: undefined },
    { path: `/${"a".repeat(10_000)}`, read: undefined },
  ])("path $path", ({ path, read }) => {
    const { request: made } = request();
    expect(made.setPathWithQuery(path).tag).toBe(read === undefined ? "err" : "ok");
    expect(made.getPathWithQuery()).toBe(read);
  });

  it.each([
    { authority: "example.com", valid: true },
    { authority: "example.com:65535", valid: true },
    { authority: "user:pass%20@1.2.3.4:80", valid: true },
    { authority: "[2001:db8::1]:80", valid: true },
    { authority: "[::1", valid: false },
    { authority: "[x]", valid: false },
    { authority: "[", valid: false },
    { authority: "::", valid: false },
    { authority: ":@", valid: false },
    { authority: "@:", valid: false },
    { authority: "@@", valid: false },
    { authority: "", valid: false },
    { authority: "a b", valid: false },
    { authority: "a/b", valid: false },
    { authority: "a%2", valid: false },
    { authority: "localhost:what", valid: false },
    { authority: "localhost:65536", valid: false },
    { authority: "localhost\r\n", valid: false },
  ])("authority $authority", ({ authority, valid }) => {
    const { request: made } = request();
    expect(made.setAuthority(authority).tag).toBe(valid ? "ok" : "err");
    expect(made.getAuthority()).toBe(valid ? authority : undefined);
  });

  it("has immutable headers, which stay when it is gone", () => {
    const { Fields, Request, host } = setUp();
    const headers = new Fields();
    headers.set("a", [bytes("b")]);
    const [made] = Request.new(headers, undefined, noTrailers());
    const view = made.getHeaders();
    expect(view).toBeInstanceOf(Fields);
    expect(view).not.toBe(made.getHeaders());
    for (const changed of [view.append("c", bytes("d")), view.set("a", []), view.delete("a")]) {
      expect(changed).toEqual(error("immutable"));
    }
    expect(view.getAndDelete("a")).toEqual(error("immutable"));
    made[Symbol.dispose]();
    expect(view.get("a")).toHaveLength(1);
    const clone = view.clone();
    expect(clone.append("c", bytes("d"))).toEqual(okay);
    expect(host.resources.open).toBeGreaterThan(0);
  });

  it("has immutable options", () => {
    const { RequestOptions } = setUp();
    const options = new RequestOptions();
    expect(options.setConnectTimeout(1n)).toEqual(okay);
    expect(options.setFirstByteTimeout(2n)).toEqual(okay);
    expect(options.setBetweenBytesTimeout(3n)).toEqual(okay);
    const clone = options.clone();
    clone.setConnectTimeout(undefined);
    const { request: made } = request(options);
    const got = made.getOptions()!;
    expect([got.getConnectTimeout(), got.getFirstByteTimeout(), got.getBetweenBytesTimeout()]).toEqual([
      1n,
      2n,
      3n,
    ]);
    expect(clone.getConnectTimeout()).toBeUndefined();
    expect(got.setConnectTimeout(1n)).toEqual(error("immutable"));
    expect(got.setFirstByteTimeout(1n)).toEqual(error("immutable"));
    expect(got.setBetweenBytesTimeout(1n)).toEqual(error("immutable"));
  });

  it("gives back all that it held", () => {
    const { Fields, Request, RequestOptions, host } = setUp();
    const text = "/".repeat(8000);
    for (let turn = 0; turn < 200; turn++) {
      const headers = new Fields();
      headers.set("a", [new Uint8Array(8000).fill(65)]);
      const [made] = Request.new(headers, undefined, noTrailers(), new RequestOptions());
      expect(made.setPathWithQuery(text)).toEqual(okay);
      expect(made.setAuthority("a".repeat(8000))).toEqual(okay);
      expect(made.setAuthority("b")).toEqual(okay);
      made.getHeaders()[Symbol.dispose]();
      made[Symbol.dispose]();
    }
    expect(host.resources.open).toBe(0);
  });

  it("refuses texts when the instance holds too many", () => {
    const { Fields, Request } = setUp();
    const answers: string[] = [];
    for (let turn = 0; turn < limits.httpBytesMax / 8000 + 1; turn++) {
      const [made] = Request.new(new Fields(), undefined, noTrailers());
      answers.push(made.setPathWithQuery("/".repeat(8000)).tag);
    }
    expect(answers[0]).toBe("ok");
    expect(answers.at(-1)).toBe("err");
  });
});

describe("response", () => {
  it.each([
    { code: 100, valid: true },
    { code: 599, valid: true },
    { code: 99, valid: false },
    { code: 600, valid: false },
    { code: 0, valid: false },
    { code: 65_535, valid: false },
  ])("status $code", ({ code, valid }) => {
    const { Fields, Response } = setUp();
    const [made] = Response.new(new Fields(), undefined, noTrailers());
    expect(made.setStatusCode(code).tag).toBe(valid ? "ok" : "err");
    expect(made.getStatusCode()).toBe(valid ? code : 200);
  });
});

describe("bodies", () => {
  it("come back with their trailers, and the reader says how it went", async () => {
    const { Fields, Response, host } = setUp();
    const trailers = new Fields();
    const answer: Trailers = { tag: "ok", val: trailers };
    const [made, transmitted] = Response.new(new Fields(), contents([1, 2], [3]), Promise.resolve(answer));
    const [stream, later] = Response.consumeBody(made, Promise.resolve(okay));
    expect(await readAll(stream)).toEqual([1, 2, 3]);
    expect(await later).toBe(answer);
    expect(await transmitted).toEqual(okay);
    trailers[Symbol.dispose]();
    expect(host.resources.open).toBe(0);
  });

  it("are empty where there is none", async () => {
    const { request: made, Request } = request();
    const [stream] = Request.consumeBody(made, Promise.resolve(okay));
    expect(await readAll(stream)).toEqual([]);
  });

  it.each([
    { name: "shorter", length: "4", chunks: [[1, 2], [3]], read: [1, 2, 3], val: 3n },
    { name: "longer", length: "2", chunks: [[1, 2], [3]], read: [1, 2], val: 3n },
    { name: "of no length", length: "x", chunks: [[1]], read: [], val: undefined },
  ])("$name than their content-length fail", async ({ length, chunks, read, val }) => {
    const { Fields, Request, Response } = setUp();
    for (const [type, tag] of [
      [Request, "HTTP-request-body-size"],
      [Response, "HTTP-response-body-size"],
    ] as const) {
      const headers = new Fields();
      headers.set("Content-Length", [bytes(length)]);
      const body = contents(...chunks);
      const [made, transmitted] = type.new(headers, body, noTrailers());
      const [stream] = type.consumeBody(made as never, new Promise(() => {}));
      expect(await readAll(stream)).toEqual(read);
      expect(await transmitted).toEqual({ tag: "err", val: { tag, val } });
      expect(body.disposed).toBe(1);
    }
  });

  it.each([
    { name: "once", lengths: ["3"] },
    { name: "twice the same", lengths: ["3", "3"] },
  ])("of their content-length, $name, are whole", async ({ lengths }) => {
    const { Fields, Request } = setUp();
    const headers = new Fields();
    headers.set("content-length", lengths.map(bytes));
    const [made, transmitted] = Request.new(headers, contents([1, 2], [3]), noTrailers());
    const [stream] = Request.consumeBody(made, Promise.resolve(okay));
    expect(await readAll(stream)).toEqual([1, 2, 3]);
    expect(await transmitted).toEqual(okay);
  });

  it("are dropped with a message that nobody consumed", async () => {
    const { Fields, Request, host } = setUp();
    const body = contents([1]);
    const trailers = new Fields();
    const answer: Trailers = { tag: "ok", val: trailers };
    const [made, transmitted] = Request.new(new Fields(), body, Promise.resolve(answer));
    made[Symbol.dispose]();
    expect(await transmitted).toEqual(okay);
    expect(body.disposed).toBe(1);
    expect(host.resources.open).toBe(0);
  });

  it("fail when the reader's word never comes", async () => {
    const { request: made, Request, transmitted } = request();
    Request.consumeBody(made, Promise.reject(new Error("dropped")));
    expect(await transmitted).toMatchObject({ tag: "err", val: { tag: "internal-error" } });
  });

  it("that are dropped half read say nothing of their length", async () => {
    const { Fields, Request } = setUp();
    const headers = new Fields();
    headers.set("content-length", [bytes("3")]);
    const body = contents([1], [2], [3]);
    const [made, transmitted] = Request.new(headers, body, noTrailers());
    const [stream] = Request.consumeBody(made, Promise.resolve(okay));
    await stream.next();
    await stream.return();
    expect(await stream.next()).toEqual({ done: true, value: undefined });
    expect(await transmitted).toEqual(okay);
    expect(body.disposed).toBe(1);
  });
});
