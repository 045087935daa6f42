import { isObject } from "../resource.ts";
import { ApiError, badRequest } from "../status.ts";
import { isEqualJson } from "../apply/shape.ts";
import { goTypeOf, unprocessable } from "./patch-errors.ts";

/** As kube-apiserver bounds them. */
const operationsMax = 10_000;
/** What `copy` may add in all: repeated copies double and double again. */
const copiedBytesMax = 3 * 1024 * 1024;
/** What follows recurses over the object. More than a body may have, whose object has managedFields by now. */
const depthMax = 128;

/** Items of lists that may be moved up or down in all: lists may have a million, and operations come by the thousands. */
const movedItemsMax = 100_000_000;

interface Operation {
  readonly op: string;
  /** As it was sent; undefined: there was none. */
  readonly path: string | undefined;
  readonly from: string | undefined;
  readonly value: unknown;
}

interface Document {
  value: unknown;
  copiedBytes: number;
  movedItems: number;
}

/**
 * RFC 6902, as kube-apiserver does it: a negative index counts from the end, and `replace` sets what an object does not
 * have. Ours, because the common packages either change their input or let paths reach prototypes.
 * Throws BadRequest for what is no patch and Invalid for a patch that does not fit the object.
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw undecodable(patch, "value of type []handlers.jsonPatchOp");
  if (patch.length > operationsMax)
    throw new ApiError(
      "RequestEntityTooLarge",
      `Request entity too large: The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`,
    );
  const operations = patch.map(parseOperation);
  const document: Document = { value: structuredClone(target), copiedBytes: 0, movedItems: 0 };
  for (const operation of operations) apply(document, operation);
  checkDepth(document.value);
  return document.value;
}

function parseOperation(one: unknown): Operation {
  if (!isObject(one)) throw undecodable(one, "value of type handlers.jsonPatchOp");
  const text = (name: string): string | undefined => {
    const value = one[name] ?? undefined;
    if (value === undefined || typeof value === "string") return value;
    throw undecodable(value, `struct field jsonPatchOp.${name} of type string`);
  };
  const operation = { op: text("op") ?? "unknown", path: text("path"), from: text("from") };
  if (["add", "replace", "test"].includes(operation.op) && !Object.hasOwn(one, "value"))
    throw badRequest(`error decoding patch: the operation ${operation.op} needs a value`);
  return { ...operation, value: one["value"] };
}

function undecodable(value: unknown, target: string): ApiError {
  const type = isObject(value) ? "object" : Array.isArray(value) ? "array" : jsonTypeOf(value);
  return badRequest(`error decoding patch: json: cannot unmarshal ${type} into Go ${target}`);
}

function jsonTypeOf(value: unknown): string {
  const type = goTypeOf(value);
  return type === "int64" || type === "float64" ? "number" : type === "<nil>" ? "null" : type;
}

function apply(document: Document, operation: Operation): void {
  const { op, path, from, value } = operation;
  switch (op) {
    case "add":
      return add(document, op, pathOf(op, path), structuredClone(value));
    case "remove":
      return void remove(document, op, pathOf(op, path));
    case "replace":
      return replace(document, pathOf(op, path), structuredClone(value));
    case "move": {
      const moved = remove(document, op, fromOf(op, from));
      return add(document, op, pathOf(op, path), moved);
    }
    case "copy": {
      const copied = readExisting(document, op, fromOf(op, from));
      checkDepth(copied);
      document.copiedBytes += JSON.stringify(copied).length;
      if (document.copiedBytes > copiedBytesMax)
        throw unprocessable(
          `Unable to complete the copy, the accumulated size increase of copy is ${document.copiedBytes}, exceeding the limit ${copiedBytesMax}`,
        );
      return add(document, op, pathOf(op, path), structuredClone(copied));
    }
    case "test":
      return check(document, pathOf(op, path), value);
    default:
      throw unprocessable(`Unexpected kind: ${op}`);
  }
}

function pathOf(op: string, path: string | undefined): string {
  if (path === undefined) throw unprocessable(`${op} operation failed to decode path: missing value`);
  return path;
}

function fromOf(op: string, from: string | undefined): string {
  if (from === undefined)
    throw unprocessable(
      `${op} operation failed to decode from: operation, missing from field: missing value`,
    );
  return from;
}

/** The object or list that holds what a pointer points to, and the last part of the pointer. */
interface Place {
  readonly parent: unknown;
  readonly part: string;
}

function placeOf(document: Document, op: string, pointer: string): Place {
  const parts = pointer.split("/").map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  // The text before the first slash.
  if (parts.shift() !== "" || parts.length === 0) throw missingPath(op, pointer);
  const part = parts.pop() ?? "";
  let parent = document.value;
  for (const step of parts) {
    parent = Array.isArray(parent)
      ? parent[indexIn(parent, step) ?? -1]
      : isObject(parent) && Object.hasOwn(parent, step)
        ? parent[step]
        : undefined;
  }
  if (!Array.isArray(parent) && !isObject(parent)) throw missingPath(op, pointer);
  return { parent, part };
}

function add(document: Document, op: string, pointer: string, value: unknown): void {
  const { parent, part } = placeOf(document, op, pointer);
  if (Array.isArray(parent)) {
    // One more than there are: behind the last.
    const at = part === "-" ? parent.length : indexOf(part, parent.length + 1);
    if (at === undefined) throw noIndex("add", pointer, part);
    countMoved(document, parent.length - at);
    parent.splice(at, 0, value);
  } else if (isObject(parent) && part !== "__proto__") parent[part] = value;
  else throw missingPath(op, pointer);
}

function remove(document: Document, op: string, pointer: string): unknown {
  const value = readExisting(document, op, pointer);
  const { parent, part } = placeOf(document, op, pointer);
  if (Array.isArray(parent)) {
    const at = indexIn(parent, part) ?? parent.length;
    countMoved(document, parent.length - at);
    parent.splice(at, 1);
  } else if (isObject(parent)) delete parent[part];
  return value;
}

function replace(document: Document, pointer: string, value: unknown): void {
  if (pointer === "") {
    if (!isObject(value) && !Array.isArray(value))
      throw unprocessable("replace operation value must be object or array");
    document.value = value;
    return;
  }
  const { parent, part } = placeOf(document, "replace", pointer);
  if (Array.isArray(parent)) {
    const at = indexIn(parent, part);
    if (at === undefined)
      throw unprocessable(`replace operation does not apply: doc is missing key: ${pointer}: missing value`);
    parent[at] = value;
  } else if (isObject(parent) && part !== "__proto__") parent[part] = value;
  else throw missingPath("replace", pointer);
}

/** What is not there is null to a test. */
function check(document: Document, pointer: string, wanted: unknown): void {
  const failed = unprocessable(`testing value ${pointer} failed: test failed`);
  if (pointer === "") {
    if (!isEqualJson(document.value, wanted)) throw failed;
    return;
  }
  const { parent, part } = placeOf(document, "test", pointer);
  let value: unknown;
  if (Array.isArray(parent)) {
    const at = indexIn(parent, part);
    if (at === undefined) throw noIndex("test", pointer, part);
    value = parent[at];
  } else value = isObject(parent) && Object.hasOwn(parent, part) ? parent[part] : undefined;
  if (!isEqualJson(value ?? null, wanted)) throw failed;
}

function readExisting(document: Document, op: string, pointer: string): unknown {
  const { parent, part } = placeOf(document, op, pointer);
  if (Array.isArray(parent)) {
    const at = indexIn(parent, part);
    if (at === undefined) throw noIndex(op, pointer, part);
    return parent[at];
  }
  if (isObject(parent) && Object.hasOwn(parent, part)) return parent[part];
  throw unprocessable(
    `error in ${op} for path: '${pointer}': Unable to remove nonexistent key: ${part}: missing value`,
  );
}

function indexIn(list: readonly unknown[], part: string): number | undefined {
  return indexOf(part, list.length);
}

/** undefined: no whole number, or none of so many. */
function indexOf(part: string, count: number): number | undefined {
  if (!/^[+-]?\d{1,9}$/.test(part)) return undefined;
  const at = Number(part) < 0 ? Number(part) + count : Number(part);
  return at >= 0 && at < count ? at : undefined;
}

function missingPath(op: string, pointer: string): ApiError {
  return unprocessable(`${op} operation does not apply: doc is missing path: "${pointer}": missing value`);
}

function noIndex(op: string, pointer: string, part: string): ApiError {
  const why = /^[+-]?\d+$/.test(part)
    ? `Unable to access invalid index: ${part}: invalid index referenced`
    : `value was not a proper array index: '${part}'`;
  return unprocessable(`error in ${op} for path: '${pointer}': ${why}`);
}

function countMoved(document: Document, items: number): void {
  document.movedItems += items;
  if (document.movedItems > movedItemsMax)
    throw unprocessable("the operations of the JSON patch move too many items of long lists");
}

/** Moves may nest what is there any number of times. */
function checkDepth(value: unknown): void {
  if (isDeeperThan(value, depthMax))
    throw unprocessable(`the patched object is nested deeper than ${depthMax} levels`);
}

function isDeeperThan(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (depth === 0) return true;
  return Object.values(value).some((one) => isDeeperThan(one, depth - 1));
}
