/**
 * Finds the rule for a request: of the most specific host (its name, then the longest wildcard, then `*`) the one with the exact path,
 * else the longest prefix; then a method, the most headers, the oldest route, the first rule. A host that is named is never
 * answered by the routes of a wildcard, as those may be another namespace's.
 *
 * Lookups take a step for each label of the host and each segment of the path, however many routes there are.
 */
import type { RequestMatch, RouteEntry, RuleEntry } from "../../../api/route-table.ts";
import { type HeaderList, valueOf } from "./headers.ts";
import { normalizePath } from "./request-target.ts";

export interface MatchedRule {
  readonly route: RouteEntry;
  readonly rule: RuleEntry;
  /** The part of the path that has matched, without a slash at its end: all of it for exact ones. */
  readonly matchedLength: number;
}

interface Candidate extends MatchedRule {
  readonly match: RequestMatch;
  readonly ruleIndex: number;
}

interface HostRoutes {
  readonly exact: Map<string, Candidate[]>;
  /** Without a slash at the end: the root is the empty one. */
  readonly prefixes: Map<string, Candidate[]>;
  /** No prefix of this host has more segments, or letters. They only grow, as long as the host has routes. */
  depthMax: number;
  lengthMax: number;
  /** Those of its routes that name a certificate, the oldest first. */
  readonly secured: RouteEntry[];
}

export class RouteTable {
  readonly #routes = new Map<string, RouteEntry>();
  readonly #names = new Map<string, HostRoutes>();
  /** By what follows `*.`. */
  readonly #wildcards = new Map<string, HostRoutes>();
  /** Of `*`; a map with one entry, so that all three are the same. */
  readonly #rest = new Map<string, HostRoutes>();

  get(uid: string): RouteEntry | undefined {
    return this.#routes.get(uid);
  }

  routes(): Iterable<RouteEntry> {
    return this.#routes.values();
  }

  /** In place of what it was. */
  put(route: RouteEntry): void {
    this.remove(route.uid);
    this.#routes.set(route.uid, route);
    for (const hostname of hostnamesOf(route)) {
      const { map, key } = this.#placeOf(hostname);
      let host = map.get(key);
      if (host === undefined) {
        host = { exact: new Map(), prefixes: new Map(), depthMax: 0, lengthMax: 0, secured: [] };
        map.set(key, host);
      }
      addTo(host, route);
    }
  }

  remove(uid: string): void {
    const route = this.#routes.get(uid);
    if (route === undefined) return;
    this.#routes.delete(uid);
    for (const hostname of hostnamesOf(route)) {
      const { map, key } = this.#placeOf(hostname);
      const host = map.get(key);
      if (host === undefined) continue;
      const secured = host.secured.indexOf(route);
      if (secured >= 0) host.secured.splice(secured, 1);
      removeFrom(host.exact, route, "exact");
      removeFrom(host.prefixes, route, "prefix");
      if (host.exact.size === 0 && host.prefixes.size === 0) map.delete(key);
    }
  }

  /** `host` in lower case without its port; `path` as {@link normalizePath} makes it; names of headers in lower case. */
  find(host: string, path: string, method: string, headers: HeaderList): MatchedRule | undefined {
    const routes = this.#hostOf(host);
    return routes && findIn(routes, path, method, headers);
  }

  /** Whether a connection that was made for `serverName` may ask for `host`: the same routes answer both. */
  isSameHost(serverName: string, host: string): boolean {
    return serverName === host || this.#hostOf(serverName) === this.#hostOf(host);
  }

  /** The certificate for a name that a client asks for by SNI: NAMESPACE/NAME. The oldest route's, where several say one. */
  certificateOf(host: string): string | undefined {
    return this.#hostOf(host)?.secured[0]?.tls?.certificate;
  }

  #hostOf(host: string): HostRoutes | undefined {
    const named = this.#names.get(host);
    if (named !== undefined) return named;
    if (this.#wildcards.size > 0) {
      for (let at = host.indexOf("."); at >= 0; at = host.indexOf(".", at + 1)) {
        const found = this.#wildcards.get(host.slice(at + 1));
        if (found !== undefined) return found;
      }
    }
    return this.#rest.get("");
  }

  #placeOf(hostname: string): { readonly map: Map<string, HostRoutes>; readonly key: string } {
    if (hostname === "*") return { map: this.#rest, key: "" };
    if (hostname.startsWith("*.")) return { map: this.#wildcards, key: hostname.slice(2) };
    return { map: this.#names, key: hostname };
  }
}

const everyHost = ["*"];

function hostnamesOf(route: RouteEntry): Iterable<string> {
  return route.hostnames.length === 0 ? everyHost : new Set(route.hostnames);
}

function addTo(host: HostRoutes, route: RouteEntry): void {
  if (route.tls !== undefined) insert(host.secured, route, compareAge);
  for (const [ruleIndex, rule] of route.rules.entries()) {
    for (const match of rule.matches) {
      const key = keyOf(match);
      const candidate: Candidate = { route, rule, ruleIndex, match, matchedLength: key.length };
      const map = match.path.kind === "exact" ? host.exact : host.prefixes;
      if (match.path.kind === "prefix") {
        host.depthMax = Math.max(host.depthMax, depthOf(key));
        host.lengthMax = Math.max(host.lengthMax, key.length);
      }
      const list = map.get(key);
      if (list === undefined) map.set(key, [candidate]);
      else insert(list, candidate, compare);
    }
  }
}

function removeFrom(map: Map<string, Candidate[]>, route: RouteEntry, kind: "exact" | "prefix"): void {
  for (const rule of route.rules) {
    for (const match of rule.matches) {
      if (match.path.kind !== kind) continue;
      const key = keyOf(match);
      const left = map.get(key)?.filter((candidate) => candidate.route !== route);
      if (left === undefined) continue;
      if (left.length === 0) map.delete(key);
      else map.set(key, left);
    }
  }
}

/** `/a/` and `/a` are the same prefix, but not the same path. */
function keyOf({ path }: RequestMatch): string {
  const value = normalizePath(path.value) ?? path.value;
  return path.kind === "prefix" && value.endsWith("/") ? value.slice(0, -1) : value;
}

function depthOf(prefix: string): number {
  let depth = 0;
  for (let at = prefix.indexOf("/"); at >= 0; at = prefix.indexOf("/", at + 1)) depth++;
  return depth;
}

function insert<T>(list: T[], one: T, order: (a: T, b: T) => number): void {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const other = list[middle];
    if (other !== undefined && order(other, one) <= 0) low = middle + 1;
    else high = middle;
  }
  list.splice(low, 0, one);
}

/** What comes first counts. */
function compare(a: Candidate, b: Candidate): number {
  return (
    Number(b.match.method !== undefined) - Number(a.match.method !== undefined) ||
    b.match.headers.length - a.match.headers.length ||
    compareAge(a.route, b.route) ||
    a.ruleIndex - b.ruleIndex
  );
}

function compareAge(a: RouteEntry, b: RouteEntry): number {
  return (
    a.createdMs - b.createdMs ||
    compareText(a.namespace, b.namespace) ||
    compareText(a.name, b.name) ||
    compareText(a.uid, b.uid)
  );
}

function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function findIn(
  host: HostRoutes,
  path: string,
  method: string,
  headers: HeaderList,
): MatchedRule | undefined {
  const exact = host.exact.get(path);
  const found = exact && firstOf(exact, method, headers);
  if (found !== undefined) return found;
  // The longest prefix that can be there ends where the path has that many segments.
  let end = path.length;
  let depth = 0;
  for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
    if (++depth > host.depthMax) {
      end = at;
      break;
    }
  }
  for (;;) {
    const list = end > host.lengthMax ? undefined : host.prefixes.get(path.slice(0, end));
    const candidate = list && firstOf(list, method, headers);
    if (candidate !== undefined) return candidate;
    // A path begins with a slash; `*` of OPTIONS has none, and no rule.
    end = end === 0 ? -1 : path.lastIndexOf("/", end - 1);
    if (end < 0) return undefined;
  }
}

function firstOf(list: readonly Candidate[], method: string, headers: HeaderList): Candidate | undefined {
  for (const candidate of list) {
    const { match } = candidate;
    if (match.method !== undefined && match.method !== method) continue;
    if (match.headers.length === 0 || hasHeaders(headers, match.headers)) return candidate;
  }
  return undefined;
}

function hasHeaders(headers: HeaderList, wanted: RequestMatch["headers"]): boolean {
  return wanted.every(([name, value]) => valueOf(headers, name) === value);
}
