/**
 * The placement configuration: a file in the manner of KubeSchedulerConfiguration, and smaller. Read once, at the start; what
 * it leaves out is as it is without a file.
 */
import { parseDocument } from "yaml";
import { overcommitMax, overcommitMin } from "../../api/overcommit.ts";
import { WherryError } from "../../kit/errors.ts";
import {
  defaultConfiguration,
  type PlacementConfiguration,
  type ProfileDeclaration,
} from "../core/placement/profile-declaration.ts";
import {
  filterNames,
  optionalFilters,
  protectionOf,
  scoreNames,
  strategies,
} from "../core/placement/strategies.ts";
import {
  type Field,
  readDurationMs,
  readList,
  readNumber,
  readObject,
  readOneOf,
  readText,
  refuse,
} from "./fields.ts";
import { placementConfigLimits as limits } from "./limits.ts";

export const configApiVersion = "config.wherry.dev/v1alpha1";
export const configKind = "PlacementConfiguration";

/** Throws a `WherryError` InvalidPlacementConfig that names the path in the file. */
export function parsePlacementConfig(text: string): PlacementConfiguration {
  const file = readObject({ path: "", value: parseYaml(text) }, [
    "apiVersion",
    "kind",
    "profiles",
    "overcommit",
    "backoff",
  ]);
  readOneOf(file.apiVersion, [configApiVersion]);
  readOneOf(file.kind, [configKind]);
  return {
    profiles: readProfiles(file.profiles),
    overcommit:
      file.overcommit.value === undefined ? defaultConfiguration.overcommit : readOvercommit(file.overcommit),
    backoff: file.backoff.value === undefined ? defaultConfiguration.backoff : readBackoff(file.backoff),
  };
}

function parseYaml(text: string): unknown {
  if (text.length > limits.charsMax)
    throw new WherryError(
      "InvalidPlacementConfig",
      `it has ${text.length} characters: expected at most ${limits.charsMax}`,
    );
  const document = parseDocument(text);
  const [problem] = document.errors;
  if (problem) throw new WherryError("InvalidPlacementConfig", `it is no YAML: ${problem.message}`);
  try {
    return document.toJS({ maxAliasCount: limits.aliasesMax });
  } catch (thrown) {
    throw new WherryError("InvalidPlacementConfig", `it is no YAML: ${String(thrown)}`, { cause: thrown });
  }
}

function readProfiles(field: Field): PlacementConfiguration["profiles"] {
  if (field.value === undefined) return defaultConfiguration.profiles;
  const profiles = readList(field, limits.profilesMax, "profiles").map(readProfile);
  if (profiles.length === 0) return refuse(field, "at least one profile, or no field profiles");
  const seen = new Set<string>();
  for (const [at, { name }] of profiles.entries()) {
    if (seen.has(name))
      refuse({ path: `${field.path}[${at}].name`, value: name }, "a name that no other has");
    seen.add(name);
  }
  return profiles;
}

const profileName = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;

function readProfile(field: Field): ProfileDeclaration {
  const { name, strategy, filters, scores, usageLimit } = readObject(field, [
    "name",
    "strategy",
    "filters",
    "scores",
    "usageLimit",
  ]);
  return {
    name: readText(name, profileName, "a DNS label, such as batch"),
    strategy: strategy.value === undefined ? "spread" : readOneOf(strategy, strategies),
    disabledFilters: filters.value === undefined ? new Set() : readDisabled(filters),
    weights: readWeights(scores),
    usageLimit: usageLimit.value === undefined ? undefined : readUsageLimit(usageLimit),
  };
}

function readDisabled(field: Field): ReadonlySet<string> {
  const { disabled } = readObject(field, ["disabled"]);
  const optional = filterNames.filter((name) => optionalFilters.has(name));
  const names = readList(disabled, filterNames.length, "filters").map((one) => {
    const known = filterNames.find((name) => name === one.value);
    if (known === undefined) return refuse(one, `one of ${optional.join(", ")}`);
    if (optionalFilters.has(known)) return known;
    throw new WherryError(
      "InvalidPlacementConfig",
      `${one.path} ${JSON.stringify(known)} cannot be disabled: ${protectionOf(known)}; only ${optional.join(", ")} can`,
    );
  });
  return new Set(names);
}

function readWeights(field: Field): ReadonlyMap<string, number> {
  const weights = new Map<string, number>();
  for (const one of readList(field, scoreNames.length, "scores")) {
    const { name, weight } = readObject(one, ["name", "weight"]);
    const plugin = readOneOf(name, scoreNames);
    if (weights.has(plugin)) refuse(name, "a score that is not listed before");
    weights.set(plugin, readNumber(weight, 0, limits.weightMax));
  }
  return weights;
}

/** What is left out is not limited. */
function readUsageLimit(field: Field): ProfileDeclaration["usageLimit"] {
  const { cpu, memory } = readObject(field, ["cpu", "memory"]);
  if (cpu.value === undefined && memory.value === undefined) return refuse(field, "cpu, memory or both");
  const percent = (one: Field) =>
    one.value === undefined ? Number.POSITIVE_INFINITY : readNumber(one, 1, limits.usagePercentMax);
  return { cpu: percent(cpu), memory: percent(memory) };
}

function readOvercommit(field: Field): PlacementConfiguration["overcommit"] {
  const { cpu, memory } = readObject(field, ["cpu", "memory"]);
  const ratio = (one: Field) => (one.value === undefined ? 1 : readNumber(one, overcommitMin, overcommitMax));
  return { cpu: ratio(cpu), memory: ratio(memory) };
}

function readBackoff(field: Field): PlacementConfiguration["backoff"] {
  const { initial, max } = readObject(field, ["initial", "max"]);
  const { backoffMsMin, backoffMsMax } = limits;
  const { backoff } = defaultConfiguration;
  const initialMs =
    initial.value === undefined ? backoff.initialMs : readDurationMs(initial, backoffMsMin, backoffMsMax);
  const maxMs =
    max.value === undefined
      ? Math.max(initialMs, backoff.maxMs)
      : readDurationMs(max, initialMs, backoffMsMax);
  return { initialMs, factor: backoff.factor, maxMs };
}
