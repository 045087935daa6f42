import { parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { describe, expect, test } from "vitest";
import { withDirectImports } from "./direct-imports.ts";
import { offer } from "./offer.ts";
import { bytes, echo, library } from "./test-functions.ts";
import { handlers } from "./test-handlers.ts";
import { translateComponent } from "./translate.ts";

const shim = (body = "local.get 0 i32.const 1 call_indirect (type 1)") => `(module
  (type (func (param i32 i32))) (type (func (param i32)))
  (table 2 2 funcref)
  (export "0" (func 0)) (export "1" (func 1)) (export "$imports" (table 0))
  (func (type 0) local.get 0 local.get 1 i32.const 0 call_indirect (type 0))
  (func (type 1) ${body}))`;

const fixups = (elements = "0 1", second = "(param i32)") => `(module
  (import "actual" "0" (func (param i32 i32)))
  (import "actual" "1" (func ${second}))
  (import "main" "_initialize" (func))
  (import "shim" "$imports" (table 2 2 funcref))
  (start 2)
  (elem (i32.const 0) func ${elements}))`;

const script = `const module0 = getCoreModule('main.wasm');
const module1 = getCoreModule('shim.wasm');
const module2 = getCoreModule('fixups.wasm');
  let exports0;
  let exports1;
  let exports2;
  Promise.all([module0, module1, module2]).catch(() => {});
  ({ exports: exports0 } = yield instantiateCore(yield module1));
  ({ exports: exports1 } = yield instantiateCore(yield module0, {
    host: {
      'a b': Object.assign(exports0['0'], { _jcoMaySuspend: false }),
      c: exports0['1'],
    },
  }));
  ({ exports: exports2 } = yield instantiateCore(yield module2, {
    actual: {
      '0': Object.assign(trampoline7, { _jcoMaySuspend: false }),
      '1': trampoline8,
    },
    main: {
      _initialize: exports1._initialize,
    },
    shim: {
      $imports: exports0.$imports,
    },
  }));
`;

async function directOf(text: string, shimText: string, fixupsText: string): Promise<string> {
  const binaries = new Map([
    ["main.wasm", await parse("(module)")],
    ["shim.wasm", await parse(shimText)],
    ["fixups.wasm", await parse(fixupsText)],
  ]);
  return withDirectImports(text, binaries);
}

describe("withDirectImports", () => {
  test("the main module is given the host's functions, and its initialization is called", async () => {
    expect(await directOf(script, shim(), fixups())).toBe(`const module0 = getCoreModule('main.wasm');
  let exports1;
  Promise.all([module0, ]).catch(() => {});
  ({ exports: exports1 } = yield instantiateCore(yield module0, {
    host: {
      'a b': Object.assign(trampoline7, { _jcoMaySuspend: false }),
      c: trampoline8,
    },
  }));
yield WebAssembly.promising(exports1._initialize)();
`);
  });

  test("functions stand where the table has them", async () => {
    const swapped = fixups("1 0", "(param i32)")
      .replace("(param i32 i32)", "(param i32)")
      .replace('"1" (func (param i32)', '"1" (func (param i32 i32)');
    expect(await directOf(script, shim(), swapped)).toContain("'a b': trampoline8,");
  });

  test.each([
    [
      "a function that does more",
      script,
      shim("local.get 0 drop local.get 0 i32.const 1 call_indirect (type 1)"),
      fixups(),
    ],
    [
      "one that calls another element",
      script,
      shim("local.get 0 i32.const 0 call_indirect (type 1)"),
      fixups(),
    ],
    ["a function of another type than the caller's", script, shim(), fixups("0 1", "(param i64)")],
    ["a table that is not filled", script, shim(), fixups("0")],
    [
      "a function of another core instance",
      script.replace("'1': trampoline8", "'1': exports1.write"),
      shim(),
      fixups(),
    ],
    ["a shim that something else uses", `${script}memory0 = exports0.memory;\n`, shim(), fixups()],
    ["modules of another kind", script, "(module)", "(module)"],
  ])("with %s all stays as it is", async (_name, text, shimText, fixupsText) => {
    expect(await directOf(text, shimText, fixupsText)).toBe(text);
  });
});

test("translateComponent: a handler is one core instance, whose memory the next one can have", async () => {
  const translated = await translateComponent(await handlers.hello(), offer);
  if (translated.kind === "rejected") throw new Error(translated.message);
  const { facts, script: body } = translated;
  expect(facts.modules.map(({ file, instances }) => [file, instances])).toEqual([[facts.memoryOf, 1]]);
  expect(facts.modules[0]?.facts.mode).toBe("recyclable-component");
  // What the engine would keep beyond the instance's end, or nobody uses.
  expect(body).not.toMatch(
    /function\*|\bclass |new WebAssembly\.Global|fnName|_jcoMaySuspend|Async = WebAssembly/,
  );
});

test("translateComponent: a component with functions is one core instance, too", async () => {
  const component = library({
    imports: `(import "wasi:random/random@0.2.12" "get-random-bytes" (func (param i64 i32)))`,
    core: echo(),
    exports: `import wasi:random/random@0.2.12; export echo: ${bytes};`,
  });
  const translated = await translateComponent(await component, offer);
  if (translated.kind === "rejected") throw new Error(translated.message);
  expect(translated.facts.modules.length).toBe(1);
  expect(translated.script).not.toContain("function*");
});
