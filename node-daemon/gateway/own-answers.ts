import type { ClientRequest } from "./client-side.ts";
import type { OwnAnswer } from "./core/own-answer.ts";

/** Says to the client what the gateway itself has to say. Answers the length of the body. */
export function answerOwn(
  request: ClientRequest,
  answer: OwnAnswer,
  headers: readonly string[] = [],
): number {
  const body = Buffer.from(`${answer.text}\n`, "latin1");
  const list = [...headers, "content-type", "text/plain; charset=utf-8", "wherry-reason", answer.reason];
  if (answer.retryAfterSeconds !== undefined) list.push("retry-after", String(answer.retryAfterSeconds));
  request.respond(answer.status, list, body.length);
  if (request.method === "HEAD") {
    request.end([]);
    return 0;
  }
  request.write(body);
  request.end([]);
  return body.length;
}
