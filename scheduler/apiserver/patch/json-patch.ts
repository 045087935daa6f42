import { isDeepStrictEqual } from "node:util";
import { isObject } from "../resource.ts";
import { ApiError, badRequest } from "../status.ts";

/** As kube-apiserver bounds them. */
const operationsMax = 10_000;
/** What `copy` may add in all: repeated copies double and double again. */
const copiedBytesMax = 3 * 1024 * 1024;

interface Operation {
  readonly op: string;
  readonly path: readonly string[];
  readonly from: readonly string[] | undefined;
  readonly value: unknown;
}

/**
 * RFC 6902. Small enough to be ours: the common packages either change their input or let paths reach prototypes.
 * Throws BadRequest for what is no patch and Invalid for a patch that does not fit the object.
 */
export function applyJsonPatch(target: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw badRequest("a JSON patch is a list of operations");
  if (patch.length > operationsMax)
    throw new ApiError(
      "RequestEntityTooLarge",
      `the allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`,
    );
  const root = { value: structuredClone(target) };
  let copiedBytes = 0;
  for (const one of patch) {
    const operation = parseOperation(one);
    if (operation.op === "copy")
      copiedBytes += JSON.stringify(read(root, operation.from ?? []) ?? null).length;
    if (copiedBytes > copiedBytesMax)
      throw new ApiError("RequestEntityTooLarge", "the copies of the JSON patch are too large together");
    apply(root, operation);
  }
  return root.value;
}

function parseOperation(one: unknown): Operation {
  if (!isObject(one) || typeof one["op"] !== "string" || typeof one["path"] !== "string")
    throw badRequest(`a JSON patch operation needs "op" and "path": ${JSON.stringify(one).slice(0, 200)}`);
  const { op, from } = one;
  const needsFrom = op === "move" || op === "copy";
  if (needsFrom && typeof from !== "string") throw badRequest(`the JSON patch operation ${op} needs "from"`);
  if (["add", "replace", "test"].includes(op) && !("value" in one))
    throw badRequest(`the JSON patch operation ${op} needs "value"`);
  return {
    op,
    path: parsePointer(one["path"]),
    from: typeof from === "string" ? parsePointer(from) : undefined,
    value: one["value"],
  };
}

function parsePointer(pointer: string): readonly string[] {
  if (pointer === "") return [];
  if (!pointer.startsWith("/")) throw badRequest(`JSON pointer ${JSON.stringify(pointer)} must begin with /`);
  return pointer
    .slice(1)
    .split("/")
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function apply(root: { value: unknown }, { op, path, from = [], value }: Operation): void {
  switch (op) {
    case "add":
      return add(root, path, structuredClone(value));
    case "remove":
      return void remove(root, path);
    case "replace":
      if (path.length > 0) remove(root, path);
      return add(root, path, structuredClone(value));
    case "move": {
      if (path.length > from.length && from.every((part, at) => part === path[at]))
        throw badRequest("a JSON patch cannot move a value into itself");
      return add(root, path, remove(root, from));
    }
    case "copy":
      return add(root, path, structuredClone(read(root, from)));
    case "test":
      if (!isDeepStrictEqual(read(root, path), value))
        throw new ApiError(
          "Invalid",
          `the JSON patch's test of ${textOf(path)} failed: the value is another`,
        );
      return;
    default:
      throw badRequest(`unknown JSON patch operation ${JSON.stringify(op)}`);
  }
}

function read(root: { value: unknown }, path: readonly string[]): unknown {
  return path.reduce<unknown>((place, part) => {
    if (Array.isArray(place)) return place[existingIndex(place, part, path)];
    if (isObject(place) && Object.hasOwn(place, part)) return place[part];
    throw missing(path);
  }, root.value);
}

function add(root: { value: unknown }, path: readonly string[], value: unknown): void {
  const last = path.at(-1);
  if (last === undefined) {
    root.value = value;
    return;
  }
  const parent = read(root, path.slice(0, -1));
  if (Array.isArray(parent)) {
    const index = last === "-" ? parent.length : indexOf(last, path);
    if (index > parent.length) throw missing(path);
    parent.splice(index, 0, value);
  } else if (isObject(parent) && last !== "__proto__") parent[last] = value;
  else throw missing(path);
}

function remove(root: { value: unknown }, path: readonly string[]): unknown {
  const value = read(root, path);
  const parent = read(root, path.slice(0, -1));
  const last = path.at(-1);
  if (last === undefined) throw badRequest("a JSON patch cannot remove the whole object");
  if (Array.isArray(parent)) parent.splice(existingIndex(parent, last, path), 1);
  else if (isObject(parent)) delete parent[last];
  return value;
}

function existingIndex(list: readonly unknown[], part: string, path: readonly string[]): number {
  const index = indexOf(part, path);
  if (index >= list.length) throw missing(path);
  return index;
}

function indexOf(part: string, path: readonly string[]): number {
  if (!/^(0|[1-9]\d*)$/.test(part)) throw missing(path);
  return Number(part);
}

function missing(path: readonly string[]): ApiError {
  return new ApiError("Invalid", `the JSON patch names ${textOf(path)}, which the object does not have`);
}

function textOf(path: readonly string[]): string {
  return JSON.stringify(`/${path.join("/")}`);
}
