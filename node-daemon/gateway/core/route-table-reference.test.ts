/** The table against a reading of the rules that looks at every one of them. */
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { RequestMatch, RouteEntry } from "../../../api/route-table.ts";
import { RouteTable } from "./route-table.ts";

const segments = fc.array(fc.constantFrom("a", "b", "ab", ""), { maxLength: 4 });
const paths = segments.map((parts) => `/${parts.join("/")}`);
const hosts = fc.constantFrom("x.y", "z.x.y", "y", "q");
const hostnames = fc.constantFrom("x.y", "*.y", "*.x.y", "*", "y");
const headers = fc.array(fc.constantFrom<readonly [string, string]>(["h", "1"], ["i", "2"]), {
  maxLength: 2,
});

const matches = fc.record({
  path: fc.record({ kind: fc.constantFrom<"exact" | "prefix">("exact", "prefix"), value: paths }),
  method: fc.option(fc.constantFrom("GET", "POST"), { nil: undefined }),
  headers,
});

const routes = fc.record({
  hostnames: fc.uniqueArray(hostnames, { maxLength: 3 }),
  createdMs: fc.nat(3),
  rules: fc.array(fc.array(matches, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 3 }),
});

function entryOf(
  seed: {
    hostnames: string[];
    createdMs: number;
    rules: { path: RequestMatch["path"]; method: string | undefined; headers: RequestMatch["headers"] }[][];
  },
  index: number,
): RouteEntry {
  return {
    uid: `${index}`,
    namespace: "default",
    name: `r${index}`,
    createdMs: seed.createdMs,
    hostnames: seed.hostnames,
    rules: seed.rules.map((all) => ({
      matches: all.map(({ path, method, headers: wanted }) => ({
        path,
        headers: wanted,
        ...(method === undefined ? {} : { method }),
      })),
      backends: [],
      requestTimeoutMs: 0,
      attemptTimeoutMs: 0,
      retry: { attempts: 0, codes: [] },
    })),
  };
}

/** Higher for more specific ones; 0: it is not meant. */
function hostRank(hostname: string, host: string): number {
  if (hostname === host) return 1_000;
  if (hostname === "*") return 1;
  return hostname.startsWith("*.") && host.endsWith(hostname.slice(1)) ? 10 + hostname.length : 0;
}

function pathRank({ path: { kind, value } }: RequestMatch, path: string): number {
  if (kind === "exact") return value === path ? 1_000 : 0;
  const prefix = value.endsWith("/") ? value.slice(0, -1) : value;
  return path === prefix || path.startsWith(`${prefix}/`) ? 1 + prefix.length : 0;
}

/** All that match, as a list of ranks: the first that differs decides. */
function reference(
  all: readonly RouteEntry[],
  host: string,
  path: string,
  method: string,
  list: readonly string[],
): string | undefined {
  const namesOf = (route: RouteEntry) => (route.hostnames.length === 0 ? ["*"] : route.hostnames);
  const best = Math.max(0, ...all.flatMap((route) => namesOf(route).map((name) => hostRank(name, host))));
  const found = all
    .filter((route) => best > 0 && namesOf(route).some((name) => hostRank(name, host) === best))
    .flatMap((route) =>
      route.rules.flatMap((rule, index) =>
        rule.matches
          .filter((match) => pathRank(match, path) > 0 && (match.method ?? method) === method)
          .filter((match) =>
            match.headers.every(
              ([name, value]) => list[list.indexOf(name) + 1] === value && list.includes(name),
            ),
          )
          .map((match) => ({
            name: `${route.name} ${index}`,
            ranks: [
              -pathRank(match, path),
              match.method === undefined ? 1 : 0,
              -match.headers.length,
              route.createdMs,
              Number(route.uid),
              index,
            ],
          })),
      ),
    );
  found.sort(
    (a, b) => a.ranks.map((rank, i) => rank - (b.ranks[i] ?? 0)).find((difference) => difference !== 0) ?? 0,
  );
  return found[0]?.name;
}

test("RouteTable: finds what looking at all rules finds, also after routes have gone and come back", () => {
  const asked = fc.record({ host: hosts, path: paths, method: fc.constantFrom("GET", "POST"), headers });
  fc.assert(
    fc.property(
      fc.array(routes, { maxLength: 6 }),
      fc.array(asked, { maxLength: 10 }),
      fc.array(fc.nat(5)),
      (seeds, questions, removed) => {
        const table = new RouteTable();
        const entries = seeds.map(entryOf);
        for (const entry of entries) table.put(entry);
        for (const index of removed) table.remove(`${index}`);
        for (const index of removed.slice(0, removed.length / 2)) {
          const entry = entries[index];
          if (entry !== undefined) table.put(entry);
        }
        const back = new Set(removed.slice(0, removed.length / 2));
        const left = entries.filter((_entry, index) => back.has(index) || !removed.includes(index));
        for (const { host, path, method, headers: pairs } of questions) {
          const list = pairs.flat();
          const found = table.find(host, path, method, list);
          const name = found && `${found.route.name} ${found.route.rules.indexOf(found.rule)}`;
          // Of a header that is there twice the value is a list, which no rule here has.
          if (new Set(pairs.map(([header]) => header)).size === pairs.length) {
            expect(name).toBe(reference(left, host, path, method, list));
          }
        }
      },
    ),
    { numRuns: 1_000 },
  );
});
