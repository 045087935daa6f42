/** What a gateway does with the headers of an answer before they go on: a guest may have written anything. */
import type { HeaderChange } from "../../../api/route-table.ts";
import { type HeaderList, isHeaderName, isHeaderValue, lowerName, parseLength, tokensOf } from "./headers.ts";
import { isConnectionHeader, mayChange, removeNamed } from "./request-headers.ts";

export type CleanAnswer =
  | {
      readonly kind: "clean";
      /** 101 only where it was asked for. */
      readonly status: number;
      /** Without hop-by-hop headers and Content-Length. To be added to. */
      readonly list: string[];
      /** Undefined: it is not known in advance. */
      readonly contentLength: number | undefined;
    }
  | { readonly kind: "invalid"; readonly why: string };

/** As many as clients may send; see maxHeaderSize. */
const headerBytesMax = 65_536;

export function cleanAnswer(status: number, headers: HeaderList, isUpgrade: boolean): CleanAnswer {
  if (!isFinalStatus(status) && !(isUpgrade && status === 101)) return invalid(`its status is ${status}`);
  const list: string[] = [];
  let contentLength: number | undefined;
  const connection: string[] = [];
  let bytes = 0;
  for (let i = 0; i + 1 < headers.length; i += 2) {
    const name = lowerName(headers[i] ?? "");
    const value = headers[i + 1] ?? "";
    if (!isHeaderName(name)) return invalid("the name of a header is none");
    if (!isHeaderValue(value))
      return invalid(`the value of its header ${name} has a character that it cannot have`);
    bytes += name.length + value.length + 4;
    if (bytes > headerBytesMax) return invalid(`its headers have more than ${headerBytesMax} bytes`);
    if (name === "content-length") {
      const length = parseLength(value);
      if (length === undefined) return invalid("its Content-Length is not a number");
      if (contentLength !== undefined && contentLength !== length) return invalid("it has two lengths");
      contentLength = length;
    } else if (name === "connection") {
      for (const token of tokensOf(value)) connection.push(token);
    } else if (!isConnectionHeader(name) && !isDropped(name)) {
      list.push(name, value);
    }
  }
  if (connection.length > 0) removeNamed(list, connection);
  // RFC 9110 15.3.6: it has no body, and a length would make the next answer on the connection one.
  if (status === 205) contentLength = 0;
  // RFC 9110 8.6: it has neither.
  if (status === 101) contentLength = undefined;
  return { kind: "clean", status, list, contentLength };
}

function isFinalStatus(status: number): boolean {
  return Number.isInteger(status) && status >= 200 && status <= 599;
}

/** Our own word; and the names of trailers, which depend on how the answer goes on and are only advice (RFC 9110 6.6.2). */
function isDropped(name: string): boolean {
  return name === "wherry-reason" || name === "trailer";
}

function invalid(why: string): CleanAnswer {
  return { kind: "invalid", why };
}

/** Trailers as far as they may go on (RFC 9110 6.5.1): those that say something of the framing or the routing may not. */
export function cleanTrailers(trailers: HeaderList): HeaderList {
  if (trailers.length === 0) return trailers;
  const list: string[] = [];
  for (let i = 0; i + 1 < trailers.length; i += 2) {
    const name = lowerName(trailers[i] ?? "");
    const value = trailers[i + 1] ?? "";
    if (mayChange(name) && name !== "set-cookie" && isHeaderName(name) && isHeaderValue(value))
      list.push(name, value);
  }
  return list;
}

/** What a route's filter says: set, then add, then remove. What is no header is left out. Changes `list`. */
export function changeHeaders(list: string[], change: HeaderChange): void {
  const set = change.set.filter(isFit);
  if (set.length > 0) {
    const names = set.map(([name]) => name.toLowerCase());
    removeNamed(list, names);
  }
  for (const [name, value] of set) list.push(name.toLowerCase(), value);
  for (const one of change.add) if (isFit(one)) list.push(one[0].toLowerCase(), one[1]);
  if (change.remove.length > 0) removeNamed(list, change.remove);
}

function isFit([name, value]: readonly [string, string]): boolean {
  return isHeaderName(name) && isHeaderValue(value) && mayChange(name.toLowerCase());
}
