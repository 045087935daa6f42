/** Lines of the access log: JSON, or the combined format that many tools read. Values of clients cannot break out of a line. */
import type { ClientRequest } from "./client-side.ts";

export interface AccessFacts {
  readonly request: ClientRequest;
  /** NAMESPACE/NAME; empty if there was none. */
  readonly workload: string;
  /** The instance, or the node it went to. */
  readonly place: string;
  /** 499: the client has gone. */
  readonly status: number;
  readonly bytes: number;
  readonly durationMs: number;
  readonly nowMs: number;
}

export function accessLine(format: "json" | "common", facts: AccessFacts): string {
  return format === "json" ? jsonLine(facts) : combinedLine(facts);
}

function jsonLine({ request, workload, place, status, bytes, durationMs, nowMs }: AccessFacts): string {
  return JSON.stringify({
    time: new Date(nowMs).toISOString(),
    client: request.clientAddress,
    method: request.method,
    host: request.host,
    path: request.path + request.query,
    protocol: request.protocol,
    scheme: request.scheme,
    status,
    bytes,
    ms: Math.round(durationMs * 10) / 10,
    workload,
    place,
    agent: request.headers.userAgent ?? "",
  });
}

const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function combinedLine({ request, status, bytes, nowMs }: AccessFacts): string {
  const time = new Date(nowMs);
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${two(time.getUTCDate())}/${months[time.getUTCMonth()]}/${time.getUTCFullYear()}`;
  const clock = `${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())}`;
  const line = `${request.method} ${request.path}${request.query} HTTP/${request.protocol}`;
  const agent = request.headers.userAgent ?? "-";
  return `${request.clientAddress} - - [${day}:${clock} +0000] "${quoted(line)}" ${status} ${bytes} "-" "${quoted(agent)}"`;
}

/** As Apache escapes: quotes, backslashes, and what is not printable. */
function quoted(text: string): string {
  return text.replaceAll(/["\\]|[^ -~]/g, (character) =>
    character === '"' || character === "\\"
      ? `\\${character}`
      : `\\x${(character.codePointAt(0) ?? 0).toString(16).padStart(2, "0")}`,
  );
}
