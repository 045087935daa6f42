import type { ExchangeFault } from "../link/exchange.ts";
import type { ClientRequest } from "./client-side.ts";
import type { OwnAnswer } from "./core/own-answer.ts";

/** Says to the client what the gateway itself has to say; `fault` has led to it. Answers the length of the body. */
export function answerOwn(request: ClientRequest, answer: OwnAnswer, fault?: ExchangeFault): number {
  if (request.explain !== undefined) {
    request.explain(answer, fault);
    return 0;
  }
  const body = Buffer.from(`${answer.text}\n`, "latin1");
  const list = ["content-type", "text/plain; charset=utf-8", "wherry-reason", answer.reason];
  if (answer.retryAfterSeconds !== undefined) list.push("retry-after", String(answer.retryAfterSeconds));
  request.respond(answer.status, list, body.length);
  const isHead = request.method === "HEAD";
  if (!isHead) request.write(body);
  request.end([]);
  return isHead ? 0 : body.length;
}
