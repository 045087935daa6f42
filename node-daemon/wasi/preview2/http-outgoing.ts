/** What a guest sends: bodies, responses and requests of `wasi:http` 0.2. */
import { assertNever } from "../../../kit/errors.ts";
import { HostResource, trap } from "../component-resources.ts";
import { done, err, ok, type Result } from "../component-values.ts";
import { BodyPipe } from "../http/body-pipe.ts";
import { contentLength } from "../http/content-length.ts";
import type { HttpErrorCode } from "../http/error-code.ts";
import type { HeaderList } from "../http/exchange.ts";
import { isAuthority, type Method, readMethod, readPath, readScheme, type Scheme } from "../http/target.ts";
import type { HttpContext } from "./http-context.ts";
import type { Fields } from "./http-fields.ts";
import { OutputStream } from "./output-stream.ts";

type Accepted = Result<undefined, undefined>;
const refused = err(undefined);

export class OutgoingBody extends HostResource {
  readonly #context: HttpContext;
  readonly #pipe: BodyPipe;
  #stream: OutputStream | undefined;
  /** What the stream had accepted is in the pipe. */
  #written = true;
  #trailers: HeaderList | undefined;

  constructor(context: HttpContext, pipe: BodyPipe) {
    super(context.host);
    this.#context = context;
    this.#pipe = pipe;
  }

  write(): Result<OutputStream, undefined> {
    if (this.#stream) return refused;
    this.#written = false;
    this.#stream = new OutputStream(this.#context.host, this.#pipe, () => {
      this.#written = true;
      if (this.#trailers) this.#pipe.finish(this.#trailers);
    });
    return ok(this.#stream);
  }

  static finish(body: OutgoingBody, trailers: Fields | undefined): Result<undefined, HttpErrorCode> {
    if (body.#stream?.dropped === false) trap("finish an outgoing-body: its output-stream was not dropped");
    const list = trailers?.list() ?? [];
    trailers?.[Symbol.dispose]();
    body.#trailers = list;
    body.#pipe.announceEnd();
    body[Symbol.dispose]();
    const failed = body.#written ? body.#pipe.finish(list) : undefined;
    return failed ? err(failed) : done;
  }

  /** Whoever drops it without finishing it has not sent all of it. */
  protected override release(): void {
    if (!this.#trailers) this.#pipe.abort();
  }
}

abstract class Outgoing extends HostResource {
  protected readonly context: HttpContext;
  readonly #headers: Fields;
  readonly #pipe: BodyPipe;
  #bodyTaken = false;

  constructor(
    context: HttpContext,
    headers: Fields,
    sizeTag: "HTTP-request-body-size" | "HTTP-response-body-size",
  ) {
    super(context.host);
    this.context = context;
    headers.freeze();
    this.#headers = headers;
    this.#pipe = new BodyPipe(contentLength(headers), sizeTag);
  }

  headers(): Fields {
    return this.#headers.view();
  }

  body(): Result<OutgoingBody, undefined> {
    if (this.#bodyTaken) return refused;
    this.#bodyTaken = true;
    return ok(new OutgoingBody(this.context, this.#pipe));
  }

  /** The message is given up for what it is made of. `undefined` where its headers contradict themselves. */
  protected give(): Outgoings | undefined {
    this[Symbol.dispose]();
    const pipe = this.#pipe;
    const list = this.#headers.list();
    if (!this.#bodyTaken) pipe.finish([]);
    const hasBody = this.#bodyTaken;
    const length = contentLength(this.#headers);
    switch (length.kind) {
      case "malformed":
        return undefined;
      case "exactly":
        return { list: withLengthOnce(list), pipe, hasBody };
      case "any":
        return { list, pipe, hasBody };
      default:
        return assertNever(length, "length");
    }
  }

  protected override release(): void {
    this.#headers[Symbol.dispose]();
  }
}

/** It may be there several times, which some take for several messages. */
function withLengthOnce(list: HeaderList): HeaderList {
  const first = list.indexOf("content-length");
  return list.filter((_, at) => {
    const name = at - (at % 2);
    return name === first || list[name] !== "content-length";
  });
}

/** What a message is made of. */
export interface Outgoings {
  readonly list: HeaderList;
  readonly pipe: BodyPipe;
  /** The guest asked for the body. */
  readonly hasBody: boolean;
}

/** Answers that have no body, whatever their headers say (RFC 9110, 6.4.1). */
const bodylessStatus: ReadonlySet<number> = new Set([204, 304]);

export class OutgoingResponse extends Outgoing {
  #status = 200;

  constructor(context: HttpContext, headers: Fields) {
    super(context, headers, "HTTP-response-body-size");
  }

  statusCode(): number {
    return this.#status;
  }

  /** One below 200 would be no answer: another had to follow. */
  setStatusCode(code: number): Accepted {
    if (code < 200 || code > 599) return refused;
    this.#status = code;
    return done;
  }

  /** Not for guests. */
  static give(
    response: OutgoingResponse,
  ): (Outgoings & { readonly status: number; readonly bodyless: boolean }) | undefined {
    const parts = response.give();
    const status = response.#status;
    return parts && { ...parts, status, bodyless: bodylessStatus.has(status) };
  }
}

export class OutgoingRequest extends Outgoing {
  #method: Method = { tag: "get" };
  #path: string | undefined;
  #scheme: Scheme | undefined;
  #authority: string | undefined;
  #textBytes = 0;

  constructor(context: HttpContext, headers: Fields) {
    super(context, headers, "HTTP-request-body-size");
  }

  method(): Method {
    return this.#method;
  }

  setMethod(method: Method): Accepted {
    const read = readMethod(method);
    if (!read || !this.#recharge(textOf(this.#method), textOf(read))) return refused;
    this.#method = read;
    return done;
  }

  pathWithQuery(): string | undefined {
    return this.#path;
  }

  setPathWithQuery(path: string | undefined): Accepted {
    const read = path === undefined ? undefined : readPath(path);
    if (path !== undefined && read === undefined) return refused;
    if (!this.#recharge(this.#path, read)) return refused;
    this.#path = read;
    return done;
  }

  scheme(): Scheme | undefined {
    return this.#scheme;
  }

  setScheme(scheme: Scheme | undefined): Accepted {
    const read = scheme && readScheme(scheme);
    if (scheme && !read) return refused;
    if (!this.#recharge(textOf(this.#scheme), textOf(read))) return refused;
    this.#scheme = read;
    return done;
  }

  authority(): string | undefined {
    return this.#authority;
  }

  setAuthority(authority: string | undefined): Accepted {
    if (authority !== undefined && !isAuthority(authority)) return refused;
    if (!this.#recharge(this.#authority, authority)) return refused;
    this.#authority = authority;
    return done;
  }

  /** Not for guests. */
  static give(request: OutgoingRequest): (Outgoings & RequestLine) | undefined {
    const parts = request.give();
    return (
      parts && {
        ...parts,
        method: request.#method,
        path: request.#path,
        scheme: request.#scheme,
        authority: request.#authority,
      }
    );
  }

  /** What it holds as text is charged to the instance. */
  #recharge(before = "", after = ""): boolean {
    const { instance } = this.context;
    const more = after.length - before.length;
    if (more > 0 && !instance.charge(more)) return false;
    if (more < 0) instance.giveBack(-more);
    this.#textBytes += more;
    return true;
  }

  protected override release(): void {
    super.release();
    this.context.instance.giveBack(this.#textBytes);
  }
}

export interface RequestLine {
  readonly method: Method;
  readonly path: string | undefined;
  readonly scheme: Scheme | undefined;
  readonly authority: string | undefined;
}

function textOf(choice: Method | Scheme | undefined): string {
  return choice?.tag === "other" ? choice.val : "";
}
