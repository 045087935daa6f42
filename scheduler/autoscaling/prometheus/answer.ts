/** What an answer of Prometheus' HTTP API to an instant query means. https://prometheus.io/docs/prometheus/latest/querying/api/ */
import type { Reading, UnknownReason } from "../../core/autoscaling/reading.ts";
import { foreignText } from "../foreign-text.ts";
import { type Asked, unknown } from "../asking/question.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
}

export interface AnswerBounds {
  /** Now, by our wall clock. */
  readonly nowMs: number;
  /** How far ahead of its own time the server was asked to look. */
  readonly aheadMs: number;
  readonly staleAfterMs: number;
  readonly rangeMs: number;
}

interface Fields {
  readonly [name: string]: unknown;
}

/** `server` begins each message. */
export function readAnswer(server: string, answer: HttpAnswer, bounds: AnswerBounds): Asked {
  const refused = refusalByStatus(server, answer);
  if (refused) return refused;
  const body = parseJson(answer);
  if (body === undefined)
    return answered(
      "Malformed",
      `${server} answered something that is not JSON (content type ${foreignText(answer.contentType || "none", 60)}); is it the address of Prometheus?`,
    );
  if (answer.status !== 200 || body["status"] !== "success") return failureOf(server, answer.status, body);
  const data = fieldsOf(body["data"]);
  const reading = readResult(server, data?.["resultType"], data?.["result"], bounds);
  const warnings = warningsOf(body["warnings"]);
  if (reading.kind !== "value" || warnings.length === 0) return { kind: "answered", reading };
  // Thanos and others warn when a store did not answer: what it would have added is missing.
  const note = `${server} warns: ${foreignText(warnings.join("; "))}`;
  return { kind: "answered", reading: { ...reading, isAtLeast: true, note } };
}

function answered(reason: UnknownReason, message: string): Asked {
  return { kind: "answered", reading: unknown(reason, message) };
}

function refusalByStatus(server: string, { status, contentType }: HttpAnswer): Asked | undefined {
  if (status >= 300 && status < 400)
    return answered(
      "Refused",
      `${server} answered ${status}, which leads to another address; that is not followed: write the final one in serverURL`,
    );
  if (status === 401 || status === 403)
    return answered("Refused", `${server} answered ${status}: it does not accept the credentials`);
  if (isJson(contentType)) return undefined;
  // Proxies answer so while what is behind them is away.
  if (status === 429 || status >= 500) return unanswered(`${server} answered ${status}`);
  if (status === 200) return undefined;
  return answered("Refused", `${server} answered ${status}; is serverURL the address of Prometheus?`);
}

function unanswered(message: string): Asked {
  return { kind: "unanswered", reading: unknown("Unreachable", message), isDown: false };
}

function isJson(contentType: string): boolean {
  return /^application\/json\s*(;|$)/i.test(contentType);
}

function parseJson({ contentType, body }: HttpAnswer): Fields | undefined {
  if (!isJson(contentType)) return undefined;
  try {
    return fieldsOf(JSON.parse(body));
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Fields | undefined {
  // Own fields only are read of it: JSON makes `__proto__` one of them.
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (Object.assign(Object.create(null), value) as Fields)
    : undefined;
}

function failureOf(server: string, status: number, body: Fields): Asked {
  const said = body["error"];
  if (typeof said !== "string")
    return answered("Malformed", `${server} answered ${status} without saying what is wrong`);
  const message = `${server} says: ${foreignText(said)}`;
  const type = body["errorType"];
  // Of the query, as it is: asking again changes nothing until somebody writes another.
  return type === "bad_data" || type === "execution" || (status >= 400 && status < 429)
    ? answered("Refused", message)
    : unanswered(message);
}

/** Prometheus 2.48 to 2.53 says among the warnings what it merely finds remarkable. */
function warningsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  const texts = value.slice(0, 20).filter((one): one is string => typeof one === "string");
  return texts.filter((text) => !text.startsWith("PromQL info:"));
}

function readResult(server: string, type: unknown, result: unknown, bounds: AnswerBounds): Reading {
  if (type === "scalar") return readSample(server, result, bounds);
  if (type === "matrix" || type === "string")
    return unknown(
      "Malformed",
      `the query comes to a ${type}, not to a number${type === "matrix" ? ": ask for the range with a function such as rate(…[5m])" : ""}`,
    );
  if (type !== "vector" || !Array.isArray(result))
    return unknown("Malformed", `${server} answered something that is no result of a query`);
  if (result.length === 0)
    return unknown(
      "NoData",
      `the query comes to nothing: there is no such series, or it has no sample of the last ${bounds.staleAfterMs / 1000} s`,
    );
  const [first] = result as readonly unknown[];
  if (result.length > 1)
    return unknown(
      "Ambiguous",
      `the query comes to ${result.length} series where one number is wanted (the first is ${labelsOf(fieldsOf(first)?.["metric"])}); put sum(…) or max(…) around it`,
    );
  const series = fieldsOf(first);
  if (series && "histogram" in series && !("value" in series))
    return unknown("Malformed", "the query comes to a histogram, not to a number: use histogram_quantile(…)");
  return readSample(server, series?.["value"], bounds);
}

const labelsMax = 5;

function labelsOf(metric: unknown): string {
  const labels = Object.entries(fieldsOf(metric) ?? {}).slice(0, labelsMax);
  const texts = labels.map(
    ([name, value]) => `${name}=${JSON.stringify(typeof value === "string" ? value.slice(0, 60) : "")}`,
  );
  return foreignText(`{${texts.join(", ")}}`);
}

const numberForm = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/** `[seconds since the epoch, "value"]`. */
function readSample(server: string, sample: unknown, bounds: AnswerBounds): Reading {
  const [seconds, text] = Array.isArray(sample) ? (sample as readonly unknown[]) : [];
  if (typeof seconds !== "number" || typeof text !== "string" || text.length > 64)
    return unknown("Malformed", `${server} answered a sample that is none`);
  if (/^([+-]?Inf|NaN)$/.test(text))
    return unknown("NoData", `the query comes to ${text}, such as a division by zero has`);
  const value = numberForm.test(text) ? Number(text) : Number.NaN;
  if (!Number.isFinite(value)) return unknown("Malformed", `${server} answered a sample that is no number`);
  const atMs = seconds * 1000 - bounds.aheadMs;
  const apartMs = atMs - bounds.nowMs;
  if (Math.abs(apartMs) > bounds.staleAfterMs)
    return unknown(
      "Stale",
      `the answer of ${server} is of a time that is ${Math.round(Math.abs(apartMs) / 1000)} s ${apartMs > 0 ? "after" : "before"} ours, more than the ${bounds.staleAfterMs / 1000} s of staleAfterSeconds: check the clocks`,
    );
  return { kind: "value", value, isAtLeast: false, atMs, rangeMs: bounds.rangeMs };
}
