/**
 * Which nodes a term of a node selector means, as k8s.io/component-helpers/scheduling/corev1/nodeaffinity has it: all of a term
 * must hold, and one without requirements means no node. What validation refuses means no node either.
 */
import type { NodeSelectorTerm } from "../../../../../api/gen/kinds.gen.ts";
import { parseWholeNumber } from "../../../../../api/whole-number.ts";
import { assertNever } from "../../../../../kit/errors.ts";
import { labelOf } from "../../../labels.ts";
import type { ClusterNode } from "../../../model.ts";

type Requirement = NonNullable<NodeSelectorTerm["matchExpressions"]>[number];
type NamedNode = Pick<ClusterNode, "name" | "labels">;

export interface PreparedRequirement {
  /** For people: `zone in (a, b)`. */
  readonly text: string;
  matches(node: NamedNode): boolean;
  /** For people: what the node has instead. */
  found(node: NamedNode): string;
}

export interface PreparedTerm {
  readonly requirements: readonly PreparedRequirement[];
  matches(node: NamedNode): boolean;
}

export function prepareTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): PreparedTerm {
  const requirements = [...matchFields.map(prepareField), ...matchExpressions.map(prepareExpression)];
  return {
    requirements,
    matches: (node) => requirements.length > 0 && requirements.every((one) => one.matches(node)),
  };
}

export function isEmptyTerm({ matchExpressions = [], matchFields = [] }: NodeSelectorTerm): boolean {
  return matchExpressions.length + matchFields.length === 0;
}

function prepareExpression(requirement: Requirement): PreparedRequirement {
  const { key } = requirement;
  const test = prepareTest(requirement);
  return {
    text: describe(requirement),
    matches: ({ labels }) => test(labelOf(labels, key)),
    found({ labels }) {
      const value = labelOf(labels, key);
      return value === undefined ? "no such label" : `${key}=${value}`;
    },
  };
}

/** Nodes have one field to ask for, and it is asked for one value. */
function prepareField(requirement: Requirement): PreparedRequirement {
  const { key, operator, values = [] } = requirement;
  const isSound =
    key === "metadata.name" && (operator === "In" || operator === "NotIn") && values.length === 1;
  const test = isSound ? prepareTest(requirement) : never;
  return {
    text: describe(requirement),
    matches: ({ name }) => test(name),
    found: ({ name }) => `the name ${name}`,
  };
}

type Test = (value: string | undefined) => boolean;

const never: Test = () => false;

function prepareTest({ operator, values = [] }: Requirement): Test {
  switch (operator) {
    case "In":
      return (value) => value !== undefined && values.includes(value);
    case "NotIn":
      // As in Kubernetes, a node without the label is none of those.
      return values.length === 0 ? never : (value) => value === undefined || !values.includes(value);
    case "Exists":
      return values.length > 0 ? never : (value) => value !== undefined;
    case "DoesNotExist":
      return values.length > 0 ? never : (value) => value === undefined;
    case "Gt":
    case "Lt":
      return prepareComparison(operator, values);
    default:
      return assertNever(operator, "operator of a node selector");
  }
}

function prepareComparison(operator: "Gt" | "Lt", values: readonly string[]): Test {
  const [text = ""] = values;
  const bound = values.length === 1 ? parseWholeNumber(text) : undefined;
  if (bound === undefined) return never;
  return (value) => {
    const number = parseWholeNumber(value ?? "");
    if (number === undefined) return false;
    return operator === "Gt" ? number > bound : number < bound;
  };
}

const shownValuesMax = 5;

function describe({ key, operator, values = [] }: Requirement): string {
  const shown = values.slice(0, shownValuesMax).join(", ");
  const list = values.length > shownValuesMax ? `${shown} and ${values.length - shownValuesMax} more` : shown;
  switch (operator) {
    case "In":
      return `${key} in (${list})`;
    case "NotIn":
      return `${key} not in (${list})`;
    case "Exists":
      return `a label ${key}`;
    case "DoesNotExist":
      return `no label ${key}`;
    case "Gt":
      return `${key} > ${list}`;
    case "Lt":
      return `${key} < ${list}`;
    default:
      return assertNever(operator, "operator of a node selector");
  }
}
