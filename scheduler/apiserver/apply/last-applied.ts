/**
 * The annotation in which `kubectl apply` without --server-side keeps what it applied. Who changes to --server-side takes
 * over, without conflicts, what stands there as it is; and the annotation goes on being right for who changes back.
 */
import { isObject, type JsonObject } from "../resource.ts";
import { compareObjects } from "./compare.ts";
import { difference, type FieldSet, union } from "./field-set.ts";
import type { FieldType } from "./field-type.ts";
import { asMap } from "./shape.ts";
import { toFieldSet } from "./to-field-set.ts";
import { validateConfig } from "./validate-config.ts";

/** Only this manager takes part; others opt out by their name. */
export const kubectlManager = "kubectl";

const annotation = "kubectl.kubernetes.io/last-applied-configuration";

/** Of all annotations of an object, names and values. */
const annotationsBytesMax = 256 * 1024;

/** The fields that still are as the annotation has them. undefined: there is none, or it is of no use. */
export function lastAppliedFields(
  live: JsonObject,
  type: FieldType,
  apiVersion: string,
): FieldSet | undefined {
  const text = annotationsOf(live)[annotation];
  if (typeof text !== "string" || text === "") return undefined;
  const applied = parse(text);
  if (applied?.["apiVersion"] !== apiVersion || validateConfig(applied, type) !== undefined) return undefined;
  const { removed, modified, added } = compareObjects(applied, live, type);
  return difference(toFieldSet(applied, type, "given"), union(union(removed, modified), added));
}

/** Brings the annotation up to what was applied now, if there is one. */
export function withLastApplied(object: JsonObject, config: JsonObject): JsonObject {
  const { [annotation]: old, ...annotations } = annotationsOf(object);
  if (typeof old !== "string" || old === "") return object;
  const text = `${JSON.stringify(withoutAnnotation(config), sortedNames)}\n`;
  const all = text === old ? annotationsOf(object) : { ...annotations, [annotation]: text };
  const bytes = Object.entries(all).reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(String(value)),
    0,
  );
  const kept = bytes <= annotationsBytesMax ? all : annotations;
  if (kept === annotationsOf(object)) return object;
  return { ...object, metadata: { ...asMap(object["metadata"]), annotations: kept } };
}

function withoutAnnotation(config: JsonObject): JsonObject {
  const metadata = asMap(config["metadata"]);
  if (!isObject(metadata["annotations"])) return config;
  const { [annotation]: _old, ...annotations } = metadata["annotations"];
  return { ...config, metadata: { ...metadata, annotations } };
}

function annotationsOf(object: JsonObject): JsonObject {
  return asMap(asMap(object["metadata"])["annotations"]);
}

/** Go prints the names of maps in their order. */
function sortedNames(_name: string, value: unknown): unknown {
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
