/**
 * CEL's static types. https://github.com/google/cel-spec/blob/master/doc/langdef.md#gradual-type-checking
 * An object with properties is a `struct`: its fields are known, others are errors of the rule's author. A value of a
 * Kubernetes library (quantity, url, …) and an optional are `opaque`.
 */
export type ScalarKind = "bool" | "int" | "uint" | "double" | "string" | "bytes" | "timestamp" | "duration";

export interface ScalarType {
  readonly kind: ScalarKind;
}
export interface SpecialType {
  readonly kind: "null" | "dyn" | "error";
}
export interface ListType {
  readonly kind: "list";
  readonly element: Type;
}
export interface MapType {
  readonly kind: "map";
  readonly key: Type;
  readonly value: Type;
}
export interface StructType {
  readonly kind: "struct";
  readonly name: string;
  readonly fields: ReadonlyMap<string, Type>;
}
export interface OpaqueType {
  readonly kind: "opaque";
  readonly name: string;
  readonly parameters: readonly Type[];
}
/** The type of a type; `of` is absent for the type `type` itself. */
export interface TypeType {
  readonly kind: "type";
  readonly of: Type | undefined;
}
/** A type variable: of a declaration (`A`), or a fresh one of a check (`_var3`). */
export interface ParameterType {
  readonly kind: "parameter";
  readonly name: string;
}

export type Type =
  | ScalarType
  | SpecialType
  | ListType
  | MapType
  | StructType
  | OpaqueType
  | TypeType
  | ParameterType;

export const BOOL = { kind: "bool" } as const;
export const INT = { kind: "int" } as const;
export const UINT = { kind: "uint" } as const;
export const DOUBLE = { kind: "double" } as const;
export const STRING = { kind: "string" } as const;
export const BYTES = { kind: "bytes" } as const;
export const TIMESTAMP = { kind: "timestamp" } as const;
export const DURATION = { kind: "duration" } as const;
export const NULL = { kind: "null" } as const;
export const DYN = { kind: "dyn" } as const;
export const ERROR = { kind: "error" } as const;
export const TYPE = { kind: "type", of: undefined } as const;

export function listOf(element: Type): ListType & { readonly kind: "list" } {
  return { kind: "list", element };
}
export function mapOf(key: Type, value: Type): MapType {
  return { kind: "map", key, value };
}
export function parameter(name: string): ParameterType {
  return { kind: "parameter", name };
}
export function opaque(name: string, ...parameters: readonly Type[]): OpaqueType {
  return { kind: "opaque", name, parameters };
}
export function typeOf(of: Type): TypeType {
  return { kind: "type", of };
}

const optionalName = "optional_type";

export function optionalOf(value: Type): OpaqueType {
  return opaque(optionalName, value);
}

/** The type inside an optional, undefined where the type is none. */
export function optionalValue(type: Type): Type | undefined {
  return type.kind === "opaque" && type.name === optionalName ? type.parameters[0] : undefined;
}

export function typeParameters(type: Type): readonly Type[] {
  switch (type.kind) {
    case "list":
      return [type.element];
    case "map":
      return [type.key, type.value];
    case "opaque":
      return type.parameters;
    case "type":
      return type.of ? [type.of] : [];
    default:
      return [];
  }
}

/** As messages name it: `map(string, list(int))`. */
export function formatType(type: Type): string {
  const parameters = typeParameters(type);
  const name =
    type.kind === "opaque" || type.kind === "struct" || type.kind === "parameter" ? type.name : type.kind;
  if (type.kind === "error") return "!error!";
  return parameters.length === 0 ? name : `${name}(${parameters.map(formatType).join(", ")})`;
}

export function sameType(a: Type, b: Type): boolean {
  if (a === b) return true;
  if (a.kind !== b.kind) return false;
  if ("name" in a && "name" in b && a.name !== b.name) return false;
  const [left, right] = [typeParameters(a), typeParameters(b)];
  return left.length === right.length && left.every((one, at) => sameType(one, right[at] ?? ERROR));
}

/** Whether a type has more parts than `max`. Only so many are looked at. */
export function isLargerThan(type: Type, max: number): boolean {
  let left = max;
  const visit = (one: Type): boolean => --left < 0 || typeParameters(one).some(visit);
  return visit(type);
}
