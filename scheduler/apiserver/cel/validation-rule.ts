import type { FieldError } from "../../../api/validation/field-error.ts";
import {
  forbiddenValue,
  invalidValue,
  requiredValue,
  unsupportedValue,
} from "../../../api/validation/field-error.ts";
import { isObject, type Schema } from "../resource.ts";
import { readFieldPath } from "./field-path.ts";

/** One entry of `x-kubernetes-validations`. */
export interface ValidationRule {
  readonly rule: string;
  readonly message: string;
  readonly messageExpression: string;
  readonly reason: string | undefined;
  readonly fieldPath: string;
  readonly optionalOldSelf: boolean | undefined;
}

/** What a schema declares. Anything of a wrong type counts as absent; the definition's own schema refuses it. */
export function rulesOf(schema: Schema): readonly ValidationRule[] {
  const rules: unknown = schema["x-kubernetes-validations"];
  if (!Array.isArray(rules)) return [];
  return rules.filter(isObject).map((rule) => ({
    rule: text(rule["rule"]),
    message: text(rule["message"]),
    messageExpression: text(rule["messageExpression"]),
    reason: typeof rule["reason"] === "string" ? rule["reason"] : undefined,
    fieldPath: text(rule["fieldPath"]),
    optionalOldSelf: typeof rule["optionalOldSelf"] === "boolean" ? rule["optionalOldSelf"] : undefined,
  }));
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

const reasons = ["FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired"];
const lineBreak = /[\r\n]/;

/** What is wrong with a rule apart from its expressions. `path`: `….x-kubernetes-validations[0]`. */
export function formProblems(rule: ValidationRule, schema: Schema, path: string): readonly FieldError[] {
  const problems: FieldError[] = [];
  const { message, messageExpression, reason, fieldPath } = rule;
  const [ruleText, messageText] = [rule.rule.trim(), message.trim()];
  if (ruleText === "") problems.push(requiredValue(`${path}.rule`, "rule is not specified"));
  else if (message !== "" && messageText === "")
    problems.push(invalidValue(`${path}.message`, message, "must be non-empty if specified"));
  else if (lineBreak.test(messageText))
    problems.push(invalidValue(`${path}.message`, message, "must not contain line breaks"));
  else if (lineBreak.test(ruleText) && messageText === "")
    problems.push(requiredValue(`${path}.message`, "message must be specified if rule contains line breaks"));
  if (messageExpression !== "" && messageExpression.trim() === "")
    problems.push(
      requiredValue(`${path}.messageExpression`, "messageExpression must be non-empty if specified"),
    );
  if (reason !== undefined && !reasons.includes(reason))
    problems.push(unsupportedValue(`${path}.reason`, reason, reasons));
  if (fieldPath !== "") problems.push(...fieldPathProblems(fieldPath, schema, `${path}.fieldPath`));
  return problems;
}

function fieldPathProblems(fieldPath: string, schema: Schema, path: string): readonly FieldError[] {
  const problems: FieldError[] = [];
  if (fieldPath.trim() === "") problems.push(invalidValue(path, fieldPath, "must be non-empty if specified"));
  if (lineBreak.test(fieldPath)) problems.push(invalidValue(path, fieldPath, "must not contain line breaks"));
  if (readFieldPath(fieldPath, schema).kind === "invalid")
    problems.push(invalidValue(path, fieldPath, "must be a valid path"));
  return problems;
}

/** In messages a rule is shown as Go prints the struct. */
export function invalidRule(field: string, rule: ValidationRule, why: string): FieldError {
  const shown = [
    `Rule:${JSON.stringify(rule.rule)}`,
    `Message:${JSON.stringify(rule.message)}`,
    `MessageExpression:${JSON.stringify(rule.messageExpression)}`,
    `Reason:(*apiextensions.FieldValueErrorReason)(${rule.reason === undefined ? "nil" : "0x1"})`,
    `FieldPath:${JSON.stringify(rule.fieldPath)}`,
    `OptionalOldSelf:(*bool)(${rule.optionalOldSelf === undefined ? "nil" : "0x1"})`,
  ].join(", ");
  return {
    reason: "FieldValueInvalid",
    field,
    message: `Invalid value: apiextensions.ValidationRule{${shown}}: ${why}`,
  };
}

/** The most that one rule, and all rules of one definition, may cost by estimate. */
export const ruleCostMax = 10_000_000;
export const definitionCostMax = 100_000_000;

export function costProblem(field: string, subject: string, cost: number, costMax: number): FieldError {
  const factor = cost / costMax;
  const shown =
    factor > 100 ? "more than 100x" : factor < 1.5 ? `${factor.toFixed(6)}x` : `${factor.toFixed(1)}x`;
  return forbiddenValue(
    field,
    `${subject} exceeds budget by factor of ${shown} (try simplifying the rule, or adding maxItems, maxProperties, and maxLength where arrays, maps, and strings are declared)`,
  );
}

/** What errors call a rule: its message, else its text. */
export function nameOf({ rule, message }: ValidationRule): string {
  return (message === "" ? rule : message).trim();
}
