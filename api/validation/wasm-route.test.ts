import { expect, test } from "vitest";
import type { RouteRule, WasmRoute, WasmRouteSpec } from "../gen/kinds.gen.ts";
import { validateWasmRoute, wasmRouteWarnings } from "./wasm-route.ts";

const backend = { kind: "WasmDeployment", name: "app", weight: 1 } as const;

function route(spec: Partial<WasmRouteSpec>): WasmRoute {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmRoute",
    metadata: { name: "r", namespace: "default", uid: "u", resourceVersion: "1", creationTimestamp: "" },
    spec: { rules: [{ backendRefs: [backend] }], ...spec },
  };
}

function faultsOf(spec: Partial<WasmRouteSpec>): readonly string[] {
  return validateWasmRoute(route(spec)).map(({ field, message }) => `${field}: ${message}`);
}

test.each<{ name: string; hostname: string; wrong?: RegExp }>([
  { name: "a name", hostname: "shop.example.com" },
  { name: "one label", hostname: "localhost" },
  { name: "all names below one", hostname: "*.example.com" },
  { name: "punycode", hostname: "xn--bcher-kva.example" },
  { name: "everything", hostname: "*", wrong: /leave hostnames empty/ },
  { name: "a wildcard within", hostname: "a.*.example.com", wrong: /whole first label only/ },
  { name: "a part of a label", hostname: "a*.example.com", wrong: /whole first label only/ },
  { name: "two wildcards", hostname: "*.*.example.com", wrong: /whole first label only/ },
  { name: "an IPv4 address", hostname: "10.0.0.7", wrong: /not an IP address/ },
  { name: "an IPv6 address", hostname: "::1", wrong: /not an IP address/ },
  { name: "an IPv6 address in brackets", hostname: "[::1]", wrong: /not an IP address/ },
  { name: "an address in another disguise", hostname: "127.1", wrong: /not end in a number/ },
  { name: "an address in hexadecimal", hostname: "0x7f000001", wrong: /not end in a number/ },
  { name: "an address behind a wildcard", hostname: "*.0.0.1", wrong: /not end in a number/ },
  { name: "a port", hostname: "example.com:8080", wrong: /not have a port/ },
  { name: "upper case", hostname: "Example.com", wrong: /lowercase RFC 1123/ },
  { name: "a dot at the end", hostname: "example.com.", wrong: /lowercase RFC 1123/ },
  { name: "an underscore", hostname: "a_b.example.com", wrong: /lowercase RFC 1123/ },
  { name: "a scheme", hostname: "http://example.com", wrong: /without scheme and path/ },
  { name: "an empty label", hostname: "a..example.com", wrong: /lowercase RFC 1123/ },
  { name: "a label that is too long", hostname: `${"a".repeat(64)}.com`, wrong: /63 characters/ },
  { name: "a line end", hostname: "example.com\nx", wrong: /lowercase RFC 1123/ },
])("validateWasmRoute: hostname is $name", ({ hostname, wrong }) => {
  const faults = faultsOf({ hostnames: [hostname] });
  expect(faults).toHaveLength(wrong === undefined ? 0 : 1);
  if (wrong) expect(faults[0]).toMatch(wrong);
});

test.each<{ name: string; value: string; wrong?: RegExp }>([
  { name: "the root", value: "/" },
  { name: "parts", value: "/shop/v1.2/~me" },
  { name: "an end with a slash", value: "/shop/" },
  { name: "what is encoded", value: "/a%20b/%C3%A9" },
  { name: "three dots", value: "/a/.../b" },
  { name: "no slash at first", value: "shop", wrong: /absolute path/ },
  { name: "nothing", value: "", wrong: /absolute path/ },
  { name: "a way up", value: "/a/../b", wrong: /'\.' or '\.\.'/ },
  { name: "a way up at the end", value: "/a/..", wrong: /'\.' or '\.\.'/ },
  { name: "an encoded way up", value: "/a/%2e%2E/b", wrong: /'\.' or '\.\.'/ },
  { name: "a half encoded way up", value: "/a/.%2e/b", wrong: /'\.' or '\.\.'/ },
  { name: "this very place", value: "/a/./b", wrong: /'\.' or '\.\.'/ },
  { name: "two slashes", value: "/a//b", wrong: /'\/\/'/ },
  { name: "two slashes at first", value: "//evil.example", wrong: /'\/\/'/ },
  { name: "an encoded slash", value: "/a%2fb", wrong: /encoded/ },
  { name: "an encoded backslash", value: "/a%5cb", wrong: /encoded/ },
  { name: "an encoded NUL", value: "/a%00", wrong: /encoded/ },
  { name: "a backslash", value: "/a\\b", wrong: /no query, fragment/ },
  { name: "a query", value: "/a?b=1", wrong: /no query, fragment/ },
  { name: "a fragment", value: "/a#b", wrong: /no query, fragment/ },
  { name: "a blank", value: "/a b", wrong: /no query, fragment/ },
  { name: "half a code", value: "/a%2", wrong: /two hexadecimal digits/ },
  { name: "letters beyond ASCII", value: "/é", wrong: /no query, fragment/ },
])("validateWasmRoute: path is $name", ({ value, wrong }) => {
  const faults = faultsOf({
    rules: [{ matches: [{ path: { type: "PathPrefix", value } }], backendRefs: [backend] }],
  });
  expect(faults).toHaveLength(wrong === undefined ? 0 : 1);
  if (wrong) expect(faults[0]).toMatch(wrong);
});

const prefix = { path: { type: "PathPrefix", value: "/a" } } as const;
const exact = { path: { type: "Exact", value: "/a" } } as const;
const set = (name: string, value = "x") =>
  ({ type: "RequestHeaderModifier", requestHeaderModifier: { set: [{ name, value }] } }) as const;

test.each<{ name: string; rule: RouteRule; wrong: readonly string[] }>([
  {
    name: "all of it, well",
    rule: {
      matches: [{ ...prefix, method: "GET", headers: [{ name: "X-Canary", value: "yes" }] }],
      filters: [
        set("X-From"),
        {
          type: "ResponseHeaderModifier",
          responseHeaderModifier: { remove: ["Server"], add: [{ name: "X", value: "y" }] },
        },
        {
          type: "URLRewrite",
          urlRewrite: {
            hostname: "in.example",
            path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/" },
          },
        },
      ],
      backendRefs: [backend, { ...backend, revision: 2, weight: 9 }, { ...backend, kind: "WasmDaemonSet" }],
      timeouts: { request: "1m30s", backendRequest: "500ms" },
    },
    wrong: [],
  },
  {
    name: "a header twice, in another case",
    rule: {
      matches: [
        {
          headers: [
            { name: "A", value: "1" },
            { name: "a", value: "2" },
          ],
        },
      ],
      backendRefs: [backend],
    },
    wrong: ['matches[0].headers[1].name: Duplicate value: "a"'],
  },
  {
    name: "a header whose name is none, and a value with a line end",
    rule: { matches: [{ headers: [{ name: "a b", value: "x\r\ny" }] }], backendRefs: [backend] },
    wrong: ["matches[0].headers[0].name: Invalid", "matches[0].headers[0].value: Invalid"],
  },
  {
    name: "pseudo headers",
    rule: { filters: [set(":authority")], backendRefs: [backend] },
    wrong: ["filters[0].requestHeaderModifier.set[0].name: Invalid"],
  },
  ...["Connection", "transfer-encoding", "Content-Length", "TE", "Upgrade", "Keep-Alive", "Host"].map(
    (name) => ({
      name: `${name} set`,
      rule: { filters: [set(name)], backendRefs: [backend] },
      wrong: ["filters[0].requestHeaderModifier.set[0].name: Forbidden"],
    }),
  ),
  {
    name: "a header split by its value",
    rule: { filters: [set("x", "a\r\nEvil: 1")], backendRefs: [backend] },
    wrong: ["filters[0].requestHeaderModifier.set[0].value: Invalid"],
  },
  {
    name: "a header set and removed",
    rule: {
      filters: [
        {
          type: "RequestHeaderModifier",
          requestHeaderModifier: { set: [{ name: "A", value: "1" }], remove: ["a"] },
        },
      ],
      backendRefs: [backend],
    },
    wrong: ['filters[0].requestHeaderModifier.remove[0]: Duplicate value: "a"'],
  },
  {
    name: "headers that stay as they are",
    rule: { filters: [{ type: "RequestHeaderModifier", requestHeaderModifier: {} }], backendRefs: [backend] },
    wrong: ["filters[0].requestHeaderModifier: Required"],
  },
  {
    name: "another field than that of the type",
    rule: {
      filters: [{ type: "URLRewrite", requestRedirect: { statusCode: 302, port: 1 } }],
      backendRefs: [backend],
    },
    wrong: ["filters[0].requestRedirect: Forbidden", "filters[0].urlRewrite: Required"],
  },
  {
    name: "one type twice",
    rule: { filters: [set("a"), set("b")], backendRefs: [backend] },
    wrong: ['filters[1].type: Duplicate value: "RequestHeaderModifier"'],
  },
  {
    name: "a redirect with backends",
    rule: {
      filters: [{ type: "RequestRedirect", requestRedirect: { scheme: "https", statusCode: 301 } }],
      backendRefs: [backend],
    },
    wrong: ["backendRefs: Forbidden"],
  },
  {
    name: "a redirect with a rewrite",
    rule: {
      filters: [
        { type: "URLRewrite", urlRewrite: { hostname: "a.example" } },
        { type: "RequestRedirect", requestRedirect: { scheme: "https", statusCode: 301 } },
      ],
    },
    wrong: ["filters[1].type: Forbidden"],
  },
  {
    name: "a redirect to the same place",
    rule: { filters: [{ type: "RequestRedirect", requestRedirect: { statusCode: 302 } }] },
    wrong: ["filters[0].requestRedirect: Required"],
  },
  {
    name: "a redirect to a host that is none",
    rule: { filters: [{ type: "RequestRedirect", requestRedirect: { hostname: "a/b", statusCode: 302 } }] },
    wrong: ["filters[0].requestRedirect.hostname: Invalid"],
  },
  {
    name: "a prefix replaced where a match is exact",
    rule: {
      matches: [prefix, exact],
      filters: [
        {
          type: "URLRewrite",
          urlRewrite: { path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/b" } },
        },
      ],
      backendRefs: [backend],
    },
    wrong: ["filters[0].urlRewrite.path.type: Invalid"],
  },
  {
    name: "a path that is replaced by the field of the other type",
    rule: {
      filters: [
        { type: "URLRewrite", urlRewrite: { path: { type: "ReplaceFullPath", replacePrefixMatch: "/b" } } },
      ],
      backendRefs: [backend],
    },
    wrong: [
      "filters[0].urlRewrite.path.replacePrefixMatch: Forbidden",
      "filters[0].urlRewrite.path.replaceFullPath: Required",
    ],
  },
  {
    name: "a path that leads up",
    rule: {
      filters: [
        { type: "URLRewrite", urlRewrite: { path: { type: "ReplaceFullPath", replaceFullPath: "/../x" } } },
      ],
      backendRefs: [backend],
    },
    wrong: ["filters[0].urlRewrite.path.replaceFullPath: Invalid"],
  },
  {
    name: "a backend twice",
    rule: { backendRefs: [backend, { ...backend, weight: 5 }] },
    wrong: ["backendRefs[1]: Duplicate"],
  },
  {
    name: "a backend without a name",
    rule: { backendRefs: [{ ...backend, name: "a/b" }] },
    wrong: ["backendRefs[0].name: Invalid"],
  },
  {
    name: "attempts that take longer than all of it",
    rule: { backendRefs: [backend], timeouts: { request: "1s", backendRequest: "2s" } },
    wrong: ["timeouts.backendRequest: Invalid"],
  },
  {
    name: "no limit for all, and one for each attempt",
    rule: { backendRefs: [backend], timeouts: { request: "0s", backendRequest: "2s" } },
    wrong: [],
  },
  {
    name: "months",
    rule: { backendRefs: [backend], timeouts: { request: "99999h" } },
    wrong: ["timeouts.request: Invalid"],
  },
])("validateWasmRoute: $name", ({ rule, wrong }) => {
  const faults = faultsOf({ rules: [rule] });
  expect(faults).toHaveLength(wrong.length);
  for (const [at, text] of wrong.entries()) expect(faults[at]).toContain(`spec.rules[0].${text}`);
});

test("validateWasmRoute: the name of a Secret that is none", () => {
  expect(faultsOf({ tls: { secretName: "a/b", redirect: true } })).toEqual([
    expect.stringContaining("spec.tls.secretName: Invalid"),
  ]);
});

test.each<{ name: string; rule: RouteRule; warning?: string }>([
  { name: "nothing", rule: { backendRefs: [backend] } },
  {
    name: "no backends",
    rule: {},
    warning: "spec.rules[0].backendRefs: there is none, so its requests are answered with 500",
  },
  {
    name: "weights that are all 0",
    rule: { backendRefs: [{ ...backend, weight: 0 }] },
    warning: "spec.rules[0].backendRefs: all have weight 0, so its requests are answered with 500",
  },
  { name: "one weight of 0", rule: { backendRefs: [backend, { ...backend, name: "b", weight: 0 }] } },
  {
    name: "nothing about a redirect",
    rule: { filters: [{ type: "RequestRedirect", requestRedirect: { port: 1, statusCode: 302 } }] },
  },
])("wasmRouteWarnings: of $name", ({ rule, warning }) => {
  expect(wasmRouteWarnings(route({ rules: [rule] }))).toEqual(warning === undefined ? [] : [warning]);
});
