import { expect, test } from "vitest";
import { ClusterState } from "../cluster-state/cluster-state.ts";
import { type Instance, noClaims } from "../model.ts";
import { aNode, anInstance, aQuotaSubject, aResourceQuota, bound } from "../testing/builders.ts";
import { chargeOf, traitsOf } from "./compute-resources.ts";
import { QuotaBook } from "./quota-book.ts";
import type { QuotaSubject } from "./check-quotas.ts";

/** A namespace in which instances of 100m and 64Mi run. */
function aBook(running: number | readonly Instance[], ...quotas: Parameters<typeof aResourceQuota>[]) {
  const state = new ClusterState();
  state.upsertNode(aNode("n1"), { kind: "connected" });
  const instances =
    typeof running === "number"
      ? Array.from({ length: running }, (_, i) => anInstance(`r${i}`, { state: bound("n1") }))
      : running;
  for (const instance of instances) state.addInstance(instance);
  const book = new QuotaBook(state.quotaUsage);
  for (const quota of quotas) book.put(aResourceQuota(...quota));
  book.usageIsKnown();
  return book;
}

function subjectOf(overrides: Partial<Instance>): QuotaSubject {
  const instance = anInstance("x", overrides);
  return aQuotaSubject({ charge: chargeOf(instance), traits: traitsOf(instance), unspecified: new Set() });
}

const bestEffort = subjectOf({ requests: { cpuMillis: 0, memoryBytes: 0 } });

const rows: readonly {
  name: string;
  running?: number;
  quotas: Parameters<typeof aResourceQuota>[];
  subject?: QuotaSubject;
  count: number;
  refusal?: string;
}[] = [
  { name: "no quota", quotas: [], count: 10 },
  { name: "room for all", quotas: [["q", { cpu: "1" }]], count: 10 },
  {
    name: "room for some",
    running: 3,
    quotas: [["q", { cpu: "0.55" }]],
    count: 2,
    refusal: "exceeded quota: q, requested: cpu=100m, used: cpu=500m, limited: cpu=550m",
  },
  {
    name: "the tightest of several names and quotas decides",
    running: 2,
    quotas: [
      ["wide", { "requests.cpu": 9, "requests.memory": "1Ti" }],
      ["q", { "requests.cpu": "1", "requests.memory": "192Mi" }],
    ],
    count: 1,
    refusal:
      "exceeded quota: q, requested: requests.memory=64Mi, used: requests.memory=192Mi, limited: requests.memory=192Mi",
  },
  {
    name: "all names that are exceeded are told",
    running: 2,
    quotas: [["q", { cpu: "200m", memory: "128Mi", "count/wasminstances.live.wherry.dev": 9, pods: 0 }]],
    count: 0,
    refusal:
      "exceeded quota: q, requested: cpu=100m,memory=64Mi, used: cpu=200m,memory=128Mi, limited: cpu=200m,memory=128Mi",
  },
  {
    name: "an extended resource",
    running: 1,
    quotas: [["q", { "requests.example.com/camera": 5, "requests.example.com/gpu": 1 }]],
    subject: subjectOf({ claims: { ...noClaims, extended: new Map([["example.com/camera", 2]]) } }),
    count: 2,
    refusal:
      "exceeded quota: q, requested: requests.example.com/camera=2, used: requests.example.com/camera=4, limited: requests.example.com/camera=5",
  },
  {
    name: "more is used than the quota allows by now",
    running: 5,
    quotas: [["q", { "count/wasminstances.live.wherry.dev": "2" }]],
    count: 0,
    refusal:
      "exceeded quota: q, requested: count/wasminstances.live.wherry.dev=1, used: count/wasminstances.live.wherry.dev=5, limited: count/wasminstances.live.wherry.dev=2",
  },
  {
    name: "what asks for nothing exceeds nothing",
    running: 5,
    quotas: [["q", { cpu: "0", memory: "1" }]],
    subject: bestEffort,
    count: 10,
  },
  {
    name: "what is counted must be said",
    quotas: [["q", { "limits.memory": "1Gi", "limits.cpu": 4, cpu: 4 }]],
    count: 0,
    refusal: "failed quota: q: must specify limits.cpu for: web; limits.memory for: web",
  },
  { name: "objects are not instances", quotas: [["q", { "count/configmaps": "0", secrets: 0 }]], count: 10 },
  {
    name: "BestEffort matches",
    quotas: [
      ["q", { "count/wasminstances.live.wherry.dev": 3 }, { scopes: ["BestEffort", "NotTerminating"] }],
    ],
    subject: bestEffort,
    count: 3,
    refusal:
      "exceeded quota: q, requested: count/wasminstances.live.wherry.dev=1, used: count/wasminstances.live.wherry.dev=3, limited: count/wasminstances.live.wherry.dev=3",
  },
  {
    name: "BestEffort does not match what requests something",
    quotas: [["q", { "count/wasminstances.live.wherry.dev": 0 }, { scopes: ["BestEffort"] }]],
    count: 10,
  },
  {
    name: "a scope selector",
    quotas: [
      [
        "q",
        { cpu: 0 },
        { scopeSelector: { matchExpressions: [{ scopeName: "Terminating", operator: "Exists" }] } },
      ],
    ],
    subject: subjectOf({ hasDeadline: true }),
    count: 0,
    refusal: "exceeded quota: q, requested: cpu=100m, used: cpu=0, limited: cpu=0",
  },
  {
    name: "a priority class that no instance has",
    quotas: [
      [
        "q",
        { cpu: 0 },
        {
          scopeSelector: {
            matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["high"] }],
          },
        },
      ],
    ],
    count: 10,
  },
  {
    name: "in a priority class",
    quotas: [
      [
        "q",
        { cpu: "0" },
        {
          scopeSelector: {
            matchExpressions: [{ scopeName: "PriorityClass", operator: "In", values: ["low", "high"] }],
          },
        },
      ],
    ],
    subject: subjectOf({ priorityClass: "high" }),
    count: 0,
    refusal: "exceeded quota: q, requested: cpu=100m, used: cpu=0, limited: cpu=0",
  },
  {
    name: "any priority class",
    quotas: [["q", { cpu: 0 }, { scopes: ["PriorityClass"] }]],
    subject: subjectOf({ priorityClass: "high" }),
    count: 0,
    refusal: "exceeded quota: q, requested: cpu=100m, used: cpu=0, limited: cpu=0",
  },
  {
    name: "in none of the priority classes that it is not for",
    quotas: [
      [
        "q",
        { cpu: 0 },
        {
          scopeSelector: {
            matchExpressions: [{ scopeName: "PriorityClass", operator: "NotIn", values: ["high"] }],
          },
        },
      ],
    ],
    subject: subjectOf({ priorityClass: "high" }),
    count: 10,
  },
  {
    name: "a process counts beside the memory, in a request as in a limit",
    quotas: [["q", { "requests.memory": "180Mi", "limits.memory": "300Mi" }]],
    subject: subjectOf({ isolation: "process", limits: { cpuMillis: 0, memoryBytes: 100 * 2 ** 20 } }),
    count: 1,
    refusal:
      "exceeded quota: q, requested: requests.memory=96Mi, used: requests.memory=96Mi, limited: requests.memory=180Mi",
  },
  {
    name: "what has no limit has none for its process either",
    quotas: [["q", { "limits.memory": "1" }]],
    subject: subjectOf({ isolation: "process" }),
    count: 10,
  },
  {
    name: "not in a priority class",
    quotas: [
      [
        "q",
        { cpu: "150m" },
        {
          scopeSelector: {
            matchExpressions: [{ scopeName: "PriorityClass", operator: "NotIn", values: ["high"] }],
          },
        },
      ],
    ],
    count: 1,
    refusal: "exceeded quota: q, requested: cpu=100m, used: cpu=100m, limited: cpu=150m",
  },
  {
    name: "a scope of pods only",
    quotas: [["q", { cpu: 0 }, { scopes: ["CrossNamespacePodAffinity"] }]],
    count: 10,
  },
];

test.each(rows)("QuotaBook.allowance: $name", ({ running = 0, quotas, subject, count, refusal }) => {
  const book = aBook(running, ...quotas);
  const asked = subject ?? aQuotaSubject();
  expect(book.allowance(asked, 10)).toEqual({ count, refusal });
  expect(book.allowance({ ...asked, namespace: "other" }, 10)).toEqual({ count: 10, refusal: undefined });
});

test("QuotaBook.used: counts what its scopes match", () => {
  const deadline = anInstance("a", { hasDeadline: true, state: bound("n1") });
  const book = aBook([deadline, anInstance("b", { state: bound("n1") })]);
  book.put(aResourceQuota("q", { cpu: "1" }, { scopes: ["Terminating"] }));
  expect(book.used("default", book.of("default")[0]!)).toMatchObject({
    "requests.cpu": 100n,
    instances: 1_000n,
  });
});

test("QuotaBook.put: tells whether the quota limits anything else than before", () => {
  const book = aBook(0);
  const quota = aResourceQuota("q", { cpu: "1" });
  expect(book.put(quota)).toBe(true);
  expect(book.put({ ...quota, status: { used: { cpu: "1" } } })).toBe(false);
  expect(book.put(aResourceQuota("q", { cpu: "2" }))).toBe(true);
  book.delete(quota);
  expect(book.of("default")).toEqual([]);
  expect(book.namespaces()).toEqual([]);
  expect(book.put(quota)).toBe(true);
});

test("QuotaBook.allowance: nothing that a quota counts while the usage is not known", () => {
  const book = new QuotaBook(new ClusterState().quotaUsage);
  book.put(aResourceQuota("q", { cpu: "1", "requests.memory": "1Gi" }));
  expect(book.allowance(bestEffort, 10).count).toBe(10);
  const { count, refusal } = book.allowance(aQuotaSubject(), 10);
  expect(count).toBe(0);
  expect(refusal).toContain("status unknown for quota: q, resources: cpu,requests.memory");
  book.usageIsKnown();
  expect(book.allowance(aQuotaSubject(), 10).count).toBe(10);
});
