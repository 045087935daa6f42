/** What came in: requests and responses of `wasi:http` 0.2, their bodies and trailers. */
import { HostResource, trap } from "../component-resources.ts";
import { err, ok, type Result } from "../component-values.ts";
import type { StreamFailure } from "../host.ts";
import type { HttpErrorCode } from "../http/error-code.ts";
import type { Exchange, HeaderList } from "../http/exchange.ts";
import type { Method, Scheme } from "../http/target.ts";
import { methodOf } from "../http/target.ts";
import { limits } from "../limits.ts";
import type { InputSource } from "../streams.ts";
import type { HttpContext } from "./http-context.ts";
import type { Fields } from "./http-fields.ts";
import { InputStream } from "./input-stream.ts";
import { Pollable } from "./pollable.ts";

/** As much of a message as its body takes. */
export interface IncomingMessage {
  readonly body: InputSource;
  /** Once the body has ended. */
  readonly trailers: HeaderList | undefined;
  /** Nobody reads any more. */
  discard?(): void;
}

abstract class Incoming extends HostResource {
  protected readonly context: HttpContext;
  readonly #list: HeaderList;
  readonly #message: IncomingMessage;
  #headers: Fields | undefined;
  #consumed = false;

  constructor(context: HttpContext, list: HeaderList, message: IncomingMessage) {
    super(context.host);
    this.context = context;
    this.#list = list;
    this.#message = message;
  }

  headers(): Fields {
    this.#headers ??= this.context.received(this.#list);
    return this.#headers.view();
  }

  consume(): Result<IncomingBody, undefined> {
    if (this.#consumed) return err(undefined);
    this.#consumed = true;
    return ok(new IncomingBody(this.context, this.#message));
  }

  protected override release(): void {
    this.#headers?.[Symbol.dispose]();
    if (!this.#consumed) this.#message.discard?.();
  }
}

export class IncomingRequest extends Incoming {
  readonly #exchange: Exchange;

  constructor(context: HttpContext, exchange: Exchange) {
    super(context, exchange.head.headers, exchange);
    this.#exchange = exchange;
  }

  method(): Method {
    return methodOf(this.#exchange.head.method);
  }

  pathWithQuery(): string | undefined {
    return this.#exchange.head.pathWithQuery || undefined;
  }

  scheme(): Scheme | undefined {
    return { tag: this.#exchange.head.scheme === "https" ? "HTTPS" : "HTTP" };
  }

  authority(): string | undefined {
    return this.#exchange.head.authority || undefined;
  }
}

export interface ResponseHead {
  readonly status: number;
  readonly headers: HeaderList;
}

export class IncomingResponse extends Incoming {
  readonly #status: number;

  constructor(context: HttpContext, { status, headers }: ResponseHead, message: IncomingMessage) {
    super(context, headers, message);
    this.#status = status;
  }

  status(): number {
    return this.#status;
  }
}

export class IncomingBody extends HostResource {
  readonly #context: HttpContext;
  readonly #message: IncomingMessage;
  #stream: InputStream | undefined;
  #finished = false;

  constructor(context: HttpContext, message: IncomingMessage) {
    super(context.host);
    this.#context = context;
    this.#message = message;
  }

  stream(): Result<InputStream, undefined> {
    if (this.#stream) return err(undefined);
    this.#stream = new InputStream(this.#context.host, this.#message.body);
    return ok(this.#stream);
  }

  static finish(body: IncomingBody): FutureTrailers {
    if (body.#stream?.dropped === false) trap("finish an incoming-body: its input-stream was not dropped");
    body.#finished = true;
    body[Symbol.dispose]();
    return new FutureTrailers(body.#context, body.#message);
  }

  protected override release(): void {
    if (!this.#finished) this.#message.discard?.();
  }
}

type TrailersOutcome = Result<Fields | undefined, HttpErrorCode>;

/** What is left of the body is read and thrown away first: trailers come behind it. */
export class FutureTrailers extends HostResource {
  readonly #context: HttpContext;
  readonly #message: IncomingMessage;
  #end: "end" | StreamFailure | undefined;
  #taken = false;

  constructor(context: HttpContext, message: IncomingMessage) {
    super(context.host);
    this.#context = context;
    this.#message = message;
  }

  subscribe(): Pollable {
    return new Pollable(this.#context.host, {
      kind: "event",
      onReady: (wake) => {
        if (!this.dropped && !this.#ended()) return this.#message.body.onReadable(wake);
        wake();
        return () => {};
      },
    });
  }

  get(): Result<TrailersOutcome, undefined> | undefined {
    const end = this.#ended();
    if (!end) return undefined;
    if (this.#taken) return err(undefined);
    this.#taken = true;
    if (end !== "end") return ok(err(end.http ?? { tag: "connection-terminated" }));
    const list = this.#message.trailers ?? [];
    return ok(ok(list.length === 0 ? undefined : this.#context.received(list)));
  }

  #ended(): "end" | StreamFailure | undefined {
    while (this.#end === undefined) {
      const read = this.#message.body.read(limits.streamChunkBytesMax);
      if (read === "wait") return undefined;
      if (!(read instanceof Uint8Array)) this.#end = read;
    }
    return this.#end;
  }

  protected override release(): void {
    this.#message.discard?.();
  }
}
