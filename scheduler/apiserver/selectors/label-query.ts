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
  const terms = splitTerms(query).map(parseTerm);
  return (labels) => terms.every((term) => matches(term, labels));
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

function matches(term: Term, labels: Readonly<Record<string, string>>): boolean {
  const value = Object.hasOwn(labels, term.key) ? labels[term.key] : undefined;
  switch (term.kind) {
    case "in":
      return value !== undefined && term.values.has(value);
    case "notIn":
      return value === undefined || !term.values.has(value);
    case "exists":
      return value !== undefined;
    case "notExists":
      return value === undefined;
    case "greater":
      return value !== undefined && /^-?\d+$/.test(value) && Number(value) > term.value;
    case "less":
      return value !== undefined && /^-?\d+$/.test(value) && Number(value) < term.value;
    default:
      return term satisfies never;
  }
}
