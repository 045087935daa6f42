import type { JsonObject } from "../resource.ts";
import { elementOfItem, type FieldType, type ListType, type MapType, typeOfField } from "./field-type.ts";
import { asList, asMap, fieldOf, isEmptyMap, shapeOf } from "./shape.ts";

/**
 * The live object with what a configuration says put over it. Nothing is removed. Shares the parts that stay.
 * The configuration must have passed validateConfig.
 */
export function mergeObjects(live: JsonObject, config: JsonObject, type: FieldType): JsonObject {
  return type.map ? mergeMaps(live, config, type.map) : config;
}

function mergeValues(live: unknown, config: unknown, type: FieldType): unknown {
  if (config === undefined) return live;
  if (live === undefined) return config;
  const [one, other] = [shapeOf(live, type), shapeOf(config, type)];
  if (one.kind === "map" && other.kind === "map" && !one.type.atomic) {
    const [left, right] = [asMap(live), asMap(config)];
    if (isEmptyMap(left)) return config;
    return isEmptyMap(right) ? live : mergeMaps(left, right, one.type);
  }
  if (one.kind === "list" && other.kind === "list" && one.type.kind !== "atomic") {
    const [left, right] = [asList(live), asList(config)];
    if (left.length === 0) return config;
    return right.length === 0 ? live : mergeLists(left, right, one.type);
  }
  return config;
}

function mergeMaps(live: JsonObject, config: JsonObject, type: MapType): JsonObject {
  const merged: JsonObject = { ...live };
  for (const name of Object.keys(config)) {
    const value = mergeValues(fieldOf(live, name), config[name], typeOfField(type, name));
    // No parser of ours lets the name __proto__ through.
    if (value !== undefined) merged[name] = value;
  }
  return merged;
}

interface Indexed {
  readonly elements: readonly string[];
  /** undefined: several items have this element; they are not merged with. */
  readonly items: ReadonlyMap<string, unknown>;
}

type KeyedListType = Exclude<ListType, { kind: "atomic" }>;

/**
 * Items are ordered as the configuration has them, with those that only the live list has in between, where they are
 * relative to those that both have.
 */
function mergeLists(
  liveList: readonly unknown[],
  configList: readonly unknown[],
  type: KeyedListType,
): readonly unknown[] {
  const [live, config] = [indexList(liveList, type), indexList(configList, type)];
  // A stored list from before its schema: nothing tells its items apart.
  if (!live || !config) return configList;
  const shared = config.elements.filter((element) => live.items.has(element));
  const merged: unknown[] = [];
  const taken = new Set<string>();
  const take = (element: string): void => {
    taken.add(element);
    merged.push(mergeValues(live.items.get(element), config.items.get(element), type.item));
  };
  let [atLive, atConfig, atShared] = [0, 0, 0];
  while (atLive < live.elements.length || atConfig < config.elements.length) {
    const [ours, theirs] = [live.elements[atLive], config.elements[atConfig]];
    if (ours !== undefined && ours === theirs) {
      take(ours);
      atLive++;
      atConfig++;
      atShared++;
      continue;
    }
    if (ours !== undefined && !config.items.has(ours)) {
      merged.push(liveList[atLive]);
      atLive++;
      continue;
    }
    const isAwaited = shared[atShared] === undefined || shared[atShared] === ours;
    if (ours !== undefined && theirs !== undefined && !isAwaited) {
      // Both have it, but another one's turn is first.
      atLive++;
      continue;
    }
    if (ours !== undefined && taken.has(ours)) atLive++;
    if (theirs !== undefined) {
      take(theirs);
      atConfig++;
      if (shared[atShared] === theirs) atShared++;
    }
  }
  return merged;
}

function indexList(list: readonly unknown[], type: KeyedListType): Indexed | undefined {
  const elements: string[] = [];
  const items = new Map<string, unknown>();
  for (const item of list) {
    const found = elementOfItem(type, item);
    if (found.kind === "invalid") return undefined;
    elements.push(found.element);
    items.set(found.element, items.has(found.element) ? undefined : item);
  }
  return { elements, items };
}
