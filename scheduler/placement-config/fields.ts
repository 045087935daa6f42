/** Reads values of a parsed file. Each complaint names the path, the value, and what is allowed there. */
import { WherryError } from "../../kit/errors.ts";

export interface Field {
  /** Such as `profiles[0].name`; empty: the whole. */
  readonly path: string;
  /** undefined: it is not there. */
  readonly value: unknown;
}

export function refuse({ path, value }: Field, expected: string): never {
  const shown = value === undefined ? "is missing" : shorten(JSON.stringify(value) ?? "nothing");
  throw new WherryError(
    "InvalidPlacementConfig",
    `${path === "" ? "the file" : path} ${shown}: expected ${expected}`,
  );
}

const shownCharsMax = 80;

function shorten(text: string): string {
  return text.length > shownCharsMax ? `${text.slice(0, shownCharsMax)}…` : text;
}

/** The fields of an object, by name; those that are not known are refused. */
export function readObject<Name extends string>(
  field: Field,
  names: readonly Name[],
): Readonly<Record<Name, Field>> {
  const { path, value } = field;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return refuse(field, `an object with ${names.join(", ")}`);
  const entries = value as Readonly<Record<string, unknown>>;
  const known: ReadonlySet<string> = new Set(names);
  for (const name of Object.keys(entries))
    if (!known.has(name))
      throw new WherryError(
        "InvalidPlacementConfig",
        `${pathOf(path, name)}: there is no such field; there are ${names.join(", ")}`,
      );
  return Object.fromEntries(
    names.map((name) => [name, { path: pathOf(path, name), value: entries[name] ?? undefined }]),
  ) as Record<Name, Field>;
}

function pathOf(path: string, name: string): string {
  return path === "" ? name : `${path}.${name}`;
}

/** Not there: empty. */
export function readList(field: Field, countMax: number, what: string): readonly Field[] {
  const { path, value = [] } = field;
  if (!Array.isArray(value)) return refuse(field, `a list of ${what}`);
  if (value.length > countMax)
    throw new WherryError(
      "InvalidPlacementConfig",
      `${path} has ${value.length} entries: expected at most ${countMax} ${what}`,
    );
  return value.map((one: unknown, at) => ({ path: `${path}[${at}]`, value: one }));
}

export function readText(field: Field, form: RegExp, expected: string): string {
  return typeof field.value === "string" && form.test(field.value) ? field.value : refuse(field, expected);
}

export function readOneOf<Value extends string>(field: Field, allowed: readonly Value[]): Value {
  return allowed.find((one) => one === field.value) ?? refuse(field, `one of ${allowed.join(", ")}`);
}

const numberForm = /^\d{1,3}(\.\d{1,3})?$/;

/** With at most three decimals; written as a number, or as a text as the API has it. */
export function readNumber(field: Field, min: number, max: number): number {
  const text = typeof field.value === "number" ? String(field.value) : field.value;
  const number = typeof text === "string" && numberForm.test(text) ? Number(text) : Number.NaN;
  if (number >= min && number <= max) return number;
  return refuse(field, `a number from ${min} to ${max} with at most three decimals`);
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000 };

export function readDurationMs(field: Field, minMs: number, maxMs: number): number {
  const match =
    typeof field.value === "string" ? /^(?<amount>\d{1,6})(?<unit>ms|s|m)$/.exec(field.value) : null;
  const ms = Number(match?.groups?.["amount"]) * (unitMs[match?.groups?.["unit"] ?? ""] ?? Number.NaN);
  if (ms >= minMs && ms <= maxMs) return ms;
  return refuse(
    field,
    `a duration from ${durationText(minMs)} to ${durationText(maxMs)}, such as 250ms or 5s`,
  );
}

export function durationText(ms: number): string {
  if (ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms % 1_000 === 0 ? `${ms / 1_000}s` : `${ms}ms`;
}
