import type { Attributes, ResourceAttributes } from "./authorizer.ts";
import type { PolicyRule } from "./policy.ts";

/** https://kubernetes.io/docs/reference/access-authn-authz/rbac/#referring-to-resources */
export function ruleAllows(rule: PolicyRule, attributes: Attributes): boolean {
  if (!listed(rule.verbs, attributes.verb)) return false;
  return attributes.kind === "path"
    ? rule.nonResourceURLs.some((pattern) => pathMatches(pattern, attributes.path))
    : listed(rule.apiGroups, attributes.group) &&
        resourceKeys(attributes).some((key) => rule.resources.includes(key)) &&
        (rule.resourceNames.length === 0 || rule.resourceNames.includes(attributes.name));
}

/** `*` at the end stands for anything; elsewhere it is a star. */
export function pathMatches(pattern: string, path: string): boolean {
  return pattern === path || (pattern.endsWith("*") && path.startsWith(pattern.replace(/\*+$/, "")));
}

/** The rules of one role, found by resource: a decision looks only at rules that name it, however many others there are. */
export class RuleTable {
  readonly rules: readonly PolicyRule[];
  readonly #byResource = new Map<string, PolicyRule[]>();
  readonly #ofPaths: readonly PolicyRule[];

  constructor(rules: readonly PolicyRule[]) {
    this.rules = rules;
    this.#ofPaths = rules.filter((rule) => rule.nonResourceURLs.length > 0);
    for (const rule of rules)
      for (const resource of new Set(rule.resources)) {
        const named = this.#byResource.get(resource);
        if (named) named.push(rule);
        else this.#byResource.set(resource, [rule]);
      }
  }

  allows(attributes: Attributes): boolean {
    return this.candidates(attributes).some((rule) => ruleAllows(rule, attributes));
  }

  /** The rules that can matter; what they say is still to be compared. */
  candidates(attributes: Attributes): readonly PolicyRule[] {
    if (attributes.kind === "path") return this.#ofPaths;
    return resourceKeys(attributes).flatMap((key) => this.#byResource.get(key) ?? []);
  }
}

/** What a rule may call the resource. */
function resourceKeys({ resource, subresource }: ResourceAttributes): readonly string[] {
  return subresource === "" ? ["*", resource] : ["*", `${resource}/${subresource}`, `*/${subresource}`];
}

function listed(list: readonly string[], one: string): boolean {
  return list.includes("*") || list.includes(one);
}
