/**
 * The target of a request (RFC 9112 3.2) and its path, brought into the one form that routes are compared with and guests see
 * (RFC 3986 6.2.2): escapes of letters, digits and -._~ are undone, those that stay are in upper case, dot segments are taken out.
 * An escaped slash stays escaped and separates nothing; `//` stays, as empty segments mean something to some.
 */
export type RequestTarget =
  | {
      readonly kind: "path";
      readonly path: string;
      /** With its question mark; empty if there is none. */
      readonly query: string;
      /** Of a target in absolute form, which then counts instead of Host. */
      readonly authority: string | undefined;
    }
  /** OPTIONS * */
  | { readonly kind: "server" }
  | { readonly kind: "invalid"; readonly why: string };

const absolutePattern = /^https?:\/\/([^/?#]*)/i;

export function parseTarget(method: string, target: string): RequestTarget {
  if (target.charCodeAt(0) === slash) return split(target, undefined);
  if (target === "*") {
    return method === "OPTIONS" ? { kind: "server" } : invalid("* is a target for OPTIONS only");
  }
  const absolute = absolutePattern.exec(target);
  if (absolute === null) return invalid("it is neither a path nor an http URL");
  const rest = target.slice(absolute[0].length);
  return split(rest.startsWith("/") ? rest : `/${rest}`, absolute[1] ?? "");
}

function split(target: string, authority: string | undefined): RequestTarget {
  const mark = target.indexOf("?");
  const query = mark < 0 ? "" : target.slice(mark);
  const path = normalizePath(mark < 0 ? target : target.slice(0, mark));
  if (path === undefined)
    return invalid("its path has an escape that is none, NUL, or a character that paths cannot have");
  if (unfitQuery.test(query)) return invalid("its query has a character that queries cannot have");
  return { kind: "path", path, query, authority };
}

function invalid(why: string): RequestTarget {
  return { kind: "invalid", why };
}

const slash = 0x2f;
const dot = 0x2e;
const percent = 0x25;

// eslint-disable-next-line no-control-regex -- these are what is looked for
const unfitQuery = /[\u0000-\u0020#\u007f-\uffff]/;

/** What RFC 3986 lets a path have as it is. */
const pathCharacters = flags(
  "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,;=:@/",
);
const unreserved = flags("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~");
/** Not allowed, and sent by many all the same: they are escaped. */
const tolerated = flags('"<>[]\\^`{|}');

function flags(characters: string): readonly boolean[] {
  const table = Array.from({ length: 128 }, () => false);
  for (const character of characters) table[character.charCodeAt(0)] = true;
  return table;
}

/** Undefined: it is none. */
export function normalizePath(path: string): string | undefined {
  let hasDots = false;
  let before = 0;
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (pathCharacters[code] !== true) return normalizeSlowly(path);
    if (code === dot && before === slash) hasDots = true;
    before = code;
  }
  return hasDots ? removeDotSegments(path) : path;
}

function normalizeSlowly(path: string): string | undefined {
  let out = "";
  for (let i = 0; i < path.length; i++) {
    const code = path.charCodeAt(i);
    if (code === percent) {
      const value = hexDigit(path.charCodeAt(i + 1)) * 16 + hexDigit(path.charCodeAt(i + 2));
      // NaN: not two digits of an escape. NUL ends strings in what guests are written in.
      if (!(value > 0)) return undefined;
      out += unreserved[value] === true ? String.fromCharCode(value) : escapeOf(value);
      i += 2;
    } else if (pathCharacters[code] === true) {
      out += path[i];
    } else if (tolerated[code] === true) {
      out += escapeOf(code);
    } else {
      return undefined;
    }
  }
  return removeDotSegments(out);
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : Number.NaN;
}

function escapeOf(value: number): string {
  return `%${value < 16 ? "0" : ""}${value.toString(16).toUpperCase()}`;
}

/** RFC 3986 5.2.4; what would lead above the root ends there. */
function removeDotSegments(path: string): string {
  if (!path.includes("/.")) return path;
  const segments = path.split("/");
  const kept: string[] = [];
  for (let i = 1; i < segments.length; i++) {
    const segment = segments[i] ?? "";
    const isLast = i === segments.length - 1;
    if (segment === "." || segment === "..") {
      if (segment === "..") kept.pop();
      if (isLast) kept.push("");
    } else {
      kept.push(segment);
    }
  }
  return `/${kept.join("/")}`;
}
