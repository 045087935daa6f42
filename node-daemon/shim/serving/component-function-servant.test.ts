import { describe, expect, test } from "vitest";
import { componentOf } from "../../components/test-components.ts";
import * as guests from "../../components/test-functions.ts";
import type { RequestHead } from "../../link/exchange.ts";
import type { RunSpec } from "../../runtimes/runtime-driver.ts";
import { FunctionHandler } from "./function-handler.ts";
import type { Served, ServedRequest } from "./handler.ts";
import { handlerParts, loadComponent, requestOf, serve } from "./test-requests.ts";

const { bytes, bytesOrError, count, echo, exported, forever, judge, library, text, textOrError } = guests;

interface CallOptions extends Partial<Pick<ServedRequest, "fuelMax" | "memoryBytesMax">> {
  readonly seed?: string;
}

/** One instance of a component, and whoever calls it. */
class Callee {
  readonly bugs: unknown[] = [];
  readonly #parts;
  readonly servant;

  constructor(loaded: Awaited<ReturnType<typeof loadComponent>>, spec: Partial<RunSpec>) {
    this.#parts = handlerParts(spec);
    const handler = new FunctionHandler(this.#parts, loaded);
    this.servant = handler.servant({ bug: (error) => this.bugs.push(error), needHeap: () => true });
    this.#parts.pot.add(this.servant, handler.memoryBytesMin);
  }

  begin(name: string, input: string | Uint8Array, { seed, ...limits }: CallOptions = {}) {
    const call: NonNullable<RequestHead["call"]> = seed === undefined ? {} : { seed };
    const request = requestOf({ method: "CALL", path: name, call });
    if (input.length > 0) request.body.chunks.push(Buffer.from(input));
    return { answer: request.answer, served: serve(this.#parts, this.servant, { ...request, ...limits }) };
  }

  /** The status, the answer and the function's code; or why there is none. */
  async call(name: string, input: string | Uint8Array = "", options?: CallOptions): Promise<unknown[]> {
    const { answer, served } = this.begin(name, input, options);
    const outcome: Served = await served;
    expect(this.bugs).toEqual([]);
    if (outcome.kind === "failed") return [outcome.reason, outcome.message];
    const { status, headers = [] } = answer.head ?? {};
    return [status, answer.written.toString(), ...headers.slice(1)];
  }
}

async function calleeOf(binary: Promise<Uint8Array>, spec: Partial<RunSpec> = {}): Promise<Callee> {
  return new Callee(await loadComponent(await binary), spec);
}

describe("ComponentFunctionServant: answers", () => {
  test("with bytes, with a string, and with what a result holds", async () => {
    const core = `${echo()} ${echo("copy")} ${judge()} ${judge("decide")}`;
    const one = await calleeOf(
      library({ core, exports: { echo: bytes, copy: text, judge: bytesOrError, decide: textOrError } }),
    );
    expect(await one.call("echo", "12 250")).toEqual([200, "12 250"]);
    expect(await one.call("echo")).toEqual([200, ""]);
    expect(await one.call("copy", "\u{feff}größer 漢 😀")).toEqual([200, "\u{feff}größer 漢 😀"]);
    expect(await one.call("copy")).toEqual([200, ""]);
    for (const name of ["judge", "decide"]) {
      expect(await one.call(name, "12 250")).toEqual([200, "12 250"]);
      expect(await one.call(name, "!a dozen")).toEqual([400, "!a dozen", "1"]);
    }
    const { answer, served } = one.begin("echo", Uint8Array.of(0xff, 0, 0x80));
    await served;
    expect([...answer.written]).toEqual([0xff, 0, 0x80]);
  });

  test("from the same instance, which cleans up after each call", async () => {
    const core = `${count} (global $cleaned (mut i32) (i32.const 48))
      (func (export "cabi_post_count") (param i32) (global.set $cleaned (i32.add (global.get $cleaned) (i32.const 1))))
      ${exported("cleaned", `(i32.store8 (i32.const 33) (global.get $cleaned)) (call $answer (i32.const 33) (i32.const 1))`)}`;
    const one = await calleeOf(library({ core, exports: { count: bytes, cleaned: bytes } }));
    expect(await one.call("count")).toEqual([200, "1"]);
    expect(await one.call("count")).toEqual([200, "2"]);
    expect(await one.call("cleaned")).toEqual([200, "2"]);
    const before = one.servant.memoryBytes;
    for (let calls = 0; calls < 500; calls++) await one.call("cleaned");
    expect(one.servant.memoryBytes).toBe(before);
  });

  test("by each of its names, and of several functions of a name by none that leaves open which", async () => {
    const interfaces = `interface shop { quote: ${bytes}; total: ${bytes}; } interface bank { quote: ${bytes}; }`;
    const core = `${echo("test:guest/shop#quote")} ${echo("test:guest/shop#total")} ${echo("test:guest/bank#quote")}`;
    const one = await calleeOf(library({ core, interfaces, exports: "export shop; export bank;" }));
    for (const name of ["test:guest/shop#quote", "test:guest/shop#total", "total"]) {
      expect(await one.call(name, "x")).toEqual([200, "x"]);
    }
    expect(await one.call("quote")).toEqual([
      404,
      expect.stringContaining("call it test:guest/shop#quote or test:guest/bank#quote"),
    ]);
  });

  test("whatever they are called in JavaScript", async () => {
    const names = ["then", "constructor", "to-string", "delete", "a1-b2-c", "has-own-property"];
    const core = names.map((name) => echo(name)).join("\n");
    const exports = Object.fromEntries(names.map((name) => [`%${name}`, bytes]));
    const one = await calleeOf(library({ core, exports }));
    for (const name of names) expect(await one.call(name, name)).toEqual([200, name]);
  });

  test("after it has waited for what it imports", async () => {
    const core = exported(
      "wait",
      `(call $block (call $subscribe (i64.const 2000000))) (call $answer (local.get $at) (local.get $bytes))`,
    );
    const imports = `(import "wasi:clocks/monotonic-clock@0.2.12" "subscribe-duration" (func $subscribe (param i64) (result i32)))
      (import "wasi:io/poll@0.2.12" "[method]pollable.block" (func $block (param i32)))`;
    const exports = `import wasi:clocks/monotonic-clock@0.2.12; import wasi:io/poll@0.2.12; export wait: ${bytes};`;
    const one = await calleeOf(library({ core, imports, exports }));
    expect(await one.call("wait", "so long")).toEqual([200, "so long"]);
    expect(await one.call("wait", "and longer")).toEqual([200, "and longer"]);
  });

  test("of a composition", async () => {
    const one = await calleeOf(componentOf(guests.composedText));
    expect(await one.call("four-times", "ab")).toEqual([200, "abababab"]);
    expect(await one.call("four-times", "")).toEqual([200, ""]);
    const wrong = guests.composedText.replace(
      "(i32.const 16)) (i32.const 16)",
      "(i32.const 16)) (i32.store (i32.const 20) (i32.const -1)) (i32.const 16)",
    );
    expect(wrong).not.toBe(guests.composedText);
    const other = await calleeOf(componentOf(wrong));
    expect(await other.call("four-times", "ab")).toEqual([
      "invalid",
      expect.stringContaining("outside of its memory"),
    ]);
  });
});

describe("ComponentFunctionServant: refuses", () => {
  const shop = () =>
    library({
      core: `${echo()} ${echo("copy")} (func (export "add") (param i32 i32) (result i32) (local.get 0))`,
      exports: { echo: bytes, copy: text, add: "func(a: u32, b: u32) -> u32" },
    });

  test.each([
    [
      "what it does not export",
      "ecco",
      "",
      'exports no function "ecco" that can be called; those that can are: echo, copy',
    ],
    ["what is of the host", "cabi_realloc", "", "no function"],
    ["what every object has", "constructor", "", "no function"],
    [
      "a function of another type",
      "add",
      "",
      "add (func(a: u32, b: u32) -> u32) can not be called: functions of type func(",
    ],
  ])("%s", async (_, name, input, says) => {
    const one = await calleeOf(shop());
    expect(await one.call(name, input)).toEqual([404, expect.stringContaining(says)]);
    expect(await one.call("echo", "x")).toEqual([200, "x"]);
  });

  test("what is no string where one is wanted, and a seed", async () => {
    const one = await calleeOf(shop());
    expect(await one.call("copy", Uint8Array.of(0xc3))).toEqual([
      400,
      "the input is not UTF-8, and copy takes a string",
    ]);
    expect(await one.call("echo", "", { seed: "a" })).toEqual([
      400,
      expect.stringContaining("deterministic"),
    ]);
    expect(await one.call("copy", "x")).toEqual([200, "x"]);
  });

  test("strings that are not UTF-8", async () => {
    const exports = { copy: text, echo: bytes };
    const one = await calleeOf(library({ core: `${echo()} ${echo("copy")}`, exports, encoding: "utf16" }));
    expect(await one.call("echo", "x")).toEqual([200, "x"]);
    expect(await one.call("copy", "x")).toEqual([
      404,
      expect.stringContaining("copy (its strings are in another encoding than UTF-8) can not"),
    ]);
  });

  test("functions of resources, whatever their types", async () => {
    const interfaces = `interface shop { resource thing { make: static ${bytes}; } quote: ${bytes}; }`;
    const core = `${echo("test:guest/shop#[static]thing.make")} ${echo("test:guest/shop#quote")}
      (func (export "test:guest/shop#[dtor]thing") (param i32))`;
    const one = await calleeOf(library({ core, interfaces, exports: "export shop;" }));
    expect(await one.call("quote", "x")).toEqual([200, "x"]);
    expect(await one.call("[static]thing.make", "x")).toEqual([
      404,
      expect.stringContaining("(a function of a resource) can not be called"),
    ]);
  });

  test("a component without such functions", async () => {
    const add = library({
      core: `(func (export "add") (param i32 i32) (result i32) (local.get 0))`,
      exports: { add: "func(a: u32, b: u32) -> u32" },
    });
    await expect(calleeOf(add)).rejects.toThrow(/It exports add \(func\(a: u32, b: u32\) -> u32\)/);
  });
});

describe("ComponentFunctionServant: limits", () => {
  test("the fuel of each call, and not what those before it have used", async () => {
    const one = await calleeOf(
      library({ core: `${echo()} ${exported("spin", forever)}`, exports: { echo: bytes, spin: bytes } }),
    );
    await one.call("echo", "x");
    const before = one.servant.fuelUsed;
    expect(await one.call("echo", "x", { fuelMax: 1_000_000 })).toEqual([200, "x"]);
    const used = one.servant.fuelUsed - before;
    expect(used).toBeGreaterThan(0);
    for (let calls = 0; calls < 20; calls++) {
      expect(await one.call("echo", "x", { fuelMax: 2 * used })).toEqual([200, "x"]);
    }
    expect(await one.call("spin", "", { fuelMax: 1_000_000 })).toEqual([
      "exhausted",
      expect.stringContaining("fuel"),
    ]);
  });

  test("the fuel of what cannot be suspended", async () => {
    const core = `${echo()} (func (export "cabi_post_echo") (param i32) (local $i i32) (local.set $i (i32.const 100000))
      (loop $again (br_if $again (local.tee $i (i32.sub (local.get $i) (i32.const 1))))))`;
    const one = await calleeOf(library({ core, exports: { echo: bytes } }));
    expect(await one.call("echo", "x")).toEqual([200, "x"]);
    expect(await one.call("echo", "x", { fuelMax: 10_000 })).toEqual([
      "exhausted",
      expect.stringContaining("fuel"),
    ]);
  });

  test("the memory of each call", async () => {
    const core = exported(
      "grow",
      `(i32.store8 (i32.const 32) (i32.add (i32.const 48) (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
       (call $answer (i32.const 32) (i32.const 1))`,
    );
    const one = await calleeOf(library({ core, exports: { grow: bytes } }));
    expect(await one.call("grow", "", { memoryBytesMax: 65_536 })).toEqual([200, "0"]);
    expect(await one.call("grow")).toEqual([200, "1"]);
    expect(await one.call("grow", "", { memoryBytesMax: 2 ** 20 })).toEqual([200, "0"]);
  });

  test("a call that never returns: others have their turn, and a kill ends it", async () => {
    const one = await calleeOf(library({ core: exported("spin", forever), exports: { spin: bytes } }));
    const { served } = one.begin("spin", "");
    const first = await Promise.race([served, new Promise((resolve) => setTimeout(resolve, 20, "a timer"))]);
    expect(first).toBe("a timer");
    one.servant.kill();
    expect(await served).toMatchObject({ kind: "failed", reason: "trapped", reusable: false });
    one.servant.close();
    expect(one.bugs).toEqual([]);
  });
});

describe("ComponentFunctionServant: a hostile guest", () => {
  const far = "(i32.const 200000)";
  const notUtf8 = `(data (i32.const 64) "\\c3\\28")`;
  const table: readonly {
    readonly name: string;
    readonly core: string;
    readonly type?: string;
    readonly realloc?: string;
    readonly ends: readonly [reason: string, says: string];
  }[] = [
    { name: "traps", core: exported("f", "unreachable"), ends: ["trapped", "unreachable"] },
    {
      name: "answers with what is outside of its memory",
      core: exported("f", "(call $answer (i32.const 262140) (i32.const 8))"),
      ends: ["invalid", "8 bytes at 262140, which is outside"],
    },
    {
      name: "answers with four gigabytes",
      core: exported("f", "(call $answer (i32.const 0) (i32.const -1))"),
      ends: ["invalid", "4294967295 bytes at 0, which is outside"],
    },
    {
      name: "answers with more than it may",
      core: exported(
        "f",
        `(drop (memory.grow (i32.const 300))) (call $answer (i32.const 0) (i32.const 16777217))`,
      ),
      ends: ["invalid", "its output has 16777217 bytes, and may have 16777216"],
    },
    {
      name: "has more to say of an error than it may",
      type: bytesOrError,
      core: exported(
        "f",
        `(drop (memory.grow (i32.const 300))) (call $result (i32.const 1) (i32.const 0) (i32.const 16777217))`,
      ),
      ends: ["invalid", "its output has 16777217 bytes, and may have 16777216"],
    },
    {
      name: "answers with a string that is none",
      type: text,
      core: `${notUtf8} ${exported("f", "(call $answer (i32.const 64) (i32.const 2))")}`,
      ends: ["invalid", "not UTF-8"],
    },
    {
      name: "has an error that is no string",
      type: bytesOrError,
      core: `${notUtf8} ${exported("f", "(call $result (i32.const 1) (i32.const 64) (i32.const 2))")}`,
      ends: ["invalid", "not UTF-8"],
    },
    {
      name: "answers neither with a result nor with an error",
      type: bytesOrError,
      core: exported("f", "(call $result (i32.const 7) (i32.const 0) (i32.const 0))"),
      ends: ["trapped", "discriminant"],
    },
    { name: "says that its answer is nowhere", core: exported("f", "(i32.const -4)"), ends: ["trapped", ""] },
    { name: "allocates nowhere", core: echo("f"), realloc: "(i32.const -1)", ends: ["trapped", ""] },
    {
      name: "allocates beyond its end",
      core: echo("f"),
      realloc: far.replace("200000", "262140"),
      ends: ["trapped", ""],
    },
    {
      name: "spins where it allocates",
      core: echo("f"),
      realloc: forever,
      ends: ["trapped", "took too long"],
    },
    {
      name: "spins where it cleans up",
      core: `${echo("f")} (func (export "cabi_post_f") (param i32) (loop $again (br $again)))`,
      ends: ["trapped", "took too long"],
    },
    {
      name: "traps where it cleans up",
      core: `${echo("f")} (func (export "cabi_post_f") (param i32) unreachable)`,
      ends: ["trapped", "unreachable"],
    },
    {
      name: "calls itself for ever",
      core: `(func $f (export "f") (param i32 i32) (result i32) (i32.add (call $f (i32.const 0) (i32.const 0)) (i32.const 1)))`,
      ends: ["trapped", "stack"],
    },
  ];
  test.each(table)("$name: the call fails, and the instance is not used again", async (row) => {
    const { core, type = bytes, realloc, ends } = row;
    const one = await calleeOf(library({ core, exports: { f: type }, ...(realloc && { realloc }) }));
    const { answer, served } = one.begin("f", "twelve bytes");
    const [reason, says] = ends;
    expect(await served).toMatchObject({
      kind: "failed",
      reason,
      message: expect.stringContaining(says),
      reusable: false,
    });
    expect(answer.began).toBe(false);
    one.servant.close();
    expect(one.bugs).toEqual([]);
  });

  test("ends itself, and the code is told", async () => {
    const core = exported("f", "(call $exit (i32.const 1)) (i32.const 0)");
    const imports = `(import "wasi:cli/exit@0.2.12" "exit" (func $exit (param i32)))`;
    const exports = `import wasi:cli/exit@0.2.12; export f: ${bytes};`;
    const one = await calleeOf(library({ core, imports, exports }));
    expect(await one.call("f")).toEqual(["trapped", "it has ended itself with code 1"]);
  });
});
