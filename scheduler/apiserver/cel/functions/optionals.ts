import { BOOL, INT, listOf, mapOf, optionalOf, parameter } from "../language/types.ts";
import {
  absent,
  ArrayList,
  Duration,
  ErrorValue,
  isError,
  isList,
  isMap,
  isOpaque,
  listItems,
  OptionalValue,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from "../values.ts";
import { define, defineMethod, type Overload } from "./declare.ts";
import { itemAt } from "./operators.ts";

const K = parameter("K");
const V = parameter("V");
const optionalV = optionalOf(V);
const listV = listOf(V);
const mapKV = mapOf(K, V);

/** Whether a value is the one that its type has for nothing: "", 0, [], … */
function isZero(value: Value): boolean {
  if (value === null || value === false || value === "" || value === 0n || value === 0) return true;
  if (value instanceof Uint) return value.value === 0n;
  if (value instanceof Uint8Array) return value.length === 0;
  if (value instanceof Duration) return value.nanos === 0n;
  if (value instanceof OptionalValue) return value.value === undefined || isZero(value.value);
  if (value instanceof Timestamp || value instanceof TypeValue || isError(value)) return false;
  if (isList(value) || isMap(value)) return value.size === 0;
  return isOpaque(value) ? false : typeof value !== "object" && !value;
}

/** `container[?index]`, of a container that may itself be an optional. */
export function optionalItem(container: Value, index: Value): Value {
  if (container instanceof OptionalValue)
    return container.value === undefined ? absent : optionalItem(container.value, index);
  if (isMap(container)) {
    const value = container.find(index);
    return value === undefined ? absent : present(value);
  }
  if (!isList(container)) return new ErrorValue("no such overload");
  const item = itemAt(container, index);
  return isError(item) ? absent : present(item);
}

export function present(value: Value): Value {
  return isError(value) ? value : new OptionalValue(value);
}

/** `optional[index]`: an optional of what is there, none where there is nothing. */
const indexing: readonly Overload[] = [
  define(["_[?_]", "list_optindex_optional_int"], [listV, INT], optionalV, ([list, at]) =>
    optionalItem(list, at),
  ),
  define(
    ["_[?_]", "optional_list_optindex_optional_int"],
    [optionalOf(listV), INT],
    optionalV,
    ([list, at]) => optionalItem(list, at),
  ),
  define(["_[?_]", "map_optindex_optional_value"], [mapKV, K], optionalV, ([map, key]) =>
    optionalItem(map, key),
  ),
  define(["_[?_]", "optional_map_optindex_optional_value"], [optionalOf(mapKV), K], optionalV, ([map, key]) =>
    optionalItem(map, key),
  ),
  define(["_[_]", "optional_list_index_int"], [optionalOf(listV), INT], optionalV, ([list, at]) =>
    optionalItem(list, at),
  ),
  define(["_[_]", "optional_map_index_value"], [optionalOf(mapKV), K], optionalV, ([map, key]) =>
    optionalItem(map, key),
  ),
];

const methods: readonly Overload[] = [
  define(["optional.of", "optional_of"], [V], optionalV, ([value]) => new OptionalValue(value)),
  define(["optional.ofNonZeroValue", "optional_ofNonZeroValue"], [V], optionalV, ([value]) =>
    isZero(value) ? absent : new OptionalValue(value),
  ),
  define(["optional.none", "optional_none"], [], optionalV, () => absent),
  defineMethod(["value", "optional_value"], [optionalV], V, ([optional]) => {
    const value = optional instanceof OptionalValue ? optional.value : undefined;
    return value === undefined ? new ErrorValue("optional.none() dereference") : value;
  }),
  defineMethod(
    ["hasValue", "optional_hasValue"],
    [optionalV],
    BOOL,
    ([optional]) => optional instanceof OptionalValue && optional.value !== undefined,
  ),
  // Evaluated by the interpreter, which looks at the second only where the first has no value.
  defineMethod(["or", "optional_or_optional"], [optionalV, optionalV], optionalV, ([a]) => a),
  defineMethod(["orValue", "optional_orValue_value"], [optionalV, V], V, ([, value]) => value),
  define(["optional.unwrap", "optional_unwrap"], [listOf(optionalV)], listV, ([list]) =>
    unwrap(listItems(list)),
  ),
  defineMethod(["unwrapOpt", "optional_unwrapOpt"], [listOf(optionalV)], listV, ([list]) =>
    unwrap(listItems(list)),
  ),
];

function unwrap(items: readonly Value[]): Value {
  const values: Value[] = [];
  for (const item of items) {
    if (!(item instanceof OptionalValue)) return new ErrorValue("value is not optional");
    if (item.value !== undefined) values.push(item.value);
  }
  return new ArrayList(values);
}

export const optionals: readonly Overload[] = [...indexing, ...methods];
