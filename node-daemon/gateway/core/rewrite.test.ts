import { expect, test } from "vitest";
import type { BackendEntry, PathChange } from "../../../api/route-table.ts";
import { chooseBackend } from "./backend-choice.ts";
import { changePath, locationOf, type RedirectFacts } from "./rewrite.ts";

const full = (value: string): PathChange => ({ kind: "full", value });
const prefix = (value: string): PathChange => ({ kind: "prefix", value });

test.each<[string, PathChange | undefined, string, number, string, number]>([
  ["nothing", undefined, "/a/b", 2, "/a/b", 2],
  ["all of it", full("/x"), "/a/b", 2, "/x", 0],
  ["all of it, said without a slash", full("x"), "/a/b", 2, "/x", 0],
  ["a prefix", prefix("/x"), "/a/b", 2, "/x/b", 2],
  ["a prefix said with a slash", prefix("/x/"), "/a/b", 2, "/x/b", 2],
  ["the whole prefix", prefix("/x"), "/a", 2, "/x", 2],
  ["the prefix and a slash", prefix("/x"), "/a/", 2, "/x/", 2],
  ["a prefix by the root", prefix("/"), "/a/b", 2, "/b", 0],
  ["a prefix by nothing", prefix(""), "/a/b", 2, "/b", 0],
  ["the whole prefix by the root", prefix("/"), "/a", 2, "/", 0],
  ["all of it by what is no path", full("/a\r\nb: c"), "/a/b", 2, "/", 0],
  ["a prefix by what paths have in escapes", prefix('/"x"'), "/a/b", 2, "/%22x%22/b", 8],
  ["the root by a prefix", prefix("/x"), "/a", 0, "/x/a", 2],
])("changePath: replaces %s", (_name, change, path, matchedLength, changed, length) => {
  expect(changePath(change, { path, matchedLength })).toEqual({ path: changed, matchedLength: length });
});

const facts: RedirectFacts = {
  scheme: "http",
  host: "h",
  port: 8080,
  matched: { path: "/a/b", matchedLength: 2 },
  query: "?q",
};

test.each([
  ["nothing, but for the status", {}, "http://h:8080/a/b?q"],
  ["the scheme, and so not the port", { scheme: "https" as const }, "https://h/a/b?q"],
  ["the scheme and a port", { scheme: "https" as const, port: 8443 }, "https://h:8443/a/b?q"],
  ["the scheme's own port", { port: 80 }, "http://h/a/b?q"],
  ["not the host by what is none", { hostname: "g\r\nx: y" }, "http://h:8080/a/b?q"],
  ["the host", { hostname: "g" }, "http://g:8080/a/b?q"],
  ["the path", { path: prefix("/c") }, "http://h:8080/c/b?q"],
])("locationOf: changes %s", (_name, redirect, location) => {
  expect(locationOf({ status: 302, ...redirect }, facts)).toBe(location);
});

const backend = (name: string, weight: number): BackendEntry => ({ workload: name, name, weight });

test.each([
  ["the only one", [backend("a", 1)], 0.99, "a"],
  ["not the only one without a weight", [backend("a", 0)], 0, undefined],
  ["none where none has a weight", [backend("a", 0), backend("b", 0)], 0, undefined],
  ["none where there is none", [], 0, undefined],
  ["the first up to its weight", [backend("a", 9), backend("b", 1)], 0.899, "a"],
  ["the second from there", [backend("a", 9), backend("b", 1)], 0.9, "b"],
  ["never one without a weight", [backend("a", 0), backend("b", 1)], 0, "b"],
])("chooseBackend: %s", (_name, backends, fraction, name) => {
  expect(chooseBackend(backends, fraction)?.name).toBe(name);
});
