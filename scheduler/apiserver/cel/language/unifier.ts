import { DYN, listOf, mapOf, opaque, sameType, type Type, typeOf, typeParameters } from "./types.ts";

/** Finds what type variables stand for while one expression is checked. */
export class Unifier {
  readonly #bindings = new Map<string, Type>();
  /** What was bound, and to what before, so that an attempt can be undone without a copy of everything. */
  readonly #trail: { readonly name: string; readonly before: Type | undefined }[] = [];
  #fresh = 0;

  freshVariable(): Type {
    return { kind: "parameter", name: `_var${this.#fresh++}` };
  }

  /** Whether a value of type `b` may stand where `a` is wanted. What was bound on the way stays bound only if so. */
  isAssignable(a: Type, b: Type): boolean {
    return this.areAssignable([a], [b]);
  }

  areAssignable(a: readonly Type[], b: readonly Type[]): boolean {
    const isAssignable = a.length === b.length && a.every((one, at) => this.#assign(one, b[at] ?? DYN));
    while (this.#trail.length > 0) {
      const change = this.#trail.pop();
      if (isAssignable || !change) continue;
      if (change.before) this.#bindings.set(change.name, change.before);
      else this.#bindings.delete(change.name);
    }
    return isAssignable;
  }

  #set(name: string, type: Type): void {
    this.#trail.push({ name, before: this.#bindings.get(name) });
    this.#bindings.set(name, type);
  }

  /** The type with every bound variable replaced; with `isFinal`, unbound ones become dyn. */
  substitute(type: Type, isFinal = false): Type {
    switch (type.kind) {
      case "parameter": {
        const bound = this.#bindings.get(type.name);
        if (bound) return this.substitute(bound, isFinal);
        return isFinal ? DYN : type;
      }
      case "list":
        return listOf(this.substitute(type.element, isFinal));
      case "map":
        return mapOf(this.substitute(type.key, isFinal), this.substitute(type.value, isFinal));
      case "opaque":
        if (type.parameters.length === 0) return type;
        return opaque(type.name, ...type.parameters.map((one) => this.substitute(one, isFinal)));
      case "type":
        return type.of ? typeOf(this.substitute(type.of, isFinal)) : type;
      default:
        return type;
    }
  }

  /** A declaration's types with fresh variables for its own. */
  instantiate(types: readonly Type[]): readonly Type[] {
    const names = new Map<string, Type>();
    const fresh = (type: Type): Type => {
      switch (type.kind) {
        case "parameter": {
          const known = names.get(type.name) ?? this.freshVariable();
          names.set(type.name, known);
          return known;
        }
        case "list":
          return listOf(fresh(type.element));
        case "map":
          return mapOf(fresh(type.key), fresh(type.value));
        case "opaque":
          return type.parameters.length === 0 ? type : opaque(type.name, ...type.parameters.map(fresh));
        case "type":
          return type.of ? typeOf(fresh(type.of)) : type;
        default:
          return type;
      }
    };
    return types.map(fresh);
  }

  #assign(a: Type, b: Type): boolean {
    if (b.kind === "parameter") {
      const fits = this.#bind(a, b.name);
      if (fits !== undefined) return fits;
    }
    if (a.kind === "parameter") return this.#bind(b, a.name) ?? false;
    if (isDynamic(a) || isDynamic(b)) return true;
    if (a.kind === "null") return isNullable(b);
    if (b.kind === "null") return isNullable(a);
    if (a.kind === "type") return b.kind === "type";
    if (a.kind !== b.kind || ("name" in a && "name" in b && a.name !== b.name)) return false;
    const [left, right] = [typeParameters(a), typeParameters(b)];
    return left.length === right.length && left.every((one, at) => this.#assign(one, right[at] ?? DYN));
  }

  /** Binds a variable to a type. Undefined: it was free and the type contains it, so the other side may try. */
  #bind(type: Type, name: string): boolean | undefined {
    if (type.kind === "parameter" && type.name === name) return true;
    const bound = this.#bindings.get(name);
    if (bound) {
      if (sameType(type, bound)) return true;
      if (!this.#assign(type, bound)) return false;
      const general = mostGeneral(type, bound);
      if (!this.#mentions(general, name)) this.#set(name, general);
      return true;
    }
    if (this.#mentions(type, name)) return undefined;
    this.#set(name, type);
    return true;
  }

  #mentions(type: Type, name: string): boolean {
    if (type.kind === "parameter") {
      if (type.name === name) return true;
      const bound = this.#bindings.get(type.name);
      return bound !== undefined && this.#mentions(bound, name);
    }
    return typeParameters(type).some((one) => this.#mentions(one, name));
  }
}

export function isDynamic(type: Type): boolean {
  return type.kind === "dyn" || type.kind === "error";
}

function isNullable(type: Type): boolean {
  return (
    type.kind === "null" ||
    type.kind === "opaque" ||
    type.kind === "struct" ||
    type.kind === "duration" ||
    type.kind === "timestamp"
  );
}

/** Of two types that unify, the one that says less. */
export function mostGeneral(a: Type, b: Type): Type {
  return isLessSpecific(a, b) ? a : b;
}

function isLessSpecific(a: Type, b: Type): boolean {
  if (a.kind === "dyn" || a.kind === "parameter") return true;
  if (b.kind === "dyn" || b.kind === "parameter") return false;
  if (a.kind !== b.kind) return false;
  if (a.kind === "type") return true;
  if ("name" in a && "name" in b && a.name !== b.name) return false;
  const [left, right] = [typeParameters(a), typeParameters(b)];
  return left.length === right.length && left.every((one, at) => isLessSpecific(one, right[at] ?? DYN));
}
