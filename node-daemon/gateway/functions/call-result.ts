/** What became of a call, as its caller is told. */
import type { CallResponse } from "../../../proto/functions/messages.ts";
import type { ExchangeFault } from "../../link/exchange.ts";
import type { CallOutcome } from "../function-call.ts";

export function responseOf(id: number, outcome: CallOutcome): CallResponse {
  if (outcome.kind === "refused") return refusalOf(id, outcome.answer, outcome.fault);
  const { status, headers, output, usage } = outcome;
  if (status === 200) return { id, result: { kind: "output", output }, usage };
  const at = headers.findIndex((text, index) => index % 2 === 0 && text === "wherry-function-code");
  const message = output.toString("utf8");
  const common = { message, notBegun: false };
  if (at >= 0) {
    const error = { ...common, reason: "FunctionError", code: Number(headers[at + 1]) | 0 };
    return { id, result: { kind: "error", error }, usage };
  }
  const reason = status === 404 ? "UnknownFunction" : "InvalidCall";
  return { id, result: { kind: "error", error: { ...common, reason, code: 0 } }, usage };
}

export function failure(id: number, reason: string, message: string, notBegun = true): CallResponse {
  return { id, result: { kind: "error", error: { reason, message, code: 0, notBegun } }, usage: undefined };
}

function refusalOf(
  id: number,
  answer: { readonly reason: string; readonly text: string; readonly status: number },
  fault: ExchangeFault | undefined,
): CallResponse {
  if (fault?.kind === "failed") return failure(id, faultReasons[fault.reason], fault.message, false);
  const text = fault?.kind === "refused" && fault.message !== "" ? fault.message : answer.text;
  // 503: nobody could take it. Everything else may have come after a beginning.
  return failure(id, answer.status === 504 ? "Timeout" : answer.reason, text, answer.status === 503);
}

const faultReasons: Readonly<Record<Extract<ExchangeFault, { kind: "failed" }>["reason"], string>> = {
  trapped: "Trapped",
  timeout: "Timeout",
  invalid: "InvalidOutput",
  tooLarge: "TooLarge",
  exhausted: "Exhausted",
  stopped: "Lost",
  lost: "Lost",
  protocol: "Lost",
};
