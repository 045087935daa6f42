import { expect, test } from "vitest";
import { nothingUsed } from "../core/quota/compute-resources.ts";
import { readQuota } from "../core/quota/quota.ts";
import { aResourceQuota } from "../core/testing/builders.ts";
import { hasStatus, quotaStatus, type QuotaFacts } from "./quota-status.ts";

const used = {
  ...nothingUsed,
  "requests.cpu": 1_500n,
  "requests.memory": BigInt(3 * 2 ** 29) * 1_000n,
  instances: 2_000_000n,
};

const facts: QuotaFacts = {
  used,
  count: ({ group, plural }) => (group === "" && plural === "configmaps" ? 7 : undefined),
};

const rows: readonly {
  name: string;
  hard: Record<string, string | number>;
  spec?: Record<string, unknown>;
  known?: boolean;
  before?: Record<string, string>;
  status: { hard: Record<string, string>; used: Record<string, string> };
}[] = [
  {
    name: "quantities as Kubernetes prints them",
    hard: { "requests.cpu": "2000m", memory: "2048Mi", "count/wasminstances.live.wherry.dev": 5000 },
    status: {
      hard: { "requests.cpu": "2", memory: "2Gi", "count/wasminstances.live.wherry.dev": "5k" },
      used: { "requests.cpu": "1500m", memory: "1536Mi", "count/wasminstances.live.wherry.dev": "2k" },
    },
  },
  {
    name: "objects by both names",
    hard: { configmaps: 9, "count/configmaps": "9" },
    status: {
      hard: { configmaps: "9", "count/configmaps": "9" },
      used: { configmaps: "7", "count/configmaps": "7" },
    },
  },
  {
    name: "scopes match no objects",
    hard: { configmaps: 9 },
    spec: { scopes: ["Terminating"] },
    status: { hard: { configmaps: "9" }, used: { configmaps: "0" } },
  },
  {
    name: "pods and the like are none, whatever was written",
    hard: { pods: 9, "requests.storage": "1Ti" },
    before: { pods: "3" },
    status: {
      hard: { pods: "9", "requests.storage": "1Ti" },
      used: { pods: "0", "requests.storage": "0" },
    },
  },
  {
    name: "what nobody counts keeps its value, or has none",
    hard: { "count/widgets.example.com": 1, "requests.unknown": 1, "count/events": 1 },
    before: { "requests.unknown": "1", "count/gone.example.com": "4" },
    status: {
      hard: { "count/widgets.example.com": "1", "requests.unknown": "1", "count/events": "1" },
      used: { "requests.unknown": "1" },
    },
  },
  {
    name: "an extended resource that no instance has",
    hard: { "requests.example.com/gpu": 1 },
    before: { "requests.example.com/gpu": "1" },
    status: { hard: { "requests.example.com/gpu": "1" }, used: { "requests.example.com/gpu": "0" } },
  },
  {
    name: "what instances use stays as it was while it is not known",
    hard: { cpu: 2, memory: "1Gi", configmaps: 9 },
    known: false,
    before: { cpu: "700m" },
    status: { hard: { cpu: "2", memory: "1Gi", configmaps: "9" }, used: { cpu: "700m", configmaps: "7" } },
  },
  { name: "no hard", hard: {}, status: { hard: {}, used: {} } },
];

test.each(rows)("quotaStatus: $name", ({ hard, spec, known = true, before, status }) => {
  const object = { ...aResourceQuota("q", hard, spec), status: { used: before } };
  const result = quotaStatus(object, readQuota(object), { ...facts, used: known ? used : undefined });
  expect(result).toEqual(status);
});

test.each([
  { name: "written otherwise", stored: { hard: { cpu: "1000m" }, used: { cpu: 0.5 } }, same: true },
  { name: "another value", stored: { hard: { cpu: "1" }, used: { cpu: "501m" } }, same: false },
  { name: "one name more", stored: { hard: { cpu: "1", pods: "1" }, used: { cpu: "500m" } }, same: false },
  { name: "no used", stored: { hard: { cpu: "1" } }, same: false },
  { name: "none", stored: undefined, same: false },
])("hasStatus: $name", ({ stored, same }) => {
  const object = { ...aResourceQuota("q", {}), status: stored };
  expect(hasStatus(object, { hard: { cpu: "1" }, used: { cpu: "500m" } })).toBe(same);
});
