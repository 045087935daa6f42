import type { LabelSelector } from "../../../api/gen/kinds.gen.ts";
import { assertNever } from "../../../kit/errors.ts";

/** A label selector in the text form that list requests and the `scale` subresource use. */
export function selectorText(selector: LabelSelector): string {
  const labels = Object.entries(selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  const expressions = (selector.matchExpressions ?? []).map(expressionText);
  return [...labels.sort(), ...expressions].join(",");
}

function expressionText(expression: NonNullable<LabelSelector["matchExpressions"]>[number]): string {
  const { key, operator, values = [] } = expression;
  switch (operator) {
    case "In":
      return `${key} in (${values.join(",")})`;
    case "NotIn":
      return `${key} notin (${values.join(",")})`;
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
    default:
      return assertNever(operator, "selector operator");
  }
}
