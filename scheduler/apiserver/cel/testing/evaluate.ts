import { expect } from "vitest";
import type { Schema } from "../../resource.ts";
import { compileExpression } from "../compile.ts";
import type { Program } from "../interpreter.ts";
import type { Type } from "../language/types.ts";
import { Meter, Toil } from "../meter.ts";
import { declare } from "../schema/declaration.ts";
import { toValue } from "../schema/schema-values.ts";
import { isError, type Value } from "../values.ts";

export interface Evaluated {
  readonly value: Value;
  readonly cost: number;
}

/** Runs one expression; with a schema, `self` is `data`. Fails where the expression does not compile. */
export function evaluate(source: string, schema?: Schema, data?: unknown): Evaluated {
  const declaration = schema && declare(schema, false);
  const variables = new Map<string, Type>(declaration ? [["self", declaration.type]] : []);
  const meter = new Meter(1_000_000, new Toil(100_000_000));
  const self = declaration ? [toValue(data, declaration)] : [];
  return { value: programOf(source, variables).run(self, meter), cost: meter.cost };
}

function programOf(source: string, variables: ReadonlyMap<string, Type>): Program {
  const compiled = compileExpression(source, variables);
  if (compiled.kind === "ok") return compiled.program;
  return expect.fail(`${source}\n${compiled.message}`);
}

/** What an expression gives, with the message of an error as a text. */
export function outcome(source: string): unknown {
  const { value } = evaluate(source);
  return isError(value) ? `error: ${value.message}` : value;
}

/** Why an expression does not compile; "" where it does. */
export function compileProblem(source: string, variables: ReadonlyMap<string, Type> = new Map()): string {
  const compiled = compileExpression(source, variables);
  return compiled.kind === "failed" ? compiled.message : "";
}

export const integer: Schema = { type: "integer" };
export const number: Schema = { type: "number" };
export const text: Schema = { type: "string" };
export const truth: Schema = { type: "boolean" };

export function list(items: Schema, more: Partial<Schema> = {}): Schema {
  return { type: "array", items, ...more };
}

export function map(values: Schema): Schema {
  return { type: "object", additionalProperties: values };
}

export function object(properties: Readonly<Record<string, Schema>>, more: Partial<Schema> = {}): Schema {
  return { type: "object", properties, ...more };
}

/** A schema with rules, each a text or the whole entry. */
export function ruled(
  schema: Schema,
  ...rules: readonly (string | Readonly<Record<string, unknown>>)[]
): Schema {
  const entries = rules.map((rule) => (typeof rule === "string" ? { rule } : rule));
  return { ...schema, "x-kubernetes-validations": entries };
}
