/**
 * The meta-variables of a request as CGI/1.1 has them (RFC 3875, section 4.1), for a guest that gets them as its environment.
 *
 * Of the headers only those become variables whose names can be told apart as such: letters, digits and hyphens. `Proxy` never does, as
 * HTTP_PROXY means something else to many a library (CVE-2016-5385 and others). What the template says for HTTP_… counts, so that no
 * caller can say something else.
 */
import type { RequestHead } from "../../link/exchange.ts";

export type Variables = (readonly [name: string, value: string])[];

export type CgiVariables =
  | { readonly kind: "variables"; readonly variables: Variables }
  /** No guest can be told so. */
  | { readonly kind: "invalid"; readonly message: string };

/** Those that are variables of their own, and the one that must not be any. */
const otherwise: ReadonlySet<string> = new Set(["content-type", "content-length", "proxy"]);

/** Their values are no lists. */
const separators: Readonly<Record<string, string>> = { cookie: "; " };

const headerVariables = new Map<string, string>();
const headerVariablesMax = 1_000;

export function cgiVariables(
  head: RequestHead,
  template: readonly (readonly [string, string])[],
): CgiVariables {
  const { path, query } = splitPath(head.path);
  const { script, info } = splitScript(path, head.matchedPath);
  const { name, port } = splitAuthority(head.authority, head.scheme);
  const own = new Map<string, string>();
  own.set("GATEWAY_INTERFACE", "CGI/1.1");
  own.set("SERVER_SOFTWARE", "Wherry");
  own.set("SERVER_PROTOCOL", "HTTP/1.1");
  own.set("SERVER_NAME", name);
  own.set("SERVER_PORT", port);
  own.set("REQUEST_METHOD", head.method);
  own.set("REQUEST_SCHEME", head.scheme);
  own.set("REQUEST_URI", head.path);
  own.set("SCRIPT_NAME", script);
  own.set("PATH_INFO", decoded(info));
  own.set("QUERY_STRING", query);
  own.set("REMOTE_ADDR", head.clientAddress);
  own.set("REMOTE_HOST", head.clientAddress);
  own.set("REMOTE_PORT", String(head.clientPort));
  if (head.scheme === "https") own.set("HTTPS", "on");
  addHeaders(own, head);
  const variables: Variables = [];
  for (const entry of template) {
    const variable = entry[0];
    if (variable.startsWith("HTTP_")) own.delete(variable);
    if (!own.has(variable)) variables.push(entry);
  }
  let clean = true;
  // Not as an iterable: that makes an entry of each once more, for each request.
  own.forEach((value, variable) => {
    if (value.includes("\0")) clean = false;
    variables.push([variable, value]);
  });
  if (!clean) return { kind: "invalid", message: "the request has a NUL in it" };
  return { kind: "variables", variables };
}

function addHeaders(own: Map<string, string>, { headers, bodyLength }: RequestHead): void {
  for (let i = 0; i < headers.length; i += 2) {
    const header = headers[i] ?? "";
    const value = headers[i + 1] ?? "";
    if (header === "content-type") own.set("CONTENT_TYPE", value);
    const name = variableOf(header);
    if (name === "") continue;
    const before = own.get(name);
    own.set(name, before === undefined ? value : before + (separators[header] ?? ", ") + value);
  }
  if (bodyLength !== undefined && bodyLength > 0) own.set("CONTENT_LENGTH", String(bodyLength));
}

/** Empty: none. */
function variableOf(header: string): string {
  const known = headerVariables.get(header);
  if (known !== undefined) return known;
  const usable = /^[a-z0-9-]+$/.test(header) && !otherwise.has(header);
  const name = usable ? `HTTP_${header.toUpperCase().replaceAll("-", "_")}` : "";
  // Names come from callers: what is remembered is bounded.
  if (headerVariables.size < headerVariablesMax && header.length <= 64) headerVariables.set(header, name);
  return name;
}

function splitPath(text: string): { readonly path: string; readonly query: string } {
  const at = text.indexOf("?");
  return at < 0 ? { path: text, query: "" } : { path: text.slice(0, at), query: text.slice(at + 1) };
}

/** The route's part of the path is the script, what follows its path; a route that has rewritten the path has left no such part. */
function splitScript(path: string, matched: string): { readonly script: string; readonly info: string } {
  const script = matched.replace(/\/+$/, "");
  const rest = path.slice(script.length);
  if (!path.startsWith(script) || (rest !== "" && !rest.startsWith("/"))) return { script: "", info: path };
  return { script, info: rest };
}

/** Bytes that are no UTF-8 stay as they were written. */
function decoded(path: string): string {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function splitAuthority(
  authority: string,
  scheme: RequestHead["scheme"],
): { readonly name: string; readonly port: string } {
  const found = /^(.*?)(?::(\d{1,5}))?$/.exec(authority);
  return { name: found?.[1] ?? "", port: found?.[2] ?? (scheme === "https" ? "443" : "80") };
}
