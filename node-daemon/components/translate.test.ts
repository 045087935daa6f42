import { describe, expect, test } from "vitest";
import { offer } from "./offer.ts";
import { commandText, componentOf, components } from "./test-components.ts";
import { type Translation, translateComponent } from "./translate.ts";

const translate = async (text: string): Promise<Translation> =>
  translateComponent(await componentOf(text), offer);

/** A command that needs nothing, with more beside it. */
const withMore = (more: string) => `(component ${more}
  (core module $m (func (export "run") (result i32) (i32.const 0)))
  (core instance $i (instantiate $m))
  (func $run (result (result)) (canon lift (core func $i "run")))
  (instance $command (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $command)))`;

describe("translateComponent: what it refuses", () => {
  const table: readonly {
    readonly name: string;
    readonly text: string;
    readonly reason: string;
    readonly says: readonly string[];
  }[] = [
    {
      name: "an interface of somebody's own",
      text: withMore(`(import "acme:shop/cart@1.0.0" (instance (export "add" (func))))`),
      reason: "ImportsUnsatisfied",
      says: ["acme:shop/cart@1.0.0 (no interface of WASI", "compose a component that exports it in with wac"],
    },
    {
      name: "a function by itself, and each other thing that is missing",
      text: withMore(`(import "log" (func)) (import "wasi:http/client@0.3.0" (instance))`),
      reason: "ImportsUnsatisfied",
      says: [
        "log (a function by itself",
        "wasi:http/client@0.3.0 (an interface of WASI that is not offered here",
      ],
    },
    {
      name: "an interface of WASI in another version",
      text: withMore(`(import "wasi:cli/environment@0.9.1" (instance))`),
      reason: "ImportsUnsatisfied",
      says: ["wasi:cli/environment@0.9.1 (of another version: 0.2 and 0.3 is offered"],
    },
    {
      name: "an interface of WASI before its release",
      text: withMore(`(import "wasi:cli/environment@0.3.0-rc-2025-09-16" (instance))`),
      reason: "ImportsUnsatisfied",
      says: ["wasi:cli/environment@0.3.0-rc-2025-09-16 (of another version"],
    },
    {
      name: "a function that an interface has not",
      text: `(component
        (import "wasi:cli/environment@0.2.0" (instance $e (export "get-secrets" (func (result u32)))))
        (core func $secrets (canon lower (func $e "get-secrets")))
        (core module $m (import "" "f" (func $f (result i32))) (func (export "run") (result i32) (call $f)))
        (core instance $i (instantiate $m (with "" (instance (export "f" (func $secrets))))))
        (func $run (result (result)) (canon lift (core func $i "run")))
        (instance $command (export "run" (func $run)))
        (export "wasi:cli/run@0.2.0" (instance $command)))`,
      reason: "ImportsUnsatisfied",
      says: ["wasi:cli/environment@0.2.0#get-secrets (wasi:cli/environment@0.2 is offered without it)"],
    },
    {
      name: "a library",
      text: `(component
        (core module $m (func (export "f"))) (core instance $i (instantiate $m))
        (func (export "f") (canon lift (core func $i "f"))))`,
      reason: "NoStartFunction",
      says: [
        "does not export wasi:cli/run@0.2 or wasi:cli/run@0.3, nor wasi:http/incoming-handler@0.2, but f: it is a library",
        "exports no function that can be called: those of type func(input: list<u8>) -> list<u8> or",
        "It exports f (func())",
      ],
    },
    {
      name: "an HTTP handler of another version",
      text: `(component (instance $h) (export "wasi:http/handler@0.3.0" (instance $h)))`,
      reason: "NoStartFunction",
      says: ["it is an HTTP handler of another version of WASI: wasi:http/incoming-handler@0.2 is supported"],
    },
    {
      name: "a command of another version",
      text: `(component (instance $h) (export "wasi:cli/run@0.1.0" (instance $h)))`,
      reason: "NoStartFunction",
      says: ["it is a command of another version of WASI"],
    },
    {
      name: "what is not valid, in the validator's words",
      text: withMore(`(core module (func (result i32)))`),
      reason: "ModuleInvalid",
      says: ["not a valid component: type mismatch: expected i32 but nothing on stack"],
    },
    {
      name: "a core module with many tables",
      text: withMore(`(core module ${"(table 0 funcref)".repeat(65)})`),
      reason: "ModuleUnsupported",
      says: ["more than 64 tables"],
    },
    {
      name: "more memories than the process has mappings for",
      text: withMore(
        `(core module $memory (memory 1)) ${"(core instance (instantiate $memory))".repeat(20)}`,
      ),
      reason: "ModuleTooLarge",
      says: ["20 memories, of at most 16"],
    },
    {
      name: "more core instances than can be metered alike",
      text: withMore(`(core module $empty) ${"(core instance (instantiate $empty))".repeat(300)}`),
      reason: "ModuleTooLarge",
      says: ["301 core instances, of at most 256"],
    },
  ];

  test.each(table)("$name", async ({ text, reason, says }) => {
    const refused = await translate(text);
    expect(refused).toMatchObject({ kind: "rejected", reason, worn: false });
    for (const part of says) expect("message" in refused ? refused.message : "").toContain(part);
  });

  test("more functions that could be called than may be: none of them can", async () => {
    const function_ = (index: number) => `(export "f${index}" (func $f))`;
    const refused = await translate(`(component
      (core module $m (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
        (func (export "f") (param i32 i32) (result i32) (i32.const 0)))
      (core instance $i (instantiate $m))
      (func $f (param "input" string) (result string) (canon lift (core func $i "f")
        (memory (core memory $i "memory")) (realloc (core func $i "realloc"))))
      ${Array.from({ length: 257 }, (_, index) => function_(index)).join(" ")})`);
    expect(refused).toMatchObject({ kind: "rejected", reason: "NoStartFunction" });
    const says = "f0 (257 functions could be called, and 256 may be)";
    expect("message" in refused ? refused.message : "").toContain(says);
  });

  test("a file that is longer, or of another version, than is read", async () => {
    const bytes = await components.exits(0);
    const older = bytes.slice();
    older[4] = 0x0c;
    expect(await translateComponent(older, offer)).toMatchObject({ reason: "ModuleUnsupported" });
    const cut = bytes.subarray(0, bytes.length - 1);
    expect(await translateComponent(cut, offer)).toMatchObject({ kind: "rejected", reason: "ModuleInvalid" });
  });
});

describe("translateComponent: names that could become code", () => {
  const harmful: readonly (readonly [name: string, written: string])[] = [
    ["a single quote", "a'b"],
    ["a double quote", '\\"'],
    ["a backquote", "`"],
    ["a backslash", "\\\\"],
    ["a line feed", "\\n"],
    ["a carriage return", "\\r"],
    ["a line separator", "\\u{2028}"],
    ["a paragraph separator", "\\u{2029}"],
    ["a zero", "\\00"],
    ["a template's hole", "${process}"],
    ["the start of a comment", "/*"],
    ["the end of a comment", "*/"],
    ["a comment of HTML", "<!--"],
    ["what would be the prototype", "__proto__"],
    ["a call of the log that is cut out", ";_debugLog("],
    ["all at once", "x']();globalThis.pwned=1;//\\\"`"],
  ];

  const pair = (module: string, name: string) => `(component
    (core module $a (func (export "${name}")))
    (core module $b (import "${module}" "${name}" (func)) (func (export "run") (result i32) (i32.const 0)))
    (core instance $ai (instantiate $a))
    (core instance $bi (instantiate $b (with "${module}" (instance (export "${name}" (func $ai "${name}"))))))
    (func $run (result (result)) (canon lift (core func $bi "run")))
    (instance $command (export "run" (func $run)))
    (export "wasi:cli/run@0.2.0" (instance $command)))`;

  test.each(harmful)("%s in a name of a core module's export", async (_, written) => {
    const refused = await translate(pair("module", written));
    expect(refused).toMatchObject({ kind: "rejected", reason: "ModuleUnsupported", worn: false });
  });

  test.each(harmful)("%s in a name of a core module's import", async (_, written) => {
    const refused = await translate(pair(written, "name"));
    expect(refused).toMatchObject({ kind: "rejected", reason: "ModuleUnsupported", worn: false });
  });

  const urls: readonly (readonly [name: string, text: string])[] = [
    ["an import", withMore(`(import "url=<http://a'b>" (func))`)],
    ["an import with a hash", withMore(`(import "integrity=<sha256-a'b>" (func))`)],
  ];

  test.each(urls)("%s that is named by a URL", async (_, text) => {
    expect(await translate(text)).toMatchObject({ kind: "rejected", reason: "ImportsUnsatisfied" });
  });

  test("what names may hold otherwise does not get lost", async () => {
    const name = "cabi_post_a:b/c@1.0#[async-lower][method]d.e <f> (g) $h % é 漢 ;,|&^~?!=+*{}";
    const translated = await translate(pair(name, name));
    expect(translated).toMatchObject({ kind: "translated" });
    expect("script" in translated ? translated.script : "").toContain(`'${name}'`);
  });
});

describe("translateComponent: what it makes", () => {
  test("facts, a script without imports of its own, and rewritten core modules", async () => {
    const translated = await translate(
      commandText({ main: `(func (export "run") (result i32) (i32.const 0))` }),
    );
    if (translated.kind !== "translated") throw new Error(translated.message);
    const { facts, script, modules } = translated;
    expect(facts.run).toBe("wasi:cli/run@0.2.0");
    expect(facts.imports).toContain("wasi:io/poll@0.2");
    expect(facts.modules).toHaveLength(modules.length);
    for (const core of facts.modules) expect(core.facts.hooks.fuel).toBe("wherry.fuel");
    expect(script).toMatch(/^return function instantiate\(/);
    expect(script).not.toMatch(/^\s*(?:import|export) /m);
  });

  test("features of core modules that need a process of their own", async () => {
    const text = withMore(`(core module (memory 1 2 shared)) (core module (type (struct)))`);
    const translated = await translate(text);
    const facts = translated.kind === "translated" ? translated.facts.modules : [];
    expect(facts.flatMap((module) => module.facts.features).toSorted()).toEqual(["gc", "threads"]);
  });

  test("the same for the same bytes", async () => {
    const bytes = await components.exits(0);
    const [one, two] = [await translateComponent(bytes, offer), await translateComponent(bytes, offer)];
    expect(one).toEqual(two);
  });
});
