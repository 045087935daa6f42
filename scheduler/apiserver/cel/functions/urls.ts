import { BOOL, listOf, mapOf, opaque, STRING } from "../language/types.ts";
import { ErrorValue, noSuchOverload, type OpaqueValue, stringList, TableMap, type Value } from "../values.ts";
import { define, defineMethod, type Overload } from "./declare.ts";

const URL_TYPE = opaque("kubernetes.URL");

/** A URL in its parts, as Go's net/url has them: nothing is normalized. */
class UrlValue implements OpaqueValue {
  readonly kind = "opaque";
  readonly typeName = URL_TYPE.name;
  readonly size = 1;
  readonly text: string;
  readonly parts: UrlParts;

  constructor(text: string, parts: UrlParts) {
    this.text = text;
    this.parts = parts;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof UrlValue && this.text === other.text;
  }
}

interface UrlParts {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

type Parsed = UrlParts | { readonly problem: string };

const unreserved = /[A-Za-z0-9\-_.~]/;

/** Go's url.ParseRequestURI: an absolute URI or an absolute path. A fragment is none of its business. */
function parseRequestUri(text: string): Parsed {
  // oxlint-disable-next-line no-control-regex -- these are what must not be there
  if (/[\x00-\x1f\x7f]/.test(text)) return { problem: "net/url: invalid control character in URL" };
  if (text === "") return { problem: "empty url" };
  if (text === "*") return { scheme: "", host: "", path: "*", query: "" };
  const colon = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text);
  if (!colon && text.startsWith(":")) return { problem: "missing protocol scheme" };
  const scheme = colon?.[1]?.toLowerCase() ?? "";
  const rest = text.slice(colon?.[0].length ?? 0);
  const question = rest.indexOf("?");
  const beforeQuery = question < 0 ? rest : rest.slice(0, question);
  const query = question < 0 ? "" : rest.slice(question + 1);
  if (!beforeQuery.startsWith("/"))
    return scheme === "" ? { problem: "invalid URI for request" } : { scheme, host: "", path: "", query };
  if (scheme === "" || !beforeQuery.startsWith("//")) return withPath(scheme, "", beforeQuery, query);
  const slash = beforeQuery.indexOf("/", 2);
  const authority = slash < 0 ? beforeQuery.slice(2) : beforeQuery.slice(2, slash);
  const host = parseAuthority(authority);
  if ("problem" in host) return host;
  return withPath(scheme, host.host, slash < 0 ? "" : beforeQuery.slice(slash), query);
}

function withPath(scheme: string, host: string, path: string, query: string): Parsed {
  const bad = badEscape(path);
  return bad === undefined
    ? { scheme, host, path, query }
    : { problem: `invalid URL escape ${JSON.stringify(bad)}` };
}

function badEscape(text: string): string | undefined {
  return /%(?![0-9A-Fa-f]{2}).{0,2}/s.exec(text)?.[0];
}

function parseAuthority(authority: string): { readonly host: string } | { readonly problem: string } {
  const at = authority.lastIndexOf("@");
  const user = at < 0 ? "" : authority.slice(0, at);
  const host = authority.slice(at + 1);
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user)) return { problem: "net/url: invalid userinfo" };
  const bad = badEscape(user);
  if (bad !== undefined) return { problem: `invalid URL escape ${JSON.stringify(bad)}` };
  const port = portOf(host);
  if (port === undefined) return { problem: "missing ']' in host" };
  if (!/^(:\d*)?$/.test(port)) return { problem: `invalid port ${JSON.stringify(port)} after host` };
  const character = /[^A-Za-z0-9\-_.~!$&'()*+,;=:[\]%<>"\u0080-\uffff]/.exec(host)?.[0];
  if (character !== undefined)
    return { problem: `invalid character ${JSON.stringify(character)} in host name` };
  const escape = badEscape(host);
  if (escape !== undefined) return { problem: `invalid URL escape ${JSON.stringify(escape)}` };
  return { host: decoded(host) };
}

/** With its colon; undefined: a bracket is not closed. */
function portOf(host: string): string | undefined {
  if (host.startsWith("[")) {
    const close = host.lastIndexOf("]");
    return close < 0 ? undefined : host.slice(close + 1);
  }
  const colon = host.indexOf(":");
  return colon < 0 ? "" : host.slice(colon);
}

function decoded(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll("%", ""), "hex").toString(),
  );
}

function parseUrl(text: string): Value {
  const parsed = parseRequestUri(text);
  if ("problem" in parsed)
    return new ErrorValue(
      `URL parse error during conversion from string: parse ${JSON.stringify(text.slice(0, 200))}: ${parsed.problem}`,
    );
  const hash = text.indexOf("#");
  if (hash < 0) return new UrlValue(text, parsed);
  const withoutFragment = parseRequestUri(text.slice(0, hash));
  return new UrlValue(text, "problem" in withoutFragment ? parsed : withoutFragment);
}

/** What is no valid path is escaped; what is valid stays as it was written. */
function escapedPath(path: string): string {
  if (/^[A-Za-z0-9\-_.~!$&'()*+,;=:@[\]%/]*$/.test(path)) return path;
  return [...Buffer.from(decoded(path)).values()]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      const isPlain = byte < 0x80 && (unreserved.test(character) || "$&+,/:;=@".includes(character));
      return isPlain ? character : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}

function hostname(host: string): string {
  const port = portOf(host) ?? "";
  const bare = host.slice(0, host.length - port.length);
  return bare.startsWith("[") && bare.endsWith("]") ? bare.slice(1, -1) : bare;
}

function queryOf(text: string): Value {
  const values = new Map<string, string[]>();
  for (const part of text.split("&")) {
    if (part === "" || part.includes(";")) continue;
    const equals = part.indexOf("=");
    const [name, value] = equals < 0 ? [part, ""] : [part.slice(0, equals), part.slice(equals + 1)];
    if (badEscape(name) !== undefined || badEscape(value) !== undefined) continue;
    const key = decoded(name.replaceAll("+", " "));
    const list = values.get(key) ?? [];
    list.push(decoded(value.replaceAll("+", " ")));
    values.set(key, list);
  }
  return TableMap.of([...values].map(([name, list]) => [name, stringList(list)] as const));
}

function getter(name: string, id: string, read: (parts: UrlParts) => string): Overload {
  return defineMethod([name, id], [URL_TYPE], STRING, ([url]) =>
    url instanceof UrlValue ? read(url.parts) : noSuchOverload,
  );
}

/** What is wrong with a text as `format: uri`; undefined where nothing is. */
export function uriProblem(text: string): string | undefined {
  const parsed = parseRequestUri(text);
  return "problem" in parsed ? `parse ${JSON.stringify(text.slice(0, 200))}: ${parsed.problem}` : undefined;
}

export const urls: readonly Overload[] = [
  define(["url", "string_to_url"], [STRING], URL_TYPE, ([text], meter) => {
    meter.toil(text.length);
    return parseUrl(text);
  }),
  define(["isURL", "is_url_string"], [STRING], BOOL, ([text], meter) => {
    meter.toil(text.length);
    return !("problem" in parseRequestUri(text));
  }),
  getter("getScheme", "url_get_scheme", ({ scheme }) => scheme),
  getter("getHost", "url_get_host", ({ host }) => host),
  getter("getHostname", "url_get_hostname", ({ host }) => hostname(host)),
  getter("getPort", "url_get_port", ({ host }) => (portOf(host) ?? "").slice(1)),
  getter("getEscapedPath", "url_get_escaped_path", ({ path }) => escapedPath(path)),
  defineMethod(["getQuery", "url_get_query"], [URL_TYPE], mapOf(STRING, listOf(STRING)), ([url], meter) => {
    if (!(url instanceof UrlValue)) return noSuchOverload;
    meter.toil(url.parts.query.length);
    return queryOf(url.parts.query);
  }),
];
