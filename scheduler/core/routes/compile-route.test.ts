import { expect, test } from "vitest";
import type { RouteRule, WasmRoute, WasmRouteSpec } from "../../../api/gen/kinds.gen.ts";
import { compileRoute, type RouteLookups } from "./compile-route.ts";

const backend = { kind: "WasmDeployment", name: "app", weight: 1 } as const;
const lookups: RouteLookups = {
  workload: (kind, name) => (name === "missing" ? undefined : `${kind} ${name}`),
  templateHash: (uid, revision) => (revision > 9 ? undefined : `${uid} ${revision}`),
  cannotServe: (uid) => (uid.endsWith("silent") ? "answers no requests" : undefined),
  certificateFault: (name) => (name === "bad" ? "Secret bad does not exist" : undefined),
};

function route(spec: Partial<WasmRouteSpec>): WasmRoute {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmRoute",
    metadata: {
      name: "r",
      namespace: "d",
      uid: "u",
      resourceVersion: "",
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: { rules: [{ backendRefs: [backend] }], ...spec },
  };
}

const ruleOf = (rule: RouteRule) => compileRoute(route({ rules: [rule] }), lookups).entry.rules[0];
const problemsOf = (spec: Partial<WasmRouteSpec>) =>
  compileRoute(route(spec), lookups).problems.map(({ reason, message }) => `${reason}: ${message}`);

test("compileRoute: what is left open", () => {
  expect(compileRoute(route({}), lookups)).toEqual({
    entry: {
      uid: "u",
      namespace: "d",
      name: "r",
      createdMs: Date.UTC(2026, 0, 1),
      hostnames: ["*"],
      rules: [
        {
          matches: [{ path: { kind: "prefix", value: "/" }, headers: [] }],
          backends: [{ workload: "WasmDeployment app", name: "app", weight: 1 }],
          requestTimeoutMs: 0,
          attemptTimeoutMs: 0,
          retry: { attempts: 2, codes: [] },
        },
      ],
    },
    problems: [],
    workloads: new Set(["WasmDeployment app"]),
  });
});

test("compileRoute: hosts in lower case and once, with a certificate by its full name", () => {
  const { entry } = compileRoute(
    route({ hostnames: ["A.example", "a.example"], tls: { secretName: "s", redirect: false } }),
    lookups,
  );
  expect(entry).toMatchObject({ hostnames: ["a.example"], tls: { certificate: "d/s", redirect: false } });
});

test.each<{ name: string; match: NonNullable<RouteRule["matches"]>[number]; path: unknown }>([
  {
    name: "an exact path",
    match: { path: { type: "Exact", value: "/a/" } },
    path: { kind: "exact", value: "/a/" },
  },
  {
    name: "a prefix",
    match: { path: { type: "PathPrefix", value: "/a" } },
    path: { kind: "prefix", value: "/a" },
  },
  {
    name: "a prefix that ends in a slash",
    match: { path: { type: "PathPrefix", value: "/a/" } },
    path: { kind: "prefix", value: "/a" },
  },
  {
    name: "the root",
    match: { path: { type: "PathPrefix", value: "/" } },
    path: { kind: "prefix", value: "/" },
  },
  {
    name: "what need not be encoded",
    match: { path: { type: "Exact", value: "/%61%c3%a9" } },
    path: { kind: "exact", value: "/a%C3%A9" },
  },
])("compileRoute: $name", ({ match, path }) => {
  expect(ruleOf({ matches: [match] })?.matches[0]?.path).toEqual(path);
});

test("compileRoute: methods, headers, filters, timeouts and retries", () => {
  const rule = ruleOf({
    matches: [{ method: "GET", headers: [{ name: "X-A", value: "Yes" }] }],
    filters: [
      {
        type: "RequestHeaderModifier",
        requestHeaderModifier: { set: [{ name: "X-B", value: "1" }], remove: ["X-C"] },
      },
      { type: "ResponseHeaderModifier", responseHeaderModifier: { add: [{ name: "X-D", value: "2" }] } },
      {
        type: "URLRewrite",
        urlRewrite: {
          hostname: "In.example",
          path: { type: "ReplacePrefixMatch", replacePrefixMatch: "/v2" },
        },
      },
    ],
    backendRefs: [{ ...backend, revision: 3, weight: 0 }],
    timeouts: { request: "1m30s", backendRequest: "1h0m0s5ms" },
    retry: { attempts: 0, codes: [503] },
  });
  expect(rule).toEqual({
    matches: [{ path: { kind: "prefix", value: "/" }, method: "GET", headers: [["x-a", "Yes"]] }],
    requestHeaders: { set: [["x-b", "1"]], add: [], remove: ["x-c"] },
    responseHeaders: { set: [], add: [["x-d", "2"]], remove: [] },
    rewrite: { hostname: "in.example", path: { kind: "prefix", value: "/v2" } },
    backends: [
      { workload: "WasmDeployment app", name: "app", templateHash: "WasmDeployment app 3", weight: 0 },
    ],
    requestTimeoutMs: 90_000,
    attemptTimeoutMs: 3_600_005,
    retry: { attempts: 0, codes: [503] },
  });
});

test("compileRoute: a redirect in place of backends", () => {
  const path = { type: "ReplaceFullPath", replaceFullPath: "/new" } as const;
  expect(
    ruleOf({
      filters: [
        { type: "RequestRedirect", requestRedirect: { scheme: "https", port: 8443, path, statusCode: 308 } },
      ],
    }),
  ).toMatchObject({
    redirect: { scheme: "https", port: 8443, path: { kind: "full", value: "/new" }, status: 308 },
    backends: [],
  });
});

test.each<{ name: string; spec: Partial<WasmRouteSpec>; problems: readonly string[] }>([
  {
    name: "a backend that does not exist, named twice",
    spec: {
      rules: [
        { backendRefs: [{ ...backend, name: "missing" }] },
        { backendRefs: [{ ...backend, name: "missing" }] },
      ],
    },
    problems: ["BackendNotFound: WasmDeployment missing does not exist"],
  },
  {
    name: "a revision that is not kept",
    spec: { rules: [{ backendRefs: [{ ...backend, kind: "WasmDaemonSet", revision: 10 }] }] },
    problems: ["BackendNotFound: WasmDaemonSet app has no revision 10"],
  },
  {
    name: "a backend that answers nothing",
    spec: { rules: [{ backendRefs: [{ ...backend, name: "silent" }] }] },
    problems: ["UnsupportedProtocol: WasmDeployment silent answers no requests"],
  },
  {
    name: "a certificate that is of no use",
    spec: { tls: { secretName: "bad", redirect: true } },
    problems: ["InvalidCertificateRef: Secret bad does not exist"],
  },
])("compileRoute: $name", ({ spec, problems }) => {
  expect(problemsOf(spec)).toEqual(problems);
});

test("compileRoute: without a certificate nothing is answered in the clear that was to be sent on", () => {
  const { entry } = compileRoute(route({ tls: { secretName: "bad", redirect: true } }), lookups);
  expect(entry.tls).toEqual({ certificate: "d/bad", redirect: true });
});
