import { expect, test } from "vitest";
import { defaultProfile } from "../core/placement/default-profile.ts";
import { defaultConfiguration, toProfile, toProfiles } from "../core/placement/profile-declaration.ts";
import { filterNames, optionalFilters } from "../core/placement/strategies.ts";
import { parsePlacementConfig } from "./parse.ts";
import { printPlacementConfig } from "./print.ts";

const head = "apiVersion: config.wherry.dev/v1alpha1\nkind: PlacementConfiguration\n";

test("parsePlacementConfig: what a file leaves out is as without a file", () => {
  expect(parsePlacementConfig(head)).toEqual(defaultConfiguration);
  expect(parsePlacementConfig(`${head}overcommit: {cpu: 2.5}\nbackoff: {max: 2m}`)).toEqual({
    ...defaultConfiguration,
    overcommit: { cpu: 2.5, memory: 1 },
    backoff: { initialMs: 100, factor: 2, maxMs: 120_000 },
  });
});

test("parsePlacementConfig: a profile is its strategy with what it changes", () => {
  const { profiles } = parsePlacementConfig(`${head}
overcommit: {cpu: "1.5", memory: 1}
profiles:
  - name: batch
    strategy: pack
    filters: {disabled: [node-selector]}
    scores: [{name: module-locality, weight: 0}, {name: owner-spread, weight: 0.5}]
    usageLimit: {cpu: 90}
  - name: web
`);
  expect(profiles.map(({ name, strategy }) => [name, strategy])).toEqual([
    ["batch", "pack"],
    ["web", "spread"],
  ]);
  const [batch, web] = profiles.map(toProfile);
  const weights = Object.fromEntries(batch!.scores.map(({ plugin, weight }) => [plugin.name, weight]));
  expect(weights).toMatchObject({ "most-allocated": 3, "owner-spread": 0.5 });
  expect(Object.keys(weights)).not.toContain("module-locality");
  expect(Object.keys(weights)).not.toContain("least-allocated");
  const filters = batch!.filters.map(({ name }) => name);
  expect(filters).toContain("usage-limit");
  expect(filters).not.toContain("node-selector");
  expect(web).toEqual({ ...defaultProfile, name: "web" });
});

test("toProfiles: the first decides for templates that name none", () => {
  const profiles = toProfiles(parsePlacementConfig(`${head}profiles: [{name: b}, {name: a}]`));
  expect(profiles.named("")?.name).toBe("b");
  expect(profiles.named("a")?.name).toBe("a");
  expect(profiles.named("default")).toBeUndefined();
  expect(profiles.names).toEqual(["b", "a"]);
});

test("printPlacementConfig: what is printed says the same again, and in full", () => {
  for (const text of [
    head,
    `${head}profiles: [{name: b, strategy: pack, filters: {disabled: [taints-and-tolerations, topology-spread]}, scores: [{name: most-allocated, weight: 0}, {name: topology-spread, weight: 0}, {name: instance-affinity, weight: 7}], usageLimit: {memory: 80}}]\novercommit: {memory: 1.25}\nbackoff: {initial: 1500ms, max: 3s}`,
  ]) {
    const read = parsePlacementConfig(text);
    const printed = printPlacementConfig(read);
    const again = parsePlacementConfig(printed);
    expect(again.profiles.map(toProfile).map(comparable)).toEqual(
      read.profiles.map(toProfile).map(comparable),
    );
    expect({ ...again, profiles: [] }).toEqual({ ...read, profiles: [] });
    expect(printPlacementConfig(again)).toBe(printed);
  }
});

const comparable = ({ name, filters, scores, topology }: ReturnType<typeof toProfile>) => ({
  name,
  filters: filters.map((plugin) => plugin.name),
  scores: scores.map(({ plugin, weight }) => [plugin.name, weight]),
  topology: topology.map(({ plugin, weight }) => [plugin.name, weight]),
});

test.for([
  ["no YAML", "a: [", "it is no YAML"],
  ["a key twice", `${head}kind: x`, "it is no YAML"],
  ["two documents", `${head}---\n${head}`, "it is no YAML"],
  ["a list", "[1]", "the file [1]: expected an object with apiVersion"],
  ["nothing", "", "the file null: expected an object"],
  ["another version", "apiVersion: v1", 'apiVersion "v1": expected one of config.wherry.dev/v1alpha1'],
  ["no kind", "apiVersion: config.wherry.dev/v1alpha1", "kind is missing: expected one of PlacementConfig"],
  ["an unknown field", `${head}profile: []`, "profile: there is no such field; there are apiVersion, kind,"],
  ["a prototype's field", `${head}__proto__: {}`, "__proto__: there is no such field"],
  ["no profiles", `${head}profiles: []`, "profiles []: expected at least one profile"],
  ["a profile that is text", `${head}profiles: [web]`, 'profiles[0] "web": expected an object with name'],
  ["no name", `${head}profiles: [{}]`, "profiles[0].name is missing: expected a DNS label"],
  ["a bad name", `${head}profiles: [{name: A}]`, 'profiles[0].name "A": expected a DNS label'],
  [
    "a name twice",
    `${head}profiles: [{name: a}, {name: a}]`,
    'profiles[1].name "a": expected a name that no',
  ],
  [
    "a strategy",
    `${head}profiles: [{name: a, strategy: best}]`,
    'strategy "best": expected one of spread, pack',
  ],
  [
    "an unknown filter",
    `${head}profiles: [{name: a, filters: {disabled: [moon]}}]`,
    'profiles[0].filters.disabled[0] "moon": expected one of node-selector',
  ],
  [
    "a rule that protects",
    `${head}profiles: [{name: a, filters: {disabled: [node-selector, resources-fit]}}]`,
    'profiles[0].filters.disabled[1] "resources-fit" cannot be disabled: nodes would be promised to more',
  ],
  [
    "an unknown score",
    `${head}profiles: [{name: a, scores: [{name: luck, weight: 1}]}]`,
    'profiles[0].scores[0].name "luck": expected one of taints-and-tolerations',
  ],
  [
    "a score twice",
    `${head}profiles: [{name: a, scores: [{name: owner-spread, weight: 1}, {name: owner-spread, weight: 2}]}]`,
    "profiles[0].scores[1].name",
  ],
  [
    "a weight below 0",
    `${head}profiles: [{name: a, scores: [{name: owner-spread, weight: -1}]}]`,
    "profiles[0].scores[0].weight -1: expected a number from 0 to 100",
  ],
  [
    "a weight that is none",
    `${head}profiles: [{name: a, scores: [{name: owner-spread, weight: .nan}]}]`,
    "profiles[0].scores[0].weight null: expected a number",
  ],
  [
    "an empty limit",
    `${head}profiles: [{name: a, usageLimit: {}}]`,
    "profiles[0].usageLimit {}: expected cpu,",
  ],
  [
    "a limit",
    `${head}profiles: [{name: a, usageLimit: {cpu: 101}}]`,
    "usageLimit.cpu 101: expected a number from",
  ],
  [
    "overcommit by nothing",
    `${head}overcommit: {cpu: 0}`,
    "overcommit.cpu 0: expected a number from 0.1 to 100",
  ],
  [
    "overcommit beyond",
    `${head}overcommit: {memory: 1e9}`,
    "overcommit.memory 1000000000: expected a number",
  ],
  [
    "a backoff without unit",
    `${head}backoff: {initial: 5}`,
    "backoff.initial 5: expected a duration from 10ms",
  ],
  [
    "a backoff that ends before it begins",
    `${head}backoff: {initial: 5s, max: 1s}`,
    'backoff.max "1s": expected a duration from 5s to 10m',
  ],
  ["a bomb of aliases", bomb(), "it is no YAML"],
  ["a long file", `${head}# ${"x".repeat(300_000)}`, "characters: expected at most"],
] as const)("parsePlacementConfig: %s is refused", ([, text, message]) => {
  expect(() => parsePlacementConfig(text)).toThrow(message);
});

function bomb(): string {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 10; i++) {
    const names = Array.from({ length: 10 }, () => `*a${i - 1}`).join(", ");
    lines.push(`a${i}: &a${i} [${names}]`);
  }
  return lines.join("\n");
}

test("optionalFilters: no rule that protects is among them", () => {
  const kept = filterNames.filter((name) => !optionalFilters.has(name));
  expect(kept).toEqual(
    expect.arrayContaining([
      "node-ready",
      "node-unschedulable",
      "node-pressure",
      "resources-fit",
      "instance-affinity",
    ]),
  );
});
