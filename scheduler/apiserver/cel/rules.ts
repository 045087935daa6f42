import { type FieldError, forbiddenValue } from "../../../api/validation/field-error.ts";
import { isObject, type JsonObject, type Schema } from "../resource.ts";
import { compileToilMax } from "./compile.ts";
import { Toil } from "./meter.ts";
import { checkRules, type RuleNode } from "./rule-check.ts";
import { compileSet, type CostTotal, type Place, times, totalProblems } from "./rule-compiler.ts";
import { declare, type Declaration } from "./schema/declaration.ts";
import { escapeName } from "./schema/escape-name.ts";
import { rulesOf } from "./validation-rule.ts";

/** The validation rules of one schema, `x-kubernetes-validations`. Made once for a schema and kept with it. */
export interface CompiledRules {
  /** There are none. */
  readonly isEmpty: boolean;
  /** Why a CustomResourceDefinition with this schema must be refused, in Kubernetes' words. */
  readonly problems: readonly FieldError[];
  /**
   * Runs the rules on an object that the schema has accepted. `old`: what it replaces; then transition rules run, and what
   * did not change and was invalid before only warns. Bounded in time, whatever the rules and the object are.
   */
  check(
    object: JsonObject,
    old: JsonObject | undefined,
    warn?: (warning: string) => void,
  ): readonly FieldError[];
}

/** Compiling takes some 3 µs a character, and all rules of a definition are compiled at once. */
const textLengthMax = 300_000;

const none: CompiledRules = { isEmpty: true, problems: [], check: () => [] };

/** `path`: where the schema stands in what is validated, such as `spec.validation.openAPIV3Schema`; problems begin with it. */
export function compileRules(schema: Schema, path = ""): CompiledRules {
  if (!hasRules(schema)) return none;
  const length = ruleLength(schema);
  if (length > textLengthMax) {
    const refused = forbiddenValue(
      path,
      `the validation rules of a schema may have ${textLengthMax} characters altogether, these have ${length}`,
    );
    return { isEmpty: false, problems: [refused], check: () => [refused] };
  }
  const total: CostTotal = { total: 0, dearest: [], toil: new Toil(compileToilMax) };
  const place: Place = { path, cardinality: 1, uncorrelated: undefined };
  const built = build(schema, declare(schema, true), place, total, true);
  const { node } = built;
  const problems = [...built.formProblems, ...built.problems, ...totalProblems(total, path)];
  return {
    isEmpty: false,
    problems,
    check: node ? (object, old, warn) => checkRules(node, object, old, warn) : () => [],
  };
}

/** Every object pays for rules only where there are any. */
function hasRules(schema: Schema): boolean {
  return rulesOf(schema).length > 0 || childrenOf(schema).some(hasRules);
}

function ruleLength(schema: Schema): number {
  let length = 0;
  for (const { rule, messageExpression } of rulesOf(schema)) length += rule.length + messageExpression.length;
  for (const child of childrenOf(schema)) length += ruleLength(child);
  return length;
}

function childrenOf(schema: Schema): readonly Schema[] {
  const { items, additionalProperties, properties } = schema;
  return [
    ...(isObject(items) ? [items] : []),
    ...(isObject(additionalProperties) ? [additionalProperties] : []),
    ...Object.values(properties ?? {}),
    ...allOf(schema),
  ];
}

function allOf(schema: Schema): readonly Schema[] {
  const parts: unknown = schema["allOf"];
  return Array.isArray(parts) ? parts.filter(isObject) : [];
}

interface Built {
  /** Undefined: no rules here or below. */
  readonly node: RuleNode | undefined;
  readonly formProblems: readonly FieldError[];
  readonly problems: readonly FieldError[];
}

function build(
  schema: Schema,
  declaration: Declaration | undefined,
  place: Place,
  total: CostTotal,
  isRoot: boolean,
): Built {
  if (!hasRules(schema)) return { node: undefined, formProblems: [], problems: [] };
  const children = buildChildren(schema, declaration, place, total);
  const below = [...children.properties.values(), children.items, children.values].filter(
    (one) => one !== undefined,
  );
  const own = compileSet(schema, declaration, place, total);
  const formProblems = [...below.flatMap((one) => one.formProblems), ...own.formProblems];
  const parts = allOf(schema).map((part) => buildPart(part, schema, declaration));
  const node: RuleNode = {
    schema,
    declaration,
    isRoot,
    rules: own.rules,
    parts,
    items: children.items?.node,
    values: children.values?.node,
    properties: new Map(
      [...children.properties].flatMap(([name, { node: one }]) => (one ? [[name, one] as const] : [])),
    ),
  };
  // Expressions are not judged while the form of a rule here or below is wrong.
  const judged = formProblems.length > 0 ? [] : own.problems;
  return { node, formProblems, problems: [...below.flatMap((one) => one.problems), ...judged] };
}

function buildChildren(schema: Schema, declaration: Declaration | undefined, place: Place, total: CostTotal) {
  const { items, additionalProperties, properties } = schema;
  const cardinality = childCardinality(schema, place.cardinality);
  const isMapList = schema["x-kubernetes-list-type"] === "map";
  const child = (own: Schema, known: Declaration | undefined, step: string, isFollowed: boolean): Built => {
    const uncorrelated = isFollowed ? place.uncorrelated : place.path;
    const path = place.path === "" ? step : `${place.path}.${step}`;
    const isEmbedded = own["x-kubernetes-embedded-resource"] === true;
    return build(
      own,
      known ?? declare(own, isEmbedded),
      { path, cardinality, uncorrelated },
      total,
      isEmbedded,
    );
  };
  return {
    items: isObject(items) ? child(items, declaration?.element, "items", isMapList) : undefined,
    values: isObject(additionalProperties)
      ? child(additionalProperties, declaration?.element, "additionalProperties", true)
      : undefined,
    properties: new Map(
      Object.entries(properties ?? {}).map(([name, own]) => {
        const field = declaration?.fields?.get(escapeName(name) ?? "");
        return [name, child(own, field?.declaration, `properties[${name}]`, true)] as const;
      }),
    ),
  };
}

/** Rules inside `allOf` speak of the values of the schema around it. */
function buildPart(part: Schema, schema: Schema, declaration: Declaration | undefined): RuleNode {
  const place: Place = { path: "", cardinality: 1, uncorrelated: undefined };
  const { rules } = compileSet(part, declaration, place, {
    total: 0,
    dearest: [],
    toil: new Toil(compileToilMax),
  });
  const nested = (own: Schema, known: Declaration | undefined): RuleNode =>
    buildPart(own, known?.schema ?? own, known);
  const { items, additionalProperties, properties } = part;
  return {
    schema,
    declaration,
    isRoot: false,
    rules,
    parts: allOf(part).map((one) => buildPart(one, schema, declaration)),
    items: isObject(items) ? nested(items, declaration?.element) : undefined,
    values: isObject(additionalProperties) ? nested(additionalProperties, declaration?.element) : undefined,
    properties: new Map(
      Object.entries(properties ?? {}).map(([name, own]) => {
        const field = declaration?.fields?.get(escapeName(name) ?? "");
        return [name, nested(own, field?.declaration)] as const;
      }),
    ),
  };
}

function childCardinality(schema: Schema, own: number | undefined): number | undefined {
  if (own === undefined) return undefined;
  if (schema.type === "array") return schema.maxItems === undefined ? undefined : times(own, schema.maxItems);
  if (schema.type !== "object" || schema.additionalProperties === undefined) return own;
  return schema.maxProperties === undefined ? undefined : times(own, schema.maxProperties);
}

export { rulesSkipped } from "./rule-check.ts";
