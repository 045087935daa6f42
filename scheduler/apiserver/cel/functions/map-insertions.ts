import { mapOf, parameter } from "../language/types.ts";
import { ErrorValue, type MapValue, showKey, TableMap, type Value } from "../values.ts";
import { define, type Overload } from "./declare.ts";

const K = parameter("K");
const V = parameter("V");
const mapKV = mapOf(K, V);

/** Adds to a comprehension's accumulator, in place: nothing else can hold it. */
function insert(map: MapValue, key: Value, value: Value): Value {
  if (!(map instanceof TableMap)) return new ErrorValue("no such overload");
  return map.insert(key, value) ? map : new ErrorValue(`insert failed: key ${showKey(key)} already exists`);
}

/** What `transformMap` and `transformMapEntry` become. Not a name that a text can contain. */
export const mapInsertions: readonly Overload[] = [
  define(["cel.@mapInsert", "@mapInsert_map_key_value"], [mapKV, K, V], mapKV, ([map, key, value]) =>
    insert(map, key, value),
  ),
  define(["cel.@mapInsert", "@mapInsert_map_map"], [mapKV, mapKV], mapKV, ([map, more]) => {
    let result: Value = map;
    for (const key of more.keys()) {
      result = insert(map, key, more.find(key) ?? null);
      if (result instanceof ErrorValue) return result;
    }
    return result;
  }),
];
