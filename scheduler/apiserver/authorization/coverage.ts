/** Whether somebody who holds some rules holds everything that others grant: one may give only what one has. */
import { type PolicyRule, ruleIdentity } from "./policy.ts";
import { pathMatches } from "./rule-match.ts";

/**
 * Single permissions that the rules of a role may stand for. The lists of a rule multiply, so that a small object could ask
 * for more comparisons than there is time for.
 */
export const permissionsMax = 20_000;

export type Coverage =
  | { readonly kind: "covered" }
  /** What is not held, each with one group, resource, verb and name. */
  | { readonly kind: "missing"; readonly rules: readonly PolicyRule[] }
  /** More than `permissionsMax`. */
  | { readonly kind: "tooMany"; readonly permissions: number };

export function coverage(held: readonly PolicyRule[], wanted: readonly PolicyRule[]): Coverage {
  // Mostly one rule of the holder covers another as a whole. Only the rest is taken apart.
  const open = wanted.filter((rule) => !held.some((owner) => covers(owner, rule)));
  const permissions = open.reduce((sum, rule) => sum + permissionsOf(rule), 0);
  if (permissions > permissionsMax) return { kind: "tooMany", permissions };
  const missing = open.flatMap((rule) => [...missingResources(held, rule), ...missingPaths(held, rule)]);
  return missing.length === 0 ? { kind: "covered" } : { kind: "missing", rules: missing };
}

/** Joins what differs only in its verbs, where there is nothing but one group and one resource. */
export function compactRules(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  const simple = new Map<string, PolicyRule>();
  const others: PolicyRule[] = [];
  for (const rule of rules) {
    if (rule.resources.length !== 1 || rule.resourceNames.length > 0) {
      others.push(rule);
      continue;
    }
    const key = ruleIdentity({ ...rule, verbs: [] });
    const known = simple.get(key);
    simple.set(key, known ? { ...known, verbs: [...known.verbs, ...rule.verbs] } : rule);
  }
  return [...others, ...simple.values()];
}

/** As Kubernetes prints a rule in messages: `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get" "list"]}`. */
export function describeRule(rule: PolicyRule): string {
  const parts = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["ResourceNames", rule.resourceNames],
    ["Verbs", rule.verbs],
  ] as const;
  const shown = parts.filter(([, list]) => list.length > 0);
  return `{${shown.map(([name, list]) => `${name}:${describeTexts(list)}`).join(", ")}}`;
}

/** A list of texts as Go prints it with %q. */
export function describeTexts(list: readonly string[]): string {
  return `[${list.map((one) => JSON.stringify(one)).join(" ")}]`;
}

const anyName: readonly (string | undefined)[] = [undefined];

function permissionsOf(rule: PolicyRule): number {
  const names = Math.max(1, rule.resourceNames.length);
  return (
    rule.verbs.length * (rule.apiGroups.length * rule.resources.length * names + rule.nonResourceURLs.length)
  );
}

/** Whether one rule grants all that another does. */
function covers(owner: PolicyRule, rule: PolicyRule): boolean {
  return (
    hasAll(owner.verbs, rule.verbs) &&
    rule.nonResourceURLs.every((path) => owner.nonResourceURLs.some((one) => pathMatches(one, path))) &&
    (rule.resources.length === 0 ||
      (hasAll(owner.apiGroups, rule.apiGroups) &&
        rule.resources.every((resource) => coversResource(owner, resource)) &&
        coversNames(owner, rule.resourceNames)))
  );
}

function missingResources(held: readonly PolicyRule[], rule: PolicyRule): readonly PolicyRule[] {
  const missing: PolicyRule[] = [];
  const names = rule.resourceNames.length === 0 ? anyName : rule.resourceNames;
  for (const group of rule.apiGroups)
    for (const resource of rule.resources) {
      const owners = held.filter(
        (owner) => hasAll(owner.apiGroups, [group]) && coversResource(owner, resource),
      );
      for (const verb of rule.verbs) {
        const permitting = owners.filter((owner) => hasAll(owner.verbs, [verb]));
        for (const name of names) {
          const resourceNames = name === undefined ? [] : [name];
          if (permitting.some((owner) => coversNames(owner, resourceNames))) continue;
          missing.push({
            verbs: [verb],
            apiGroups: [group],
            resources: [resource],
            resourceNames,
            nonResourceURLs: [],
          });
        }
      }
    }
  return missing;
}

function missingPaths(held: readonly PolicyRule[], rule: PolicyRule): readonly PolicyRule[] {
  return rule.nonResourceURLs.flatMap((path) => {
    const owners = held.filter((owner) => owner.nonResourceURLs.some((one) => pathMatches(one, path)));
    return rule.verbs
      .filter((verb) => !owners.some((owner) => hasAll(owner.verbs, [verb])))
      .map((verb) => ({
        verbs: [verb],
        apiGroups: [],
        resources: [],
        resourceNames: [],
        nonResourceURLs: [path],
      }));
  });
}

function coversResource({ resources }: PolicyRule, wanted: string): boolean {
  if (resources.includes("*") || resources.includes(wanted)) return true;
  const slash = wanted.indexOf("/");
  return slash >= 0 && resources.includes(`*${wanted.slice(slash)}`);
}

/** Who may touch any name may touch some; who may touch some may not touch any. */
function coversNames({ resourceNames }: PolicyRule, wanted: readonly string[]): boolean {
  if (resourceNames.length === 0) return true;
  return wanted.length > 0 && wanted.every((name) => resourceNames.includes(name));
}

function hasAll(owned: readonly string[], wanted: readonly string[]): boolean {
  return owned.includes("*") || wanted.every((one) => owned.includes(one));
}
