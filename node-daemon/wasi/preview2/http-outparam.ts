import { HostResource } from "../component-resources.ts";
import { err, type Result } from "../component-values.ts";
import type { HttpErrorCode } from "../http/error-code.ts";
import type { BodyPipe } from "../http/body-pipe.ts";
import type { Exchange } from "../http/exchange.ts";
import type { HttpContext } from "./http-context.ts";
import type { Fields } from "./http-fields.ts";
import { OutgoingResponse } from "./http-outgoing.ts";

/** `wasi:http/types.response-outparam`: where a guest answers a request, once. */
export class ResponseOutparam extends HostResource {
  readonly #exchange: Exchange;
  #answered = false;
  #pipe: BodyPipe | undefined;

  constructor(context: HttpContext, exchange: Exchange) {
    super(context.host);
    this.#exchange = exchange;
  }

  /** It is there in the newest text, marked as unstable. */
  sendInformational(_status: number, headers: Fields): Result<undefined, HttpErrorCode> {
    headers[Symbol.dispose]();
    return err({ tag: "internal-error", val: "informational responses are not sent" });
  }

  static set(param: ResponseOutparam, response: Result<OutgoingResponse, HttpErrorCode>): void {
    param.#answered = true;
    param[Symbol.dispose]();
    const exchange = param.#exchange;
    if (response.tag === "err") return exchange.abort({ kind: "error", code: response.val.tag });
    const parts = OutgoingResponse.give(response.val);
    if (!parts) return exchange.abort({ kind: "error", code: "HTTP-protocol-error" });
    param.#pipe = parts.pipe;
    exchange.respond(parts.status, parts.list);
    parts.pipe.attach({
      output: exchange.output,
      bodyless: parts.bodyless || exchange.head.method === "HEAD",
      finish: (trailers) => exchange.finish(trailers),
      abort: () => exchange.abort({ kind: "incomplete" }),
    });
  }

  /** Not for guests. The handler has returned: what it has not said or finished by now, nobody will. */
  returned(): void {
    this[Symbol.dispose]();
    this.#pipe?.returned();
  }

  protected override release(): void {
    if (!this.#answered) this.#exchange.abort({ kind: "no-response" });
  }
}
