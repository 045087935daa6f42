import { expect, test } from "vitest";
import { seededRandom } from "../../../kit/random.ts";
import { type Claimant, HostClaims, wildcardsAbove } from "./host-claims.ts";

function claimant(uid: string, namespace: string, hostnames: readonly string[], sinceMs = 0): Claimant {
  return {
    uid,
    namespace,
    name: uid,
    createdMs: sinceMs,
    hostnames: new Map(hostnames.map((one) => [one, sinceMs])),
  };
}

test.each<{ name: string; routes: readonly Claimant[]; refused: readonly string[] }>([
  {
    name: "different hosts",
    routes: [claimant("a", "one", ["a.example"]), claimant("b", "two", ["b.example"])],
    refused: [],
  },
  {
    name: "one host in one namespace",
    routes: [claimant("a", "one", ["a.example"], 1), claimant("b", "one", ["a.example"], 2)],
    refused: [],
  },
  {
    name: "the older one has the host",
    routes: [claimant("a", "one", ["a.example"], 2), claimant("b", "two", ["a.example"], 1)],
    refused: ["a"],
  },
  {
    name: "of one age the first by namespace and name",
    routes: [claimant("b", "two", ["a.example"]), claimant("a", "one", ["a.example"])],
    refused: ["b"],
  },
  {
    name: "nobody takes a name from below an older wildcard",
    routes: [claimant("a", "one", ["*.example"], 1), claimant("b", "two", ["x.y.example"], 2)],
    refused: ["b"],
  },
  {
    name: "a younger wildcard leaves an older name alone",
    routes: [claimant("a", "one", ["*.example"], 2), claimant("b", "two", ["x.example"], 1)],
    refused: [],
  },
  {
    name: "a wildcard below an older one",
    routes: [claimant("a", "one", ["*.example"], 1), claimant("b", "two", ["*.x.example"], 2)],
    refused: ["b"],
  },
  {
    name: "a wildcard does not cover its own suffix",
    routes: [claimant("a", "one", ["*.example"], 1), claimant("b", "two", ["example"], 2)],
    refused: [],
  },
  {
    name: "all hosts that nobody names cover no names",
    routes: [claimant("a", "one", ["*"], 1), claimant("b", "two", ["x.example"], 2)],
    refused: [],
  },
  {
    name: "all hosts that nobody names, twice",
    routes: [claimant("a", "one", ["*"], 1), claimant("b", "two", ["*"], 2)],
    refused: ["b"],
  },
  {
    name: "one of several hosts is enough to be refused",
    routes: [claimant("a", "one", ["a.example"], 1), claimant("b", "two", ["b.example", "a.example"], 2)],
    refused: ["b"],
  },
  {
    name: "a host that is named later counts from then",
    routes: [
      { ...claimant("a", "one", ["a.example"], 1), hostnames: new Map([["a.example", 9]]) },
      claimant("b", "two", ["a.example"], 5),
    ],
    refused: ["a"],
  },
])("HostClaims: $name", ({ routes, refused }) => {
  for (const order of [routes, routes.toReversed()]) {
    const claims = new HostClaims();
    for (const route of order) claims.put(route);
    expect(routes.filter(({ uid }) => claims.conflict(uid)).map(({ uid }) => uid)).toEqual(refused);
  }
});

/** Without anything remembered. */
function expected(routes: ReadonlyMap<string, Claimant>, uid: string): boolean {
  const route = routes.get(uid);
  return [...(route?.hostnames.keys() ?? [])].some((hostname) => {
    const names = [hostname, ...wildcardsAbove(hostname)];
    const all = [...routes.values()].flatMap((other) =>
      names.flatMap((name) => {
        const since = other.hostnames.get(name);
        return since === undefined ? [] : [{ since, other }];
      }),
    );
    const [first] = all.toSorted(
      (a, b) =>
        a.since - b.since ||
        a.other.createdMs - b.other.createdMs ||
        (`${a.other.namespace}/${a.other.name}` < `${b.other.namespace}/${b.other.name}` ? -1 : 1),
    );
    return first?.other.namespace !== route?.namespace;
  });
}

test("HostClaims: whoever looks at those that are told to have changed knows of all", () => {
  const random = seededRandom(3);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random.fraction() * list.length)]!;
  const names = ["*", "*.e", "a.e", "*.a.e", "b.a.e", "c.a.e", "e"];
  for (let run = 0; run < 20; run++) {
    const claims = new HostClaims();
    const routes = new Map<string, Claimant>();
    const known = new Map<string, boolean>();
    for (let step = 0; step < 150; step++) {
      const uid = `r${Math.floor(random.fraction() * 10)}`;
      const isGone = random.fraction() < 0.3;
      const route = claimant(
        uid,
        pick(["one", "two", "three"]),
        [pick(names), pick(names)],
        Math.floor(random.fraction() * 5),
      );
      const touched = isGone ? claims.delete(uid) : claims.put(route);
      if (isGone) {
        routes.delete(uid);
        known.delete(uid);
      } else routes.set(uid, route);
      for (const one of touched) known.set(one, claims.conflict(one) !== undefined);
      for (const one of routes.keys()) expect(known.get(one)).toBe(expected(routes, one));
    }
  }
});
