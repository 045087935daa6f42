/** What a request is about, as a guest may write it: method, scheme, path, authority. */
import { isIPv6 } from "node:net";

import { limits } from "../limits.ts";
import { token } from "./fields.ts";

const methods = ["get", "head", "post", "put", "delete", "connect", "options", "trace", "patch"] as const;

export type Method =
  | { readonly tag: (typeof methods)[number] }
  | { readonly tag: "other"; readonly val: string };

export type Scheme = { readonly tag: "HTTP" | "HTTPS" } | { readonly tag: "other"; readonly val: string };

/** Methods that have a name of their own are called by it. Undefined if it is none. */
export function readMethod(method: Method): Method | undefined {
  if (method.tag !== "other") return method;
  if (!fits(method.val) || !token.test(method.val)) return undefined;
  const known = methods.find((name) => name.toUpperCase() === method.val);
  return known ? { tag: known } : method;
}

/** As above; schemes compare without case. RFC 3986, 3.1. */
export function readScheme(scheme: Scheme): Scheme | undefined {
  if (scheme.tag !== "other") return scheme;
  if (!fits(scheme.val) || !/^[a-z][a-z\d+.-]*$/i.test(scheme.val)) return undefined;
  const name = scheme.val.toUpperCase();
  return name === "HTTP" || name === "HTTPS" ? { tag: name } : scheme;
}

/**
 * RFC 3986's path and query, and what else servers accept: raw UTF-8, and `"[]\^{|}`. No blank, control character or
 * fragment, so that it is always one word of a request line. An empty one is the root.
 */
export function readPath(path: string): string | undefined {
  if (path === "") return "/";
  return fits(path) && /^[^\0-\x20#<>`\x7f]+$/.test(path) ? path : undefined;
}

const userinfo = /^(?:[\w.~!$&'()*+,;=:-]|%[\da-f]{2})*$/i;
const registeredName = /^(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})+$/i;

/** RFC 3986, 3.2: `[userinfo@]host[:port]`. */
export function isAuthority(authority: string): boolean {
  if (!fits(authority)) return false;
  const at = authority.indexOf("@");
  if (at !== -1 && !userinfo.test(authority.slice(0, at))) return false;
  const [, host = "", port] = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/.exec(authority.slice(at + 1)) ?? [];
  if (port !== undefined && !(/^\d{1,5}$/.test(port) && Number(port) <= 65_535)) return false;
  return host.startsWith("[") ? isIPv6(host.slice(1, -1)) : registeredName.test(host);
}

function fits(text: string): boolean {
  return text.length <= limits.httpTextCharactersMax;
}

const known: ReadonlyMap<string, Method> = new Map(methods.map((tag) => [tag.toUpperCase(), { tag }]));

/** Of a request line. */
export function methodOf(text: string): Method {
  return known.get(text) ?? { tag: "other", val: text };
}

/** As in a request line. */
export function methodText(method: Method): string {
  return method.tag === "other" ? method.val : method.tag.toUpperCase();
}
