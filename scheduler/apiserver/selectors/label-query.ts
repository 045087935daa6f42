import { checkLabelValue, checkQualifiedName } from "../../../api/validation/names.ts";
import { badRequest } from "../status.ts";

export type LabelMatcher = (labels: Readonly<Record<string, string>>) => boolean;

type Term =
  | { readonly kind: "in" | "notIn"; readonly key: string; readonly values: ReadonlySet<string> }
  | { readonly kind: "exists" | "notExists"; readonly key: string }
  | { readonly kind: "greater" | "less"; readonly key: string; readonly value: number };

const queryLengthMax = 16 * 1024;
const setForm = /^(?<key>[^\s=!<>(),]+)\s+(?<operator>in|notin)\s*\((?<values>[^()]*)\)$/;
const compareForm = /^(?<key>[^\s=!<>(),]+)\s*(?<operator>==|=|!=|>|<)\s*(?<value>[^\s=!<>(),]*)$/;
const existsForm = /^(?<not>!?)\s*(?<key>[^\s=!<>(),]+)$/;

/** A `labelSelector` parameter, with all operators of Kubernetes. Throws BadRequest with the term that is wrong. */
export function parseLabelQuery(query: string): LabelMatcher | undefined {
  if (query.trim() === "") return undefined;
  if (query.length > queryLengthMax) throw badRequest("the label selector is too long");
  return matcherOf(splitTerms(query).map(parseTerm));
}

/** Everything that the query says of one label. */
interface LabelDemand {
  isNeeded: boolean;
  isForbidden: boolean;
  /** undefined: any. */
  only: ReadonlySet<string> | undefined;
  readonly not: Set<string>;
  /** The integer must be above the one and below the other. */
  above: number;
  below: number;
}

/** With so many labels in a query, it is cheaper to go through those that an object has. */
const fewDemands = 8;

/**
 * A query may have thousands of terms and meet a hundred thousand objects: what it says of one label becomes one demand, and
 * an object costs as many steps as it has labels.
 */
function matcherOf(terms: readonly Term[]): LabelMatcher {
  const demands = new Map<string, LabelDemand>();
  for (const term of terms) {
    const known = demands.get(term.key);
    if (known) addTerm(known, term);
    else demands.set(term.key, addTerm(noDemand(), term));
  }
  const isMet = (demand: LabelDemand, labels: Readonly<Record<string, string>>, key: string) =>
    accepts(demand, Object.hasOwn(labels, key) ? labels[key] : undefined);
  const all = [...demands];
  if (all.length <= fewDemands) return (labels) => all.every(([key, demand]) => isMet(demand, labels, key));
  const neededCount = all.filter(([, { isNeeded }]) => isNeeded).length;
  return (labels) => {
    let needed = neededCount;
    for (const key of Object.keys(labels)) {
      const demand = demands.get(key);
      if (!demand) continue;
      if (!accepts(demand, labels[key])) return false;
      if (demand.isNeeded) needed--;
    }
    return needed === 0;
  };
}

function noDemand(): LabelDemand {
  return {
    isNeeded: false,
    isForbidden: false,
    only: undefined,
    not: new Set(),
    above: -Infinity,
    below: Infinity,
  };
}

/** Changes the demand, and returns it. */
function addTerm(demand: LabelDemand, term: Term): LabelDemand {
  if (term.kind === "notExists") demand.isForbidden = true;
  else if (term.kind !== "notIn") demand.isNeeded = true;
  switch (term.kind) {
    case "in":
      demand.only = demand.only ? common(demand.only, term.values) : term.values;
      break;
    case "notIn":
      for (const value of term.values) demand.not.add(value);
      break;
    case "greater":
      demand.above = Math.max(demand.above, term.value);
      break;
    case "less":
      demand.below = Math.min(demand.below, term.value);
      break;
    case "exists":
    case "notExists":
      break;
    default:
      term satisfies never;
  }
  return demand;
}

function common(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...a].filter((one) => b.has(one)));
}

function accepts(demand: LabelDemand, value: string | undefined): boolean {
  if (value === undefined) return !demand.isNeeded;
  if (demand.isForbidden || demand.not.has(value)) return false;
  if (demand.only && !demand.only.has(value)) return false;
  if (demand.above === -Infinity && demand.below === Infinity) return true;
  return /^-?\d+$/.test(value) && Number(value) > demand.above && Number(value) < demand.below;
}

/** At commas outside parentheses. */
function splitTerms(query: string): readonly string[] {
  const terms: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < query.length; at++) {
    if (query[at] === "(") depth++;
    else if (query[at] === ")") depth--;
    else if (query[at] === "," && depth === 0) {
      terms.push(query.slice(start, at).trim());
      start = at + 1;
    }
  }
  return [...terms, query.slice(start).trim()];
}

function parseTerm(text: string): Term {
  const set = setForm.exec(text)?.groups;
  if (set) {
    const values = (set["values"] ?? "").split(",").map((value) => checkedValue(value.trim()));
    const kind = set["operator"] === "in" ? "in" : "notIn";
    return { kind, key: checkedKey(set["key"] ?? ""), values: new Set(values) };
  }
  const compare = compareForm.exec(text)?.groups;
  if (compare) return comparison(compare["key"] ?? "", compare["operator"] ?? "", compare["value"] ?? "");
  const exists = existsForm.exec(text)?.groups;
  if (exists)
    return { kind: exists["not"] === "!" ? "notExists" : "exists", key: checkedKey(exists["key"] ?? "") };
  throw badRequest(`unable to parse requirement: ${JSON.stringify(text)} is no label selector`);
}

function comparison(key: string, operator: string, value: string): Term {
  if (operator === ">" || operator === "<") {
    if (!/^-?\d+$/.test(value))
      throw badRequest(`unable to parse requirement: for '>' and '<' the value must be an integer: ${value}`);
    return { kind: operator === ">" ? "greater" : "less", key: checkedKey(key), value: Number(value) };
  }
  const values = new Set([checkedValue(value)]);
  return { kind: operator === "!=" ? "notIn" : "in", key: checkedKey(key), values };
}

function checkedKey(key: string): string {
  const problem = checkQualifiedName(key);
  if (problem !== undefined)
    throw badRequest(`unable to parse requirement: key: Invalid value: ${JSON.stringify(key)}: ${problem}`);
  return key;
}

function checkedValue(value: string): string {
  const problem = checkLabelValue(value);
  if (problem !== undefined)
    throw badRequest(
      `unable to parse requirement: values: Invalid value: ${JSON.stringify(value)}: ${problem}`,
    );
  return value;
}
