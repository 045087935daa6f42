import { expect, test } from "vitest";
import type { WasmRoute, WasmRouteSpec } from "../../../api/gen/kinds.gen.ts";
import { type KnownGateways, routeStatus } from "./route-status.ts";

const present: KnownGateways = {
  kind: "present",
  url: "http://10.0.0.7:8080",
  secureUrl: "https://10.0.0.8:443",
};

function route(spec: Partial<WasmRouteSpec> = {}): WasmRoute {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmRoute",
    metadata: {
      name: "r",
      namespace: "d",
      uid: "u",
      generation: 3,
      resourceVersion: "",
      creationTimestamp: "2026-01-01T00:00:00Z",
    },
    spec: { rules: [{}], ...spec },
  };
}

const fine = { refusal: undefined, problems: [], certificate: undefined, gateways: present };
const said = (status: ReturnType<typeof routeStatus>) =>
  Object.fromEntries(
    (status.conditions ?? []).map(({ type, status: is, reason }) => [type, `${is} ${reason}`]),
  );

test.each<{ name: string; spec: Partial<WasmRouteSpec>; gateways?: KnownGateways; url: string | undefined }>([
  { name: "a hostname", spec: { hostnames: ["a.example"] }, url: "http://a.example:8080" },
  { name: "a wildcard first", spec: { hostnames: ["*.example", "b.example"] }, url: "http://b.example:8080" },
  { name: "nothing but wildcards", spec: { hostnames: ["*.example"] }, url: "http://10.0.0.7:8080" },
  { name: "no hostname", spec: {}, url: "http://10.0.0.7:8080" },
  {
    name: "a path",
    spec: { rules: [{ matches: [{ path: { type: "PathPrefix", value: "/shop" } }] }] },
    url: "http://10.0.0.7:8080/shop",
  },
  {
    name: "TLS at the usual port",
    spec: { hostnames: ["a.example"], tls: { secretName: "s", redirect: true } },
    url: "https://a.example",
  },
  {
    name: "TLS that nobody accepts",
    spec: { hostnames: ["a.example"], tls: { secretName: "s", redirect: true } },
    gateways: { ...present, secureUrl: undefined },
    url: undefined,
  },
  {
    name: "gateways that accept HTTPS only",
    spec: {},
    gateways: { ...present, url: undefined },
    url: "https://10.0.0.8",
  },
  {
    name: "an IPv6 address",
    spec: {},
    gateways: { ...present, url: "http://[fd00::7]:80" },
    url: "http://[fd00::7]",
  },
  { name: "no gateway", spec: {}, gateways: { kind: "none" }, url: undefined },
])("routeStatus.url: with $name", ({ spec, gateways = present, url }) => {
  expect(routeStatus(route(spec), { ...fine, gateways }, 0).url).toBe(url);
});

test("routeStatus: all is well", () => {
  const status = routeStatus(route(), fine, 0);
  expect(status.observedGeneration).toBe(3);
  expect(said(status)).toEqual({
    Accepted: "True Accepted",
    ResolvedRefs: "True ResolvedRefs",
    Programmed: "True Programmed",
  });
});

test("routeStatus: what is refused has no URL, and says whose the host is", () => {
  const status = routeStatus(
    route(),
    { ...fine, refusal: { kind: "conflict", hostname: "a.example", namespace: "other" } },
    0,
  );
  expect(status.url).toBeUndefined();
  expect(said(status)).toMatchObject({ Accepted: "False HostConflict", Programmed: "False NotAccepted" });
  expect(status.conditions?.[0]?.message).toContain("a.example belongs to namespace other");
});

test.each([
  ["*", "all hosts that nobody names"],
  ["*.com", "hostname *.com"],
])(
  "routeStatus: whose namespace may not name %s has no URL, and is told who can allow it",
  (hostname, what) => {
    const status = routeStatus(route(), { ...fine, refusal: { kind: "wide", hostname } }, 0);
    expect(status.url).toBeUndefined();
    expect(said(status)).toMatchObject({ Accepted: "False HostNotAllowed", Programmed: "False NotAccepted" });
    expect(status.conditions?.[0]?.message).toContain(`namespace d may not have a route for ${what}`);
    expect(status.conditions?.[0]?.message).toContain("wherry.dev/wide-hosts=true");
  },
);

test("routeStatus: all problems are told, cut where they are too many", () => {
  const problems = Array.from({ length: 100 }, (_, at) => ({
    reason: "BackendNotFound" as const,
    message: `WasmDeployment missing-${at} does not exist`,
  }));
  const resolved = routeStatus(route(), { ...fine, problems }, 0).conditions?.[1];
  expect(resolved).toMatchObject({ type: "ResolvedRefs", status: "False", reason: "BackendNotFound" });
  expect(resolved?.message).toMatch(
    /^WasmDeployment missing-0 does not exist; WasmDeployment missing-1 .*…$/,
  );
  expect(resolved?.message.length).toBeLessThanOrEqual(1_024);
});

test("routeStatus: what there is to say of a certificate is said as long as there is one", () => {
  const certificate = { secretName: "s", uncovered: ["a.example"], validFromMs: 0, validToMs: 9e9 };
  const status = routeStatus(route(), { ...fine, certificate }, 1);
  expect(said(status)).toMatchObject({ Accepted: "True Accepted", CertificateValid: "False HostNotCovered" });
  expect(said(routeStatus({ ...route(), status }, fine, 2))).not.toHaveProperty("CertificateValid");
});

test("routeStatus: until all nodes have reported, what was said of gateways stays", () => {
  const before = { ...route(), status: routeStatus(route(), fine, 0) };
  expect(routeStatus(before, { ...fine, gateways: { kind: "unknown" } }, 9_000)).toBe(before.status);
  expect(said(routeStatus(route(), { ...fine, gateways: { kind: "unknown" } }, 0))).not.toHaveProperty(
    "Programmed",
  );
});

test("routeStatus: the same again is the same value, and a time moves only with its status", () => {
  const before = { ...route(), status: routeStatus(route(), fine, 0) };
  expect(routeStatus(before, fine, 5_000)).toBe(before.status);
  const after = routeStatus(before, { ...fine, gateways: { kind: "none" } }, 5_000);
  expect(after.conditions?.map(({ lastTransitionTime }) => lastTransitionTime)).toEqual([
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:05Z",
  ]);
});
