/**
 * What a CGI program prints before the body of its answer (RFC 3875, section 6), as the head of a response. Nothing that it prints
 * reaches a connection unread: names are tokens, values have no control characters, and what belongs to the connection is dropped.
 */
import { cgiLimits } from "./limits.ts";

export type CgiHead =
  | {
      readonly kind: "response";
      readonly status: number;
      readonly headers: string[];
      /** As it said: so long its body has to be. */
      readonly contentLength: number | undefined;
    }
  /** Another request is to be answered in its place. */
  | { readonly kind: "redirect"; readonly path: string }
  /** No response of CGI. */
  | { readonly kind: "invalid"; readonly message: string };

/** Of a connection, or of its framing: the gateway's to say. */
const hopByHop: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "http2-settings",
]);

const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
// Tabs may stand in values, and bytes above 127; other control characters may not.
// oxlint-disable-next-line no-control-regex
const forbidden = /[\u0000-\u0008\u000a-\u001f\u007f]/;
const statusLine = /^([1-9][0-9]{2})(?: .*)?$/;

interface Fields {
  readonly headers: string[];
  readonly dropped: Set<string>;
  status: number | undefined;
  location: string | undefined;
  contentLength: number | undefined;
  hasType: boolean;
}

class Invalid extends Error {}

/** `text`: the lines up to the empty one, each byte a character. */
export function parseCgiHead(text: string): CgiHead {
  try {
    return headOf(readFields(text));
  } catch (thrown) {
    if (thrown instanceof Invalid) return { kind: "invalid", message: thrown.message };
    throw thrown;
  }
}

function readFields(text: string): Fields {
  const fields: Fields = {
    headers: [],
    dropped: new Set(),
    status: undefined,
    location: undefined,
    contentLength: undefined,
    hasType: false,
  };
  let count = 0;
  for (let from = 0; from < text.length;) {
    const end = text.indexOf("\n", from);
    const to = end < 0 ? text.length : end;
    const line = text.slice(from, to > from && text[to - 1] === "\r" ? to - 1 : to);
    from = to + 1;
    if (++count > cgiLimits.headersMax) throw new Invalid(`it has more than ${cgiLimits.headersMax} headers`);
    readField(line, fields);
  }
  return fields;
}

function readField(line: string, fields: Fields): void {
  const colon = line.indexOf(":");
  const written = colon < 0 ? "" : line.slice(0, colon);
  if (!token.test(written)) throw new Invalid(badLine(line));
  const name = written.toLowerCase();
  const value = trimmed(line.slice(colon + 1));
  if (forbidden.test(value))
    throw new Invalid(`the value of its header ${name} has a control character in it`);
  switch (name) {
    case "status":
      fields.status = once("Status", fields.status, statusOf(value));
      return;
    case "location":
      fields.location = once("Location", fields.location, value);
      return;
    case "content-length":
      fields.contentLength = lengthOf(value, fields.contentLength);
      return;
    case "content-type":
      if (fields.hasType) throw new Invalid("it has two headers Content-Type");
      fields.hasType = true;
      break;
    case "connection":
      for (const option of value.split(",")) fields.dropped.add(option.trim().toLowerCase());
      return;
    default:
      if (hopByHop.has(name)) return;
  }
  fields.headers.push(name, value);
}

function badLine(line: string): string {
  const shown = JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);
  if (/^HTTP\/\d/.test(line)) return `it begins with ${shown}: print "Status: 200 OK" instead`;
  if (/^[ \t]/.test(line))
    return `its header line ${shown} goes on from the one before, which is not allowed any more`;
  return `${shown} is no header; print headers, such as "Content-Type: text/plain", and an empty line before the body`;
}

function once<T>(name: string, before: T | undefined, value: T): T {
  if (before !== undefined && before !== value) throw new Invalid(`it has two headers ${name}`);
  return value;
}

/** 1xx would be no answer yet. */
function statusOf(value: string): number {
  const status = Number(statusLine.exec(value)?.[1]);
  if (status >= 200 && status <= 599) return status;
  throw new Invalid(
    `its header Status is ${JSON.stringify(value.slice(0, 80))}; say 200 to 599, and a reason`,
  );
}

function lengthOf(value: string, before: number | undefined): number {
  const length = /^\d{1,15}$/.test(value) ? Number(value) : undefined;
  if (length === undefined || (before !== undefined && before !== length)) {
    throw new Invalid(
      `its header Content-Length is ${JSON.stringify(value.slice(0, 80))}, which is no length, or another one than before`,
    );
  }
  return length;
}

function headOf(fields: Fields): CgiHead {
  const { location, hasType, dropped } = fields;
  if (fields.status === undefined && location === undefined && !hasType) {
    throw new Invalid("it has none of the headers Content-Type, Status and Location");
  }
  if (location !== undefined && location.startsWith("/") && !location.startsWith("//")) {
    if (fields.status === undefined && !hasType) return { kind: "redirect", path: localPath(location) };
  }
  const status = fields.status ?? (location === undefined ? 200 : 302);
  const headers = dropped.size === 0 ? fields.headers : without(fields.headers, dropped);
  if (location !== undefined) headers.push("location", location);
  const contentLength = status === 204 ? undefined : fields.contentLength;
  if (contentLength !== undefined) headers.push("content-length", String(contentLength));
  return { kind: "response", status, headers, contentLength };
}

function localPath(location: string): string {
  if (/^[\u0021-\u007e]+$/.test(location)) return location.replace(/#.*$/, "");
  throw new Invalid("its header Location has a character that no path has");
}

function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = [];
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? "";
    if (!names.has(name)) kept.push(name, headers[i + 1] ?? "");
  }
  return kept;
}

function trimmed(value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && isBlank(value.charCodeAt(from))) from++;
  while (to > from && isBlank(value.charCodeAt(to - 1))) to--;
  return value.slice(from, to);
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
