/** Values, texts and mutations that have broken servers, made from a seed. */
import type { Random } from "../../../kit/random.ts";
import { isObject, type JsonObject } from "../resource.ts";

export class Dice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  below(count: number): number {
    return Math.floor(this.#random.fraction() * count);
  }

  /** True once in so many times. */
  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  pick<T>(list: readonly T[]): T {
    const one = list[this.below(list.length)];
    if (one === undefined) throw new TypeError("nothing to pick from");
    return one;
  }
}

export function nested(depth: number, open: string, close: string): string {
  return open.repeat(depth) + close.repeat(depth);
}

function deep(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}

/** Not `undefined`: what JSON can say, and a marker for what only its text can. */
export function hostileValue(dice: Dice): unknown {
  return dice.pick<() => unknown>([
    () => null,
    () => true,
    () => 0,
    () => -1,
    () => 1.5,
    () => 2 ** 53,
    () => 1e308,
    () => "",
    () => " ",
    () => "..",
    () => "a/b",
    () => "\u0000",
    () => "\uD800",
    () => "\uFEFFx",
    () => "💥".repeat(40),
    () => "x".repeat(300),
    () => "x".repeat(70_000),
    () => "kept",
    () => "default",
    () => "2026-13-45T99:99:99Z",
    () => "9".repeat(400),
    () => [],
    () => {},
    () => [null],
    () => [[]],
    () => [{}],
    () => ({}),
    () => ({ a: null }),
    () => ({ constructor: { prototype: { polluted: true } } }),
    () => ({ toString: 1, hasOwnProperty: 2, length: -1 }),
    () => ({ $patch: "replace" }),
    () => ({ $patch: "delete" }),
    () => ({ $patch: {} }),
    () => ({ $retainKeys: ["a", 1, null], "$setElementOrder/finalizers": [1, {}] }),
    () => ({ "$deleteFromPrimitiveList/__proto__": [1], "$deleteFromPrimitiveList/data": {} }),
    () => Array.from({ length: 3_000 }, (_, i) => `item-${i}`),
    () => Array.from({ length: 3_000 }, () => ({})),
    () => Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`key-${i}`, i])),
    () => deep(98),
    () => deep(400),
  ])();
}

/** A copy in which one to three places are something else, are gone, or have company. */
export function mutate(dice: Dice, original: unknown): unknown {
  const root = { value: structuredClone(original) };
  for (let times = 1 + dice.below(3); times > 0; times--) mutateOnce(dice, root);
  return root.value;
}

function mutateOnce(dice: Dice, root: { value: unknown }): void {
  const whole: JsonObject = root;
  let place: JsonObject | unknown[] = whole;
  let key: string | number = "value";
  for (;;) {
    const value: unknown = Array.isArray(place) ? place[Number(key)] : place[key];
    const keys = isObject(value) ? Object.keys(value) : Array.isArray(value) ? [...value.keys()] : [];
    if (keys.length === 0 || dice.oneIn(5)) break;
    // It has keys, so it is one of them.
    place = value as JsonObject | unknown[];
    key = dice.pick<string | number>(keys);
  }
  if (Array.isArray(place)) {
    place[Number(key)] = hostileValue(dice);
    return;
  }
  switch (dice.below(4)) {
    case 0:
      if (place !== whole) delete place[key];
      return;
    case 1:
      place[`${key}x`] = hostileValue(dice);
      return;
    case 2:
      place[dice.pick(["constructor", "toString", "", "a.b", "a/b", "~", "x".repeat(5_000)])] = 1;
      return;
    default:
      place[key] = hostileValue(dice);
  }
}

/** JSON that no JSON.stringify makes. */
export function mutateText(dice: Dice, text: string): string | Buffer {
  const at = dice.below(text.length + 1);
  const insert = (piece: string) => text.slice(0, at) + piece + text.slice(at);
  return dice.pick<() => string | Buffer>([
    () => text.slice(0, at),
    () => text + text,
    () => `\uFEFF${text}`,
    () => insert("\u0000"),
    () => insert("\\"),
    () => insert('"'),
    () => insert(","),
    () => insert("}"),
    () => insert("\\ud800"),
    () => text.replace("{", '{"__proto__":{"polluted":true},'),
    () => text.replace("{", '{"\\u005f_proto__":[1],'),
    () => text.replace("{", '{"metadata":{"name":"kept"},'),
    () => text.replace(/"[^"]*"$/, "1e999"),
    () => text.replaceAll(/:"[^"]*"/g, ":1e999"),
    () => text.replaceAll(/:"[^"]*"/g, `:-${"9".repeat(400)}`),
    () => text.replaceAll(/:"[^"]*"/g, ":NaN"),
    () => text.replaceAll(/:"[^"]*"/g, `:${nested(3_000, "[", "]")}`),
    () => Buffer.concat([Buffer.from(text.slice(0, at)), Buffer.from([0xff, 0xc0, 0xed, 0xa0, 0x80])]),
    () => Buffer.from(text, "utf16le"),
  ])();
}

export const hostileYaml: readonly string[] = [
  "a: &a [x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b, *b, *b, *b]\nd: [*c, *c, *c, *c]",
  "a: &a [*a]",
  "a: &a {b: *a}",
  "<<: {__proto__: {polluted: true}}\nkind: ConfigMap",
  "__proto__: {polluted: true}",
  "? __proto__\n: [1]",
  "--- a\n--- b\n",
  "a: 1\n---\nb: 2\n...\n",
  "%YAML 9.9\n---\na: 1",
  "!!js/function 'return 1'",
  "a: !!binary not-base64!",
  "a: !!set {x, y}",
  "a: !!omap [x: 1, x: 2]",
  "a: 2001-12-14t21:59:43.10-05:00",
  "a: .inf\nb: .nan\nc: 0o17\nd: 1_000\ne: 190:20:30",
  "? [complex, key]\n: 1\n? {another: one}\n: 2",
  "a: |\n\tb",
  "a: b: c",
  "\t",
  "- ",
  "a: 'x",
  '"\\x0',
  "a: \u0000",
  "a: \uD800",
  "null",
  "~",
  "",
  "# nothing",
  "&a",
  "*a",
  "!",
  "[".repeat(5_000),
  "{".repeat(5_000),
  "- ".repeat(5_000),
  "? ".repeat(5_000),
  "a: ".repeat(2_000),
  "&a ".repeat(1_000),
  "!!str ".repeat(1_000),
  `a: ${"*b ".repeat(1_000)}`,
  `{${"a: 1, ".repeat(2_000)}}`,
];
