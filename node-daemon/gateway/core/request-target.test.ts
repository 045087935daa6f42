import { expect, test } from "vitest";
import { normalizePath, parseTarget } from "./request-target.ts";

test.each([
  ["a plain path", "/a/b", "/a/b"],
  ["the root", "/", "/"],
  ["..", "/a/../b", "/b"],
  [".", "/a/./b", "/a/b"],
  [".. at the end", "/a/b/..", "/a/"],
  [". at the end", "/a/b/.", "/a/b/"],
  ["more .. than segments", "/../../b", "/b"],
  ["escaped dots", "/a/%2e%2E/b", "/b"],
  ["half escaped dots", "/a/.%2e/b", "/b"],
  ["dots that are names", "/a/.../.b", "/a/.../.b"],
  ["empty segments", "//a//b", "//a//b"],
  [".. over an empty segment", "/a//../b", "/a/b"],
  ["an escaped slash", "/a%2fb", "/a%2Fb"],
  ["an escaped slash with dots", "/a/..%2fb", "/a/..%2Fb"],
  ["escaped letters", "/%61%7Eb", "/a~b"],
  ["an escape of an escape", "/%252e%252e/a", "/%252e%252e/a"],
  ["a backslash", "/a\\..\\b", "/a%5C..%5Cb"],
  ["what many send unescaped", "/{a}|^", "/%7Ba%7D%7C%5E"],
  ["UTF-8 in escapes", "/%c3%a4", "/%C3%A4"],
])("normalizePath: %s", (_name, path, normal) => {
  expect(normalizePath(path)).toBe(normal);
  expect(normalizePath(normal)).toBe(normal);
});

test.each([
  ["NUL in an escape", "/a%00"],
  ["an escape cut off", "/a%2"],
  ["a percent at the end", "/a%"],
  ["an escape that is none", "/a%zz"],
  ["a space", "/a b"],
  ["a control character", "/a\u0001"],
  ["a fragment", "/a#b"],
  ["a byte above ASCII", "/\u00e4"],
])("normalizePath: refuses %s", (_name, path) => {
  expect(normalizePath(path)).toBeUndefined();
});

test.each([
  [
    "a query",
    "GET",
    "/a?b=%zz/../c",
    { kind: "path", path: "/a", query: "?b=%zz/../c", authority: undefined },
  ],
  [
    "an absolute form",
    "GET",
    "http://H:80/a?b",
    { kind: "path", path: "/a", query: "?b", authority: "H:80" },
  ],
  ["one without a path", "GET", "HTTP://h", { kind: "path", path: "/", query: "", authority: "h" }],
  ["one with a query alone", "GET", "http://h?x", { kind: "path", path: "/", query: "?x", authority: "h" }],
  [
    "user information, for the next to refuse",
    "GET",
    "http://u@h/",
    { kind: "path", path: "/", query: "", authority: "u@h" },
  ],
  ["OPTIONS *", "OPTIONS", "*", { kind: "server" }],
])("parseTarget: %s", (_name, method, target, parsed) => {
  expect(parseTarget(method, target)).toEqual(parsed);
});

test.each([
  ["GET *", "GET", "*"],
  ["an authority", "GET", "example.com:80"],
  ["another scheme", "GET", "ftp://h/"],
  ["a fragment in the query", "GET", "/a?b#c"],
  ["a space in the query", "GET", "/a?b c"],
  ["nothing", "GET", ""],
])("parseTarget: refuses %s", (_name, method, target) => {
  expect(parseTarget(method, target).kind).toBe("invalid");
});
