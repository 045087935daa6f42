import { describe, expect, test } from "vitest";
import type { AutoscalerMetric, WasmAutoscaler, WasmAutoscalerSpec } from "../gen/kinds.gen.ts";
import { validateWasmAutoscaler } from "./wasm-autoscaler.ts";
import { wasmAutoscalerWarnings } from "./wasm-autoscaler-warnings.ts";

function autoscaler(spec: Partial<WasmAutoscalerSpec>): WasmAutoscaler {
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmAutoscaler",
    metadata: { name: "a", namespace: "default", uid: "u", resourceVersion: "1", creationTimestamp: "" },
    spec: {
      scaleTargetRef: { apiVersion: "wherry.dev/v1alpha1", kind: "WasmDeployment", name: "web" },
      minReplicas: 1,
      maxReplicas: 10,
      idleSeconds: 300,
      ...spec,
    },
  };
}

function faultsOf(spec: Partial<WasmAutoscalerSpec>, old?: Partial<WasmAutoscalerSpec>): readonly string[] {
  const before = old === undefined ? undefined : autoscaler(old);
  return validateWasmAutoscaler(autoscaler(spec), before).map(({ field, message }) => `${field}: ${message}`);
}

type Prometheus = NonNullable<AutoscalerMetric["prometheus"]>;
type Redis = NonNullable<AutoscalerMetric["redis"]>;

function prometheus(fields: Partial<Prometheus> = {}): AutoscalerMetric {
  return {
    type: "Prometheus",
    prometheus: {
      serverURL: "http://prometheus:9090",
      query: "up",
      target: { type: "Value", value: 5 },
      intervalSeconds: 15,
      timeoutSeconds: 5,
      staleAfterSeconds: 60,
      ...fields,
    },
  };
}

function redis(fields: Partial<Redis> = {}): AutoscalerMetric {
  return {
    type: "Redis",
    redis: {
      address: "redis:6379",
      database: 0,
      list: { key: "jobs" },
      target: { type: "AverageValue", averageValue: 10 },
      intervalSeconds: 5,
      timeoutSeconds: 5,
      ...fields,
    },
  };
}

const cpu: AutoscalerMetric = {
  type: "Resource",
  resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } },
};

function schedule(start: string, end: string, timeZone?: string): AutoscalerMetric {
  return {
    type: "Schedule",
    schedule: { start, end, replicas: 3, ...(timeZone === undefined ? {} : { timeZone }) },
  };
}

test.each<{
  readonly name: string;
  readonly spec: Partial<WasmAutoscalerSpec>;
  readonly faults: readonly unknown[];
}>([
  { name: "nothing wrong, and no metric", spec: {}, faults: [] },
  {
    name: "each type of metric",
    spec: { metrics: [cpu, prometheus(), redis(), schedule("0 8 * * *", "0 18 * * *", "Europe/Berlin")] },
    faults: [],
  },
  {
    name: "a max below min",
    spec: { minReplicas: 5, maxReplicas: 4 },
    faults: ["spec.maxReplicas: Invalid value: 4: must be greater than or equal to `minReplicas`"],
  },
  { name: "a max that is min", spec: { minReplicas: 5, maxReplicas: 5 }, faults: [] },
  {
    name: "zero without a metric",
    spec: { minReplicas: 0 },
    faults: [expect.stringContaining("spec.metrics: Forbidden: must specify at least one metric of type")],
  },
  {
    name: "zero with what instances use only",
    spec: { minReplicas: 0, metrics: [cpu] },
    faults: [expect.stringContaining("spec.metrics: Forbidden: must specify at least one metric of type")],
  },
  {
    name: "zero with a metric that says something of it only as a fallback",
    spec: { minReplicas: 0, metrics: [cpu], fallback: [prometheus()] },
    faults: [expect.stringContaining("spec.metrics: Forbidden")],
  },
  { name: "zero with a queue beside cpu", spec: { minReplicas: 0, metrics: [cpu, redis()] }, faults: [] },
  {
    name: "a type without its field",
    spec: { metrics: [{ type: "Redis" }] },
    faults: ["spec.metrics[0].redis: Required value: must populate information for the given metric source"],
  },
  {
    name: "a field of another type",
    spec: { fallback: [{ ...cpu, ...redis(), type: "Resource" }] },
    faults: ["spec.fallback[0].redis: Forbidden: must populate the given metric source only"],
  },
  {
    name: "a type of target that the metric has not",
    spec: {
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Value", value: 1 } } },
        {
          type: "Requests",
          requests: { metric: "inFlight", target: { type: "Utilization", averageUtilization: 1 } },
        },
        prometheus({ target: { type: "Utilization", averageUtilization: 1 } }),
        redis({ target: { type: "Utilization", averageUtilization: 1 } }),
      ],
    },
    faults: [
      'spec.metrics[0].resource.target.type: Unsupported value: "Value": supported values: "Utilization", "AverageValue"',
      'spec.metrics[1].requests.target.type: Unsupported value: "Utilization": supported values: "AverageValue", "Value"',
      'spec.metrics[2].prometheus.target.type: Unsupported value: "Utilization": supported values: "Value", "AverageValue"',
      'spec.metrics[3].redis.target.type: Unsupported value: "Utilization": supported values: "Value", "AverageValue"',
    ],
  },
  {
    name: "a target without its value, and with another's",
    spec: { metrics: [prometheus({ target: { type: "Value", averageValue: 5 } })] },
    faults: [
      "spec.metrics[0].prometheus.target.value: Required value: must be set when type is Value",
      "spec.metrics[0].prometheus.target.averageValue: Forbidden: may not be set when type is Value",
    ],
  },
  {
    name: "targets that are nothing, negative, no quantity, beyond all quantities",
    spec: {
      metrics: ["0", "-1", "many", "1e300"].map((value) => prometheus({ target: { type: "Value", value } })),
    },
    faults: [
      'spec.metrics[0].prometheus.target.value: Invalid value: "0": must be positive',
      'spec.metrics[1].prometheus.target.value: Invalid value: "-1": must be positive',
      expect.stringContaining('spec.metrics[2].prometheus.target.value: Invalid value: "many"'),
      expect.stringContaining('spec.metrics[3].prometheus.target.value: Invalid value: "1e300"'),
    ],
  },
  {
    name: "a negative threshold and tolerance",
    spec: {
      metrics: [prometheus({ activationThreshold: -1 }), redis({ activationThreshold: "-1m" })],
      behavior: {
        scaleUp: { selectPolicy: "Max", tolerance: "-0.1" },
        scaleDown: { selectPolicy: "Max", tolerance: "x" },
      },
    },
    faults: [
      "spec.metrics[0].prometheus.activationThreshold: Invalid value: -1: must be greater than or equal to 0",
      'spec.metrics[1].redis.activationThreshold: Invalid value: "-1m": must be greater than or equal to 0',
      'spec.behavior.scaleUp.tolerance: Invalid value: "-0.1": must be greater than or equal to 0',
      expect.stringContaining('spec.behavior.scaleDown.tolerance: Invalid value: "x"'),
    ],
  },
  {
    name: "the same policy twice, in two words",
    spec: {
      behavior: {
        scaleUp: {
          selectPolicy: "Min",
          policies: [
            { type: "Pods", value: 4, periodSeconds: 60 },
            { type: "Percent", value: 4, periodSeconds: 60 },
            { type: "Instances", value: 4, periodSeconds: 60 },
          ],
        },
      },
    },
    faults: [expect.stringContaining("spec.behavior.scaleUp.policies[2]: Duplicate value")],
  },
  {
    name: "a target whose name or kind is no part of a path",
    spec: { scaleTargetRef: { apiVersion: "v1", kind: "a/b", name: ".." } },
    faults: [
      "spec.scaleTargetRef.kind: Invalid value: \"a/b\": may not contain '/'",
      "spec.scaleTargetRef.name: Invalid value: \"..\": may not be '..'",
    ],
  },
  {
    name: "a version that is none",
    spec: { scaleTargetRef: { apiVersion: "a/b/c", kind: "A", name: "a" } },
    faults: [expect.stringContaining('spec.scaleTargetRef.apiVersion: Invalid value: "a/b/c"')],
  },
  {
    name: "an empty query, a token beside a password, a user with a colon",
    spec: {
      metrics: [
        prometheus({
          query: " \n",
          bearerTokenRef: { name: "s", key: "k" },
          basicAuth: { username: "a:b", passwordRef: { name: "s", key: "k" } },
        }),
      ],
    },
    faults: [
      "spec.metrics[0].prometheus.query: Required value: must be a PromQL expression",
      "spec.metrics[0].prometheus.basicAuth.username: Invalid value: \"a:b\": must not contain ':' (RFC 7617)",
      "spec.metrics[0].prometheus.basicAuth: Forbidden: may not be set together with bearerTokenRef",
    ],
  },
  {
    name: "Secrets whose names or keys cannot be",
    spec: {
      metrics: [
        prometheus({
          bearerTokenRef: { name: "S", key: "../k" },
          tls: { insecureSkipVerify: false, caRef: { name: "a/b", key: "k" }, serverName: "*.a" },
        }),
      ],
    },
    faults: [
      expect.stringContaining('spec.metrics[0].prometheus.tls.caRef.name: Invalid value: "a/b"'),
      expect.stringContaining('spec.metrics[0].prometheus.tls.serverName: Invalid value: "*.a"'),
      expect.stringContaining('spec.metrics[0].prometheus.bearerTokenRef.name: Invalid value: "S"'),
      expect.stringContaining('spec.metrics[0].prometheus.bearerTokenRef.key: Invalid value: "../k"'),
    ],
  },
  {
    name: "headers that are none, are ours, are a secret, come twice",
    spec: {
      metrics: [
        prometheus({
          headers: [
            { name: "X-Scope-OrgID", value: "a" },
            { name: "a b", value: "a" },
            { name: "x", value: "a\r\nb: c" },
            { name: "Host", value: "a" },
            { name: "Content-Length", value: "1" },
            { name: "authorization", value: "a" },
            { name: "x-scope-orgid", value: "b" },
          ],
        }),
      ],
    },
    faults: [
      'spec.metrics[0].prometheus.headers[1].name: Invalid value: "a b": must be a valid HTTP header name',
      expect.stringContaining("spec.metrics[0].prometheus.headers[2].value: Invalid value"),
      "spec.metrics[0].prometheus.headers[3].name: Forbidden: Host is set by whoever asks",
      "spec.metrics[0].prometheus.headers[4].name: Forbidden: Content-Length is set by whoever asks",
      expect.stringContaining("spec.metrics[0].prometheus.headers[5].name: Forbidden: set bearerTokenRef"),
      'spec.metrics[0].prometheus.headers[6].name: Duplicate value: "x-scope-orgid"',
    ],
  },
  {
    name: "neither a list nor a stream, and both",
    spec: {
      metrics: [{ type: "Redis", redis: withoutList() }, redis({ stream: { key: "s", group: "g" } })],
    },
    faults: [
      "spec.metrics[0].redis: Required value: must specify list or stream",
      "spec.metrics[1].redis.stream: Forbidden: may not be set together with list",
    ],
  },
  {
    name: "a user without a password",
    spec: { metrics: [redis({ username: "u" })] },
    faults: ["spec.metrics[0].redis.passwordRef: Required value: must be set when username is"],
  },
  {
    name: "times and zones that are none",
    spec: {
      metrics: [schedule("often", "0 25 * * *", "Mars/Olympus"), schedule("0 8 * * *", "0  8 * * * ")],
    },
    faults: [
      expect.stringContaining('spec.metrics[0].schedule.start: Invalid value: "often"'),
      expect.stringContaining('spec.metrics[0].schedule.end: Invalid value: "0 25 * * *"'),
      expect.stringContaining('spec.metrics[0].schedule.timeZone: Invalid value: "Mars/Olympus"'),
      expect.stringContaining("spec.metrics[1].schedule.end: Invalid value"),
    ],
  },
])("validateWasmAutoscaler: $name", ({ spec, faults }) => {
  expect(faultsOf(spec)).toEqual(faults);
});

function withoutList(): Redis {
  const { list: _, ...rest } = redis().redis!;
  return rest;
}

test("validateWasmAutoscaler: a schedule that was accepted once keeps nobody from changing something else", () => {
  const metrics = [schedule("0 8 * * *", "0 18 * * *", "Mars/Olympus")];
  expect(faultsOf({ metrics, maxReplicas: 20 }, { metrics })).toEqual([]);
  expect(faultsOf({ metrics }, {})).toHaveLength(1);
});

test.each<{ readonly name: string; readonly url: string; readonly wrong?: RegExp }>([
  { name: "a host with a port", url: "http://prometheus.monitoring:9090" },
  { name: "an address", url: "https://10.0.0.5/" },
  { name: "an IPv6 address", url: "http://[::1]:9090" },
  { name: "a path before the API's", url: "https://mimir.example.com/prometheus" },
  { name: "no scheme", url: "prometheus:9090", wrong: /absolute URL/ },
  { name: "another scheme", url: "file:///etc/passwd", wrong: /absolute URL/ },
  { name: "gopher", url: "gopher://redis:6379/_INFO", wrong: /absolute URL/ },
  { name: "no host", url: "http:///x", wrong: /absolute URL/ },
  { name: "fewer slashes", url: "http:prometheus", wrong: /absolute URL/ },
  { name: "a user and a password", url: "http://u:p@prometheus", wrong: /must not contain credentials/ },
  { name: "a user alone", url: "http://u@prometheus", wrong: /must not contain credentials/ },
  { name: "an empty user", url: "http://@prometheus", wrong: /must not contain credentials/ },
  { name: "a query", url: "http://prometheus/?a=b", wrong: /must not have a query/ },
  { name: "an empty query", url: "http://prometheus?", wrong: /must not have a query/ },
  { name: "a fragment", url: "http://prometheus#a", wrong: /must not have a fragment/ },
  { name: "a backslash", url: "http:\\\\prometheus", wrong: /printable ASCII/ },
  { name: "a tab, which parsers drop", url: "ht\ttp://prometheus", wrong: /printable ASCII/ },
  { name: "a line end", url: "http://prometheus\n", wrong: /printable ASCII/ },
  { name: "a letter that looks like another", url: "http://prоmetheus", wrong: /printable ASCII/ },
  { name: "no port", url: "http://prometheus:0", wrong: /port 0/ },
  { name: "a port that is none", url: "http://prometheus:99999", wrong: /absolute URL/ },
])("validateWasmAutoscaler: serverURL with $name", ({ url, wrong }) => {
  const faults = faultsOf({ metrics: [prometheus({ serverURL: url })] });
  expect(faults).toHaveLength(wrong === undefined ? 0 : 1);
  if (wrong !== undefined) expect(faults[0]).toMatch(wrong);
  expect(faults.join()).not.toContain("u:p@");
});

test.each<{ readonly name: string; readonly address: string; readonly isWrong?: true }>([
  { name: "a host", address: "redis:6379" },
  { name: "a name", address: "redis.example.com:1" },
  { name: "an address", address: "10.0.0.5:6379" },
  { name: "an IPv6 address", address: "[::1]:65535" },
  { name: "no port", address: "redis", isWrong: true },
  { name: "an empty port", address: "redis:", isWrong: true },
  { name: "port 0", address: "redis:0", isWrong: true },
  { name: "a port that is too large", address: "redis:65536", isWrong: true },
  { name: "no host", address: ":6379", isWrong: true },
  { name: "a scheme", address: "redis://redis:6379", isWrong: true },
  { name: "an IPv6 address without brackets", address: "::1:6379", isWrong: true },
  { name: "a name in brackets", address: "[redis]:6379", isWrong: true },
  { name: "a password", address: "p@redis:6379", isWrong: true },
  { name: "a path", address: "/run/redis.sock", isWrong: true },
  { name: "a line end", address: "redis:6379\n", isWrong: true },
  { name: "an address in disguise", address: "0x7f000001:6379", isWrong: true },
])("validateWasmAutoscaler: address with $name", ({ address, isWrong = false }) => {
  const faults = faultsOf({ metrics: [redis({ address })] });
  expect(faults).toHaveLength(isWrong ? 1 : 0);
  expect(faults.join()).toContain(isWrong ? "spec.metrics[0].redis.address: Invalid value" : "");
});

describe("wasmAutoscalerWarnings", () => {
  const arrivals: AutoscalerMetric = {
    type: "Requests",
    requests: { metric: "perSecond", target: { type: "AverageValue", averageValue: 10 } },
  };
  const down = (stabilizationWindowSeconds: number) =>
    ({ selectPolicy: "Max", stabilizationWindowSeconds }) as const;
  const token = { bearerTokenRef: { name: "s", key: "k" } };
  test.each<{
    readonly name: string;
    readonly spec: Partial<WasmAutoscalerSpec>;
    readonly warnings: readonly string[];
  }>([
    { name: "nothing", spec: { metrics: [cpu, prometheus(), redis()] }, warnings: [] },
    {
      name: "arrivals with a window in which nobody notices that a node is silent",
      spec: { metrics: [arrivals], behavior: { scaleDown: down(5) } },
      warnings: ["spec.behavior.scaleDown.stabilizationWindowSeconds: 5 is less than the 20 s"],
    },
    {
      name: "arrivals with a longer window",
      spec: { metrics: [arrivals], behavior: { scaleDown: down(20) } },
      warnings: [],
    },
    {
      name: "others with a short one",
      spec: { metrics: [redis()], behavior: { scaleDown: down(0) } },
      warnings: [],
    },
    { name: "arrivals with the usual window", spec: { metrics: [arrivals] }, warnings: [] },
    {
      name: "a token without TLS",
      spec: { metrics: [prometheus(token)] },
      warnings: ["spec.metrics[0].prometheus.bearerTokenRef: is sent without TLS"],
    },
    {
      name: "a token without TLS on this machine",
      spec: { metrics: [prometheus({ ...token, serverURL: "http://127.0.0.1:9090" })] },
      warnings: [],
    },
    {
      name: "a token with TLS",
      spec: { metrics: [prometheus({ ...token, serverURL: "https://prometheus" })] },
      warnings: [],
    },
    {
      name: "a password without TLS",
      spec: { fallback: [redis({ passwordRef: { name: "s", key: "k" } })] },
      warnings: ["spec.fallback[0].redis.passwordRef: is sent without TLS"],
    },
    {
      name: "TLS that is not used, and not checked",
      spec: { metrics: [prometheus({ tls: { insecureSkipVerify: true } })] },
      warnings: [
        "spec.metrics[0].prometheus.tls: has no effect",
        "spec.metrics[0].prometheus.tls.insecureSkipVerify: any certificate is taken",
      ],
    },
    {
      name: "values that are too old before the next is asked for",
      spec: { metrics: [prometheus({ intervalSeconds: 300 })] },
      warnings: ["spec.metrics[0].prometheus.staleAfterSeconds: 60 is less than intervalSeconds"],
    },
    {
      name: "a floor above the ceiling",
      spec: { maxReplicas: 2, metrics: [schedule("0 8 * * *", "0 9 * * *")] },
      warnings: ["spec.metrics[0].schedule.replicas: 3 is more than maxReplicas"],
    },
    {
      name: "policies that have no effect",
      spec: {
        behavior: {
          scaleUp: {
            selectPolicy: "Max",
            policies: [
              { type: "Pods", value: 4, periodSeconds: 60 },
              { type: "Instances", value: 5, periodSeconds: 60 },
              { type: "Pods", value: 4, periodSeconds: 61 },
            ],
          },
          scaleDown: {
            selectPolicy: "Disabled",
            policies: [{ type: "Percent", value: 4, periodSeconds: 60 }],
          },
        },
      },
      warnings: [
        "spec.behavior.scaleUp.policies[1]: there is another policy of this type and period",
        "spec.behavior.scaleDown.policies: have no effect",
      ],
    },
  ])("$name", ({ spec, warnings }) => {
    const said = wasmAutoscalerWarnings(autoscaler(spec));
    expect(said).toEqual(warnings.map((warning) => expect.stringContaining(warning)));
  });
});
