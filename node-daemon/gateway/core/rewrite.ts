/** What routes make of a request's URL: for the backend, and for the answers that send clients elsewhere. */
import type { PathChange, RuleEntry } from "../../../api/route-table.ts";
import { parseAuthority } from "./authority.ts";
import { normalizePath } from "./request-target.ts";

export interface MatchedPath {
  readonly path: string;
  /** See MatchedRule. */
  readonly matchedLength: number;
}

/** HTTPRoute's ReplaceFullPath and ReplacePrefixMatch. */
export function changePath(
  change: PathChange | undefined,
  { path, matchedLength }: MatchedPath,
): MatchedPath {
  if (change === undefined) return { path, matchedLength };
  // What the scheduler has let through and is no path, is the root.
  const value = normalizePath(withSlash(change.value)) ?? "/";
  if (change.kind === "full") return { path: value, matchedLength: 0 };
  const prefix = withoutSlash(value);
  const rest = path.slice(matchedLength);
  return { path: `${prefix}${rest}` || "/", matchedLength: prefix.length };
}

function withSlash(path: string): string {
  return path.startsWith("/") ? path : `/${path}`;
}

function withoutSlash(path: string): string {
  return path.endsWith("/") ? path.slice(0, -1) : path;
}

export interface RedirectFacts {
  readonly scheme: "http" | "https";
  readonly host: string;
  /** Undefined: the scheme's own. */
  readonly port: number | undefined;
  readonly matched: MatchedPath;
  readonly query: string;
}

/** The value of Location. What a redirect does not name stays; a port only with its scheme. */
export function locationOf(redirect: NonNullable<RuleEntry["redirect"]>, facts: RedirectFacts): string {
  const scheme = redirect.scheme ?? facts.scheme;
  const port = redirect.port ?? (redirect.scheme === undefined ? facts.port : undefined);
  const { path } = changePath(redirect.path, facts.matched);
  return `${scheme}://${hostOr(redirect.hostname, facts.host)}${portOf(scheme, port)}${path}${facts.query}`;
}

export function portOf(scheme: "http" | "https", port: number | undefined): string {
  return port === undefined || port === (scheme === "http" ? 80 : 443) ? "" : `:${port}`;
}

/** What a route says, if it is a host; else `host`. */
export function hostOr(said: string | undefined, host: string): string {
  return said !== undefined && parseAuthority(said) !== undefined ? said : host;
}
