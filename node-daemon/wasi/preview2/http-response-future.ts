import { HostResource } from "../component-resources.ts";
import { err, ok, type Result } from "../component-values.ts";
import { ClientCall, type Timeouts } from "../http/client-call.ts";
import type { HttpErrorCode } from "../http/error-code.ts";
import { methodText } from "../http/target.ts";
import type { HttpContext } from "./http-context.ts";
import { IncomingResponse } from "./http-incoming.ts";
import type { Outgoings, RequestLine } from "./http-outgoing.ts";
import { Pollable } from "./pollable.ts";

type Outcome = Result<IncomingResponse, HttpErrorCode>;

/** `wasi:http/types.future-incoming-response`. Who drops it before the answer came gives the request up. */
export class FutureIncomingResponse extends HostResource {
  readonly #context: HttpContext;
  readonly #call: ClientCall;
  #taken = false;

  private constructor(context: HttpContext, call: ClientCall) {
    super(context.host);
    this.#context = context;
    this.#call = call;
  }

  /** Not for guests. */
  static send(
    context: HttpContext,
    request: Outgoings & RequestLine,
    timeouts: Timeouts,
  ): Result<FutureIncomingResponse, HttpErrorCode> {
    const { scheme = { tag: "HTTPS" }, authority, path = "/", method } = request;
    const refuse = (code: HttpErrorCode) => {
      request.pipe.abort();
      return err(code);
    };
    if (scheme.tag === "other") return refuse({ tag: "HTTP-protocol-error" });
    if (authority === undefined) return refuse({ tag: "HTTP-request-URI-invalid" });
    // A tunnel is no request.
    if (method.tag === "connect") return refuse({ tag: "HTTP-request-method-invalid" });
    const line = { method: methodText(method), secure: scheme.tag === "HTTPS", authority, path };
    const call = new ClientCall(context.client, { ...request, ...line }, timeouts);
    return ok(new FutureIncomingResponse(context, call));
  }

  subscribe(): Pollable {
    return new Pollable(this.#context.host, {
      kind: "event",
      onReady: (wake) => this.#call.onOutcome(this.dropped, wake),
    });
  }

  get(): Result<Outcome, undefined> | undefined {
    const { outcome } = this.#call;
    if (!outcome) return undefined;
    if (this.#taken) return err(undefined);
    this.#taken = true;
    if (outcome.kind === "failed") return ok(err(outcome.code));
    return ok(ok(new IncomingResponse(this.#context, outcome.response, outcome.response)));
  }

  protected override release(): void {
    if (!this.#taken) this.#call.close();
  }
}
