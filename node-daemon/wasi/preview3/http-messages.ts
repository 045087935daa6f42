/**
 * Requests and responses of `wasi:http` 0.3 that a guest makes and takes apart itself, without any network. Whoever sends
 * them takes `takeBody` and settles the future that the guest got with the message.
 */
import { HostResource } from "../component-resources.ts";
import { done, err, type Result } from "../component-values.ts";
import {
  discardBody,
  transmit,
  type Body,
  type BodyStream,
  type Trailers,
  type Transmitted,
} from "./http-body.ts";
import { contentLength } from "../http/content-length.ts";
import type { FieldsBase, HttpInstance } from "../http/fields.ts";
import { isAuthority, readMethod, readPath, readScheme, type Method, type Scheme } from "../http/target.ts";
import type { GuestStream } from "./streams.ts";

type Accepted = Result<undefined, undefined>;
const refused = err(undefined);

abstract class Message extends HostResource {
  protected readonly instance: HttpInstance;
  /** Of what `new` answered: how sending the message went. */
  readonly transmitted: Promise<Transmitted>;
  readonly #settle: (result: Transmitted) => void;
  readonly #headers: FieldsBase;
  #body: Body | undefined;

  constructor(
    instance: HttpInstance,
    headers: FieldsBase,
    contents: GuestStream | undefined,
    trailers: PromiseLike<Trailers>,
  ) {
    super(instance.host);
    this.instance = instance;
    headers.freeze();
    this.#headers = headers;
    this.#body = { contents, trailers, length: contentLength(headers) };
    const { promise, resolve } = Promise.withResolvers<Transmitted>();
    this.transmitted = promise;
    this.#settle = resolve;
  }

  getHeaders(): FieldsBase {
    return this.#headers.view();
  }

  /** The message is given up for its body. */
  protected consume(
    wrongSize: "HTTP-request-body-size" | "HTTP-response-body-size",
    result: PromiseLike<Transmitted>,
  ): [BodyStream, PromiseLike<Trailers>] {
    const body = this.#body ?? {
      contents: undefined,
      trailers: Promise.resolve(done),
      length: { kind: "any" },
    };
    this.#body = undefined;
    this[Symbol.dispose]();
    return [transmit(this.instance.host, body, wrongSize, result, this.#settle), body.trailers];
  }

  protected override release(): void {
    this.#headers[Symbol.dispose]();
    if (!this.#body) return;
    discardBody(this.#body);
    this.#body = undefined;
    this.#settle(done);
  }
}

export class RequestBase extends Message {
  readonly #options: RequestOptionsBase | undefined;
  #method: Method = { tag: "get" };
  #path: string | undefined;
  #scheme: Scheme | undefined;
  #authority: string | undefined;
  #textBytes = 0;

  constructor(
    instance: HttpInstance,
    headers: FieldsBase,
    contents: GuestStream | undefined,
    trailers: PromiseLike<Trailers>,
    options: RequestOptionsBase | undefined,
  ) {
    super(instance, headers, contents, trailers);
    options?.freeze();
    this.#options = options;
  }

  getMethod(): Method {
    return this.#method;
  }

  setMethod(method: Method): Accepted {
    const read = readMethod(method);
    if (!read || !this.#recharge(textOf(this.#method), textOf(read))) return refused;
    this.#method = read;
    return done;
  }

  getPathWithQuery(): string | undefined {
    return this.#path;
  }

  setPathWithQuery(path: string | undefined): Accepted {
    const read = path === undefined ? undefined : readPath(path);
    if (path !== undefined && read === undefined) return refused;
    if (!this.#recharge(this.#path, read)) return refused;
    this.#path = read;
    return done;
  }

  getScheme(): Scheme | undefined {
    return this.#scheme;
  }

  setScheme(scheme: Scheme | undefined): Accepted {
    const read = scheme && readScheme(scheme);
    if (scheme && !read) return refused;
    if (!this.#recharge(textOf(this.#scheme), textOf(read))) return refused;
    this.#scheme = read;
    return done;
  }

  getAuthority(): string | undefined {
    return this.#authority;
  }

  setAuthority(authority: string | undefined): Accepted {
    if (authority !== undefined && !isAuthority(authority)) return refused;
    if (!this.#recharge(this.#authority, authority)) return refused;
    this.#authority = authority;
    return done;
  }

  getOptions(): RequestOptionsBase | undefined {
    return this.#options?.view();
  }

  consumeBody(result: PromiseLike<Transmitted>): [BodyStream, PromiseLike<Trailers>] {
    return this.consume("HTTP-request-body-size", result);
  }

  /** What it holds as text is charged to the instance. */
  #recharge(before = "", after = ""): boolean {
    const more = after.length - before.length;
    if (more > 0 && !this.instance.charge(more)) return false;
    if (more < 0) this.instance.giveBack(-more);
    this.#textBytes += more;
    return true;
  }

  protected override release(): void {
    super.release();
    this.instance.giveBack(this.#textBytes);
    this.#options?.[Symbol.dispose]();
  }
}

function textOf(choice: Method | Scheme | undefined): string {
  return choice?.tag === "other" ? choice.val : "";
}

export class ResponseBase extends Message {
  #statusCode = 200;

  getStatusCode(): number {
    return this.#statusCode;
  }

  setStatusCode(code: number): Accepted {
    if (code < 100 || code > 599) return refused;
    this.#statusCode = code;
    return done;
  }

  consumeBody(result: PromiseLike<Transmitted>): [BodyStream, PromiseLike<Trailers>] {
    return this.consume("HTTP-response-body-size", result);
  }
}

type OptionsChanged = Result<undefined, { readonly tag: "immutable" }>;

/** Timeouts in nanoseconds, for who sends the request. */
export class RequestOptionsBase extends HostResource {
  #connectTimeout: bigint | undefined;
  #firstByteTimeout: bigint | undefined;
  #betweenBytesTimeout: bigint | undefined;
  #immutable = false;

  constructor(instance: HttpInstance) {
    super(instance.host);
  }

  getConnectTimeout(): bigint | undefined {
    return this.#connectTimeout;
  }

  setConnectTimeout(ns: bigint | undefined): OptionsChanged {
    return this.#change(() => (this.#connectTimeout = ns));
  }

  getFirstByteTimeout(): bigint | undefined {
    return this.#firstByteTimeout;
  }

  setFirstByteTimeout(ns: bigint | undefined): OptionsChanged {
    return this.#change(() => (this.#firstByteTimeout = ns));
  }

  getBetweenBytesTimeout(): bigint | undefined {
    return this.#betweenBytesTimeout;
  }

  setBetweenBytesTimeout(ns: bigint | undefined): OptionsChanged {
    return this.#change(() => (this.#betweenBytesTimeout = ns));
  }

  clone(): this {
    const copy = new (this.constructor as new () => this)();
    copy.#connectTimeout = this.#connectTimeout;
    copy.#firstByteTimeout = this.#firstByteTimeout;
    copy.#betweenBytesTimeout = this.#betweenBytesTimeout;
    return copy;
  }

  freeze(): void {
    this.#immutable = true;
  }

  view(): this {
    const copy = this.clone();
    copy.freeze();
    return copy;
  }

  #change(set: () => void): OptionsChanged {
    if (this.#immutable) return err({ tag: "immutable" });
    set();
    return done;
  }
}
