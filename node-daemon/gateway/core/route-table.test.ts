import { expect, test } from "vitest";
import type { RequestMatch, RouteEntry } from "../../../api/route-table.ts";
import { RouteTable } from "./route-table.ts";

function match(kind: "exact" | "prefix", value: string, more: Partial<RequestMatch> = {}): RequestMatch {
  return { path: { kind, value }, headers: [], ...more };
}

function route(
  name: string,
  hostnames: readonly string[],
  matches: readonly RequestMatch[],
  more: Partial<RouteEntry> = {},
) {
  const entry: RouteEntry = {
    uid: name,
    namespace: "default",
    name,
    createdMs: 0,
    hostnames,
    rules: [
      { matches, backends: [], requestTimeoutMs: 0, attemptTimeoutMs: 0, retry: { attempts: 0, codes: [] } },
    ],
    ...more,
  };
  return entry;
}

function tableOf(...routes: readonly RouteEntry[]): RouteTable {
  const table = new RouteTable();
  for (const one of routes) table.put(one);
  return table;
}

const hosts = tableOf(
  route("name", ["a.example.com"], [match("prefix", "/")]),
  route("wild", ["*.example.com"], [match("prefix", "/")]),
  route("deep", ["*.b.example.com"], [match("prefix", "/")]),
  route("rest", [], [match("prefix", "/")]),
);

test.each([
  ["its name", "a.example.com", "name"],
  ["a wildcard", "c.example.com", "wild"],
  ["a wildcard for two labels", "d.c.example.com", "wild"],
  ["the longer wildcard", "c.b.example.com", "deep"],
  ["not the wildcard for its own domain", "example.com", "rest"],
  ["not a part of a label", "aexample.com", "rest"],
  ["anything", "127.0.0.1", "rest"],
])("RouteTable: finds the host by %s", (_name, host, found) => {
  expect(hosts.find(host, "/", "GET", [])?.route.name).toBe(found);
});

test("RouteTable: does not answer a host that is named by the routes of a wildcard", () => {
  const table = tableOf(
    route("name", ["a.example.com"], [match("prefix", "/a")]),
    route("wild", ["*.example.com"], [match("prefix", "/")]),
  );
  expect(table.find("a.example.com", "/b", "GET", [])).toBeUndefined();
});

const paths = tableOf(
  route("root", [], [match("prefix", "/")]),
  route("a", [], [match("prefix", "/a")]),
  route("ab", [], [match("prefix", "/a/b/")]),
  route("exact", [], [match("exact", "/a/b/c")]),
  route("slash", [], [match("exact", "/x/")]),
  route("escaped", [], [match("prefix", "/%65%2f")]),
);

test.each([
  ["the root", "/", "root", 0],
  ["a prefix itself", "/a", "a", 2],
  ["below a prefix", "/a/c", "a", 2],
  ["a prefix with a slash at the end", "/a/", "a", 2],
  ["not the beginning of a segment", "/ab", "root", 0],
  ["the longest prefix", "/a/b/d", "ab", 4],
  ["a prefix said with a slash", "/a/b", "ab", 4],
  ["the exact path first", "/a/b/c", "exact", 6],
  ["a prefix below an exact path", "/a/b/c/d", "ab", 4],
  ["an exact path with its slash", "/x/", "slash", 3],
  ["not an exact path without its slash", "/x", "root", 0],
  ["far more segments than any prefix", `/a${"/z".repeat(3000)}`, "a", 2],
  ["escapes in their one form", "/e%2F/f", "escaped", 5],
  ["empty segments as they are", "//a", "root", 0],
])("RouteTable: finds by path: %s", (_name, path, found, length) => {
  const rule = paths.find("h", path, "GET", []);
  expect([rule?.route.name, rule?.matchedLength]).toEqual([found, length]);
});

test.each([
  ["without the root", [match("prefix", "/a")]],
  ["with the root", [match("prefix", "/")]],
])("RouteTable: has no rule for what is no path, %s", (_name, matches) => {
  const table = tableOf(route("one", [], matches));
  expect(table.find("h", "*", "OPTIONS", [])).toBeUndefined();
  expect(table.find("h", "/b", "GET", [])?.route.name).toBe(
    matches[0]?.path.value === "/" ? "one" : undefined,
  );
});

const precedence = tableOf(
  route("old", [], [match("prefix", "/a")], { createdMs: 1 }),
  route("young", [], [match("prefix", "/a")], { createdMs: 2 }),
  route("method", [], [match("prefix", "/a", { method: "POST" })], { createdMs: 3 }),
  route("header", [], [match("prefix", "/a", { headers: [["x", "1"]] })], { createdMs: 4 }),
  route(
    "headers",
    [],
    [
      match("prefix", "/a", {
        headers: [
          ["x", "1"],
          ["y", "2"],
        ],
      }),
    ],
    { createdMs: 5 },
  ),
  route("exactPost", [], [match("exact", "/a/b", { method: "POST" })], { createdMs: 6 }),
);

test.each([
  ["the oldest", "GET", [], "/a", "old"],
  ["a method", "POST", [], "/a", "method"],
  ["a method before headers", "POST", ["x", "1"], "/a", "method"],
  ["a header", "GET", ["x", "1"], "/a", "header"],
  ["more headers", "GET", ["y", "2", "x", "1"], "/a", "headers"],
  ["not a header with another value", "GET", ["x", "2"], "/a", "old"],
  ["not one of several values", "GET", ["x", "1", "x", "1"], "/a", "old"],
  ["an exact path whose method fits", "POST", [], "/a/b", "exactPost"],
  ["a prefix where the exact path's method does not", "GET", [], "/a/b", "old"],
])("RouteTable: of several rules takes %s", (_name, method, headers, path, found) => {
  expect(precedence.find("h", path, method, headers)?.route.name).toBe(found);
});

test("RouteTable: takes the first rule of a route that has several for the same", () => {
  const one = route("one", [], [match("prefix", "/a")]);
  const rule = one.rules[0];
  if (rule === undefined) throw new Error("it has a rule");
  const second = { ...rule, requestTimeoutMs: 5 };
  const table = tableOf({ ...one, rules: [rule, second] });
  expect(table.find("h", "/a", "GET", [])?.rule).toBe(rule);
});

test("RouteTable: forgets what a route no longer says", () => {
  const table = tableOf(route("one", ["h", "i"], [match("prefix", "/a"), match("exact", "/b")]));
  table.put(route("one", ["i"], [match("prefix", "/c")]));
  expect(table.find("h", "/a", "GET", [])).toBeUndefined();
  expect(table.find("i", "/a", "GET", [])).toBeUndefined();
  expect(table.find("i", "/b", "GET", [])).toBeUndefined();
  expect(table.find("i", "/c", "GET", [])?.route.name).toBe("one");
  table.remove("one");
  expect(table.find("i", "/c", "GET", [])).toBeUndefined();
  expect([...table.routes()]).toEqual([]);
});

test("RouteTable: knows the certificate of a host, the oldest route's", () => {
  const tls = (certificate: string) => ({ tls: { certificate, redirect: true } });
  const table = tableOf(
    route("young", ["h"], [match("prefix", "/")], { createdMs: 2, ...tls("default/young") }),
    route("old", ["h", "*.h"], [match("prefix", "/a")], { createdMs: 1, ...tls("default/old") }),
    route("plain", ["h"], [match("prefix", "/b")]),
  );
  expect(table.certificateOf("h")).toBe("default/old");
  expect(table.certificateOf("x.h")).toBe("default/old");
  expect(table.certificateOf("other")).toBeUndefined();
  table.remove("old");
  expect(table.certificateOf("h")).toBe("default/young");
});

test("RouteTable: knows which hosts are the same", () => {
  expect(hosts.isSameHost("a.example.com", "a.example.com")).toBe(true);
  expect(hosts.isSameHost("c.example.com", "d.example.com")).toBe(true);
  expect(hosts.isSameHost("c.example.com", "a.example.com")).toBe(false);
});
