/**
 * One step of a field's path, in the text form that FieldsV1 uses for its names:
 * `f:NAME` a field, `k:{"KEY":VALUE}` the item of a list with these keys, `v:VALUE` an item of a set, `i:N` an index.
 *
 * Every element inside the server is in canonical form (keys sorted, JSON without blanks), so two elements are the same
 * if their texts are.
 */
import { isObject } from "../resource.ts";

export type Canonical =
  | { readonly kind: "element"; readonly element: string }
  /** Of a type that a later version may know: left out, as Kubernetes does. */
  | { readonly kind: "ignored" }
  | { readonly kind: "invalid"; readonly why: string };

export function fieldElement(name: string): string {
  return `f:${name}`;
}

export function valueElement(value: unknown): string {
  return `v:${JSON.stringify(value)}`;
}

/** `pairs` in the order of their names. */
export function keyElement(pairs: readonly Pair[]): string {
  return `k:{${pairs.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",")}}`;
}

/** The name of a field's element, undefined for other elements. */
export function fieldNameOf(element: string): string | undefined {
  return element.startsWith("f:") ? element.slice(2) : undefined;
}

/** Reads what a client sent as an element. */
export function canonicalElement(text: string): Canonical {
  if (text.length < 2) return { kind: "invalid", why: `path element ${JSON.stringify(text)} is too short` };
  if (text[1] !== ":") return { kind: "invalid", why: `path element ${JSON.stringify(text)} has no colon` };
  const rest = text.slice(2);
  switch (text[0]) {
    case "f":
      return { kind: "element", element: text };
    case "i":
      return /^[+-]?\d{1,15}$/.test(rest)
        ? { kind: "element", element: `i:${Number(rest)}` }
        : { kind: "invalid", why: `path element ${JSON.stringify(text)} is no index` };
    case "v": {
      const value = parseJson(rest);
      return value === undefined || !isScalar(value)
        ? { kind: "invalid", why: `path element ${JSON.stringify(text)} is no JSON value of a set` }
        : { kind: "element", element: valueElement(value) };
    }
    case "k": {
      const keys = parseJson(rest);
      return isObject(keys) && Object.values(keys).every(isScalar)
        ? { kind: "element", element: keyElement(sortedPairs(keys)) }
        : { kind: "invalid", why: `path element ${JSON.stringify(text)} is no JSON object of keys` };
    }
    default:
      return { kind: "ignored" };
  }
}

/** The order in which FieldsV1 has its names: fields, keys, values, indices; each by content, numbers as numbers. */
export function compareElements(a: string, b: string): number {
  if (a === b) return 0;
  const [one = "", other = ""] = [a[0], b[0]];
  if (one !== other) return (ranks[one] ?? 9) - (ranks[other] ?? 9);
  // Nearly all are fields; they need no reading.
  if (one === "f") return a < b ? -1 : 1;
  return compareRead(readElement(a), readElement(b));
}

/** Each element is read once, however often it is compared. */
export function sortByElement<T>(
  entries: readonly (readonly [element: string, T])[],
): readonly (readonly [element: string, T])[] {
  return entries
    .map((entry) => ({ entry, read: readElement(entry[0]) }))
    .sort((a, b) => compareRead(a.read, b.read))
    .map(({ entry }) => entry);
}

type Pair = readonly [name: string, value: unknown];

interface ReadElement {
  readonly rank: number;
  /** A field has its name, a value itself, as one pair. */
  readonly pairs: readonly Pair[];
}

const ranks: Readonly<Record<string, number>> = { ".": 0, f: 1, k: 2, v: 3, i: 4 };

function readElement(element: string): ReadElement {
  const rank = ranks[element[0] ?? ""] ?? 9;
  if (element[0] === "k") return { rank, pairs: pairsOf(element) };
  const rest = element.slice(2);
  return { rank, pairs: [["", rank >= 3 ? parseJson(rest) : rest]] };
}

function compareRead(a: ReadElement, b: ReadElement): number {
  return a.rank === b.rank ? comparePairs(a.pairs, b.pairs) : a.rank - b.rank;
}

/** As messages show it: `.spec`, `[name="web"]`, `[="a"]`, `[0]`. */
export function showElement(element: string): string {
  const rest = element.slice(2);
  switch (element[0]) {
    case "f":
      return `.${rest}`;
    case "k":
      return `[${pairsOf(element)
        .map(([name, value]) => `${name}=${JSON.stringify(value)}`)
        .join(",")}]`;
    case "v":
      return `[=${rest}]`;
    default:
      return `[${rest}]`;
  }
}

function pairsOf(element: string): readonly Pair[] {
  const keys = parseJson(element.slice(2));
  return isObject(keys) ? sortedPairs(keys) : [];
}

function sortedPairs(keys: object): readonly Pair[] {
  return Object.entries(keys).sort(([a], [b]) => (a < b ? -1 : 1));
}

function comparePairs(a: readonly Pair[], b: readonly Pair[]): number {
  for (const [at, [name, value]] of a.entries()) {
    const other = b[at];
    if (!other) return 1;
    if (name !== other[0]) return name < other[0] ? -1 : 1;
    const order = compareValues(value, other[1]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** null is an object. */
const typeOrder = ["number", "string", "boolean", "object"];

function compareValues(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "string" && typeof b === "string") return a < b ? -1 : a > b ? 1 : 0;
  if (typeof a === "boolean" && typeof b === "boolean") return Number(a) - Number(b);
  return typeOrder.indexOf(typeof a) - typeOrder.indexOf(typeof b);
}

function isScalar(value: unknown): boolean {
  return typeof value !== "object" || value === null;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
