import { expect, test } from "vitest";
import type { InstanceSpec, Probe } from "../gen/kinds.gen.ts";
import { mountOfPath, probeFaults } from "./probes.ts";

const timing = {
  initialDelaySeconds: 0,
  periodSeconds: 10,
  timeoutSeconds: 1,
  successThreshold: 1,
  failureThreshold: 3,
};

function probe(given: Partial<Probe> = {}): Probe {
  return { ...timing, ...given };
}

function spec(given: Partial<InstanceSpec> = {}): InstanceSpec {
  return {
    module: { image: "file:///app.wasm" },
    resources: {},
    terminationGracePeriodSeconds: 30,
    terminationMessagePolicy: "File",
    stopNotice: "none",
    listeners: [
      { name: "http", port: 8080, address: "127.0.0.1" },
      { name: "any", port: 0, address: "127.0.0.1" },
    ],
    volumes: [
      { name: "data", emptyDir: {} },
      { name: "conf", configMap: { name: "c", optional: false } },
    ],
    mounts: [
      { volume: "data", path: "/data", readOnly: false },
      { volume: "data", path: "/data/frozen", readOnly: true },
      { volume: "conf", path: "/conf", readOnly: false },
    ],
    ...given,
  };
}

const exec = { args: ["check"] };

test.each<{ name: string; given: Partial<InstanceSpec>; faults: readonly string[] }>([
  {
    name: "all of it, well",
    given: {
      startupProbe: probe({ exec }),
      readinessProbe: probe({ httpGet: { port: "http", path: "/ready?full=1" }, successThreshold: 2 }),
      livenessProbe: probe({ tcpSocket: { port: 8080 }, terminationGracePeriodSeconds: 1 }),
      lifecycle: { preStop: { sleep: { seconds: 30 } } },
      terminationMessagePath: "/data/last-words",
    },
    faults: [],
  },
  {
    name: "no handler",
    given: { livenessProbe: probe() },
    faults: ["s.livenessProbe: Required value: must specify a handler type: one of exec, httpGet, tcpSocket"],
  },
  {
    name: "two handlers",
    given: { livenessProbe: probe({ exec, tcpSocket: { port: "http" } }) },
    faults: ["s.livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
  },
  {
    name: "a listener that is not there",
    given: { readinessProbe: probe({ tcpSocket: { port: 9090 } }) },
    faults: [
      "s.readinessProbe.tcpSocket.port: Not found: 9090: no listener has this name or port; a probe reaches spec.listeners only",
    ],
  },
  {
    name: "port 0 is none, although a listener has it",
    given: { readinessProbe: probe({ tcpSocket: { port: 0 } }) },
    faults: [
      "s.readinessProbe.tcpSocket.port: Not found: 0: no listener has this name or port; a probe reaches spec.listeners only",
    ],
  },
  {
    name: "a listener whose port nobody knows",
    given: { readinessProbe: probe({ httpGet: { port: "any", path: "/" } }) },
    faults: [
      's.readinessProbe.httpGet.port: Invalid value: "any": the listener "any" has port 0, so nobody outside knows its port; give it one to probe it',
    ],
  },
  {
    name: "thresholds and graces where they mean nothing",
    given: {
      startupProbe: probe({ exec, successThreshold: 2 }),
      readinessProbe: probe({ exec, terminationGracePeriodSeconds: 1 }),
    },
    faults: [
      "s.startupProbe.successThreshold: Invalid value: 2: must be 1",
      "s.readinessProbe.terminationGracePeriodSeconds: Invalid value: 1: must not be set for readinessProbes",
    ],
  },
  {
    name: "a request that smuggles another",
    given: {
      livenessProbe: probe({
        httpGet: {
          port: "http",
          path: "/ HTTP/1.1\r\nx: y",
          httpHeaders: [
            { name: "a:b", value: "c" },
            { name: "d", value: "e\r\nf: g" },
          ],
        },
      }),
    },
    faults: [
      expect.stringContaining("s.livenessProbe.httpGet.path: Invalid value") as string,
      expect.stringContaining("s.livenessProbe.httpGet.httpHeaders[0].name: Invalid value") as string,
      expect.stringContaining("s.livenessProbe.httpGet.httpHeaders[1].value: Invalid value") as string,
    ],
  },
  {
    name: "a preStop of nothing",
    given: { lifecycle: { preStop: {} } },
    faults: ["s.lifecycle.preStop: Required value: must specify a handler type: one of exec, sleep"],
  },
  {
    name: "a sleep beyond the grace",
    given: { lifecycle: { preStop: { sleep: { seconds: 31 } } } },
    faults: [
      "s.lifecycle.preStop.sleep.seconds: Invalid value: 31: must not be above terminationGracePeriodSeconds (30)",
    ],
  },
  ...["last-words", "/data/../x", "/elsewhere/x", "/data"].map((path) => ({
    name: `a termination message at ${path}`,
    given: { terminationMessagePath: path },
    faults: [expect.stringContaining("s.terminationMessagePath: Invalid value") as string],
  })),
  ...["/data/frozen/x", "/conf/x"].map((path) => ({
    name: `a termination message at ${path}, read-only`,
    given: { terminationMessagePath: path },
    faults: [expect.stringContaining("the guest cannot write there") as string],
  })),
])("probeFaults: $name", ({ given, faults }) => {
  const found = probeFaults(spec(given), "s").map(({ field, message }) => `${field}: ${message}`);
  expect(found).toEqual(faults);
});

test.each([
  { path: "/data/a/b", mount: "/data", below: ["a", "b"] },
  { path: "//data/./frozen/x", mount: "/data/frozen", below: ["x"] },
  { path: "/database/x", mount: undefined, below: undefined },
])("mountOfPath: $path", ({ path, mount, below }) => {
  const found = mountOfPath(path, spec().mounts ?? []);
  expect([found?.mount.path, found?.below]).toEqual([mount, below]);
});

test("probeFaults: no probe asks a port that other instances share", () => {
  const http = { handler: "wagi", listener: "http", concurrency: 1, queueLength: 1 } as const;
  const shared = spec({
    http: { ...http, requestsPerInstance: 1, requestTimeoutSeconds: 1, maxRequestBodyBytes: 1 },
    listeners: [{ name: "http", port: 8080, address: "127.0.0.1" }],
    livenessProbe: probe({ tcpSocket: { port: "http" } }),
  });
  expect(probeFaults(shared, "s").map(({ field }) => field)).toEqual(["s.livenessProbe.tcpSocket.port"]);
});
