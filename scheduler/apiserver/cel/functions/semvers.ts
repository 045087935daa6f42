import { BOOL, INT, opaque, STRING } from "../language/types.ts";
import { compareStrings } from "../equality.ts";
import { ErrorValue, isOpaque, noSuchOverload, type OpaqueValue, type Value } from "../values.ts";
import { define, defineMethod, type Overload } from "./declare.ts";

const SEMVER = opaque("kubernetes.Semver");

class Semver implements OpaqueValue {
  readonly kind = "opaque";
  readonly typeName = SEMVER.name;
  readonly size = 1;
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly prerelease: readonly string[];

  constructor(numbers: readonly [bigint, bigint, bigint], prerelease: readonly string[]) {
    this.numbers = numbers;
    this.prerelease = prerelease;
  }

  equals(other: OpaqueValue): boolean {
    return other instanceof Semver && compareSemvers(this, other) === 0;
  }
}

const number = "(0|[1-9]\\d{0,19})";
const identifier = "(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)";
const form = new RegExp(
  `^${number}\\.${number}\\.${number}(?:-(${identifier}(?:\\.${identifier})*))?(?:\\+([0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*))?$`,
);
const textLengthMax = 512;

/** https://semver.org. Undefined: the text is no version. */
function parseSemver(text: string): Semver | undefined {
  const match = text.length <= textLengthMax ? form.exec(text) : null;
  if (!match) return undefined;
  const [, major = "0", minor = "0", patch = "0", prerelease = ""] = match;
  const numbers = [BigInt(major), BigInt(minor), BigInt(patch)] as const;
  if (numbers.some((one) => one >= 2n ** 64n)) return undefined;
  return new Semver(numbers, prerelease === "" ? [] : prerelease.split("."));
}

/** Without a leading "v" and zeros, with what is missing of minor and patch. */
function normalized(text: string): string | undefined {
  const [major = "", minor, ...rest] = text.replace(/^v/, "").split(".");
  const given = [major];
  if (minor !== undefined) given.push(minor);
  if (rest.length > 0) given.push(rest.join("."));
  if (given.length < 3 && /[+-]/.test(given.at(-1) ?? "")) return undefined;
  const parts = given.map((part) => {
    const short = part.length > 1 ? part.replace(/^0+/, "") : part;
    return part.length > 1 && !/^\d/.test(short) ? `0${short}` : short;
  });
  while (parts.length < 3) parts.push("0");
  return parts.join(".");
}

function parse(text: string, isNormalized: boolean): Semver | undefined {
  if (text.length > textLengthMax) return undefined;
  const plain = isNormalized ? normalized(text) : text;
  return plain === undefined ? undefined : parseSemver(plain);
}

function compareSemvers(a: Semver, b: Semver): number {
  for (let at = 0; at < 3; at++) {
    const [left, right] = [a.numbers[at] ?? 0n, b.numbers[at] ?? 0n];
    if (left !== right) return left < right ? -1 : 1;
  }
  if (a.prerelease.length === 0 || b.prerelease.length === 0)
    return Math.sign(b.prerelease.length - a.prerelease.length);
  for (let at = 0; at < Math.min(a.prerelease.length, b.prerelease.length); at++) {
    const order = compareIdentifiers(a.prerelease[at] ?? "", b.prerelease[at] ?? "");
    if (order !== 0) return order;
  }
  return Math.sign(a.prerelease.length - b.prerelease.length);
}

function compareIdentifiers(a: string, b: string): number {
  const [left, right] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (left !== right) return left ? -1 : 1;
  if (!left) return compareStrings(a, b);
  return a.length === b.length ? compareStrings(a, b) : Math.sign(a.length - b.length);
}

function withOne(value: unknown, use: (version: Semver) => Value): Value {
  return isOpaque(value) && value instanceof Semver ? use(value) : noSuchOverload;
}

function comparing(name: string, id: string, use: (order: number) => Value): Overload {
  return defineMethod([name, id], [SEMVER, SEMVER], name === "compareTo" ? INT : BOOL, ([a, b]) =>
    withOne(a, (left) => withOne(b, (right) => use(compareSemvers(left, right)))),
  );
}

function made(text: string, isNormalized: boolean): Value {
  return (
    parse(text, isNormalized) ??
    new ErrorValue(`invalid semantic version ${JSON.stringify(text.slice(0, 100))}`)
  );
}

export const semvers: readonly Overload[] = [
  define(["semver", "string_to_semver"], [STRING], SEMVER, ([text]) => made(text, false)),
  define(["semver", "string_bool_to_semver"], [STRING, BOOL], SEMVER, ([text, isNormalized]) =>
    made(text, isNormalized),
  ),
  define(["isSemver", "is_semver_string"], [STRING], BOOL, ([text]) => parse(text, false) !== undefined),
  define(
    ["isSemver", "is_semver_string_bool"],
    [STRING, BOOL],
    BOOL,
    ([text, isNormalized]) => parse(text, isNormalized) !== undefined,
  ),
  ...(["major", "minor", "patch"] as const).map((name, at) =>
    defineMethod([name, `semver_${name}`], [SEMVER], INT, ([value]) =>
      withOne(value, ({ numbers }) => BigInt.asIntN(64, numbers[at] ?? 0n)),
    ),
  ),
  comparing("compareTo", "semver_compare_to", (order) => BigInt(order)),
  comparing("isLessThan", "semver_is_less_than", (order) => order < 0),
  comparing("isGreaterThan", "semver_is_greater_than", (order) => order > 0),
];

export { SEMVER };
