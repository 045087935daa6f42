import { describe, expect, test } from "vitest";
import { loadTranslator } from "./translator.ts";
import { withFastCalls } from "./fast-calls.ts";
import { offer } from "./offer.ts";
import { patchScript } from "./patches.ts";
import { asFunctionBody, usedFunctions, wrapFunctionBody } from "./script.ts";
import { composedComponents } from "./test-components.ts";
import { dummyComponent, handlers } from "./test-handlers.ts";
import { Script } from "node:vm";

const version = "0.2.12";

/** As `translateComponent` has it generated. */
async function scriptOf(binary: Uint8Array, exported: string): Promise<string> {
  const generate = await loadTranslator();
  const known = [...offer.values()].filter(({ name }) => name.endsWith("@0.2"));
  const { files } = generate(binary, {
    name: "component",
    noTypescript: true,
    instantiation: { tag: "async" },
    importBindings: { tag: "js" },
    noNodejsCompat: true,
    base64Cutoff: 0,
    map: known.map(({ name }) => [name.replace("@0.2", `@${version}`), name]),
    asyncMode: {
      tag: "jspi",
      val: {
        imports: known.flatMap(({ name, suspending }) =>
          suspending.map((member) => `${name.replace("@0.2", `@${version}`)}#${member}`),
        ),
        exports: [exported],
      },
    },
  });
  const script = files.find(([name]) => name === "component.js")?.[1] ?? new Uint8Array();
  return Buffer.from(script).toString("utf8");
}

describe("withFastCalls", () => {
  test("every function of WASI 0.2 is called without tasks", async () => {
    const binary = await dummyComponent(
      `include wasi:http/imports@${version}; include wasi:cli/imports@${version}; export wasi:http/incoming-handler@${version};`,
    );
    const script = await scriptOf(binary, `wasi:http/incoming-handler@${version}#handle`);
    const used = new Set(usedFunctions(script).map(([name, member]) => `${name}#${member}`));
    const offered = [...offer.values()]
      .filter(({ name }) => name.endsWith("@0.2"))
      .flatMap(({ name, functions }) =>
        functions.map((member) => `${name.replace("@0.2", `@${version}`)}#${member}`),
      );
    expect(offered.filter((name) => !used.has(name))).toEqual([]);
    const fast = withFastCalls(patchScript(script));
    expect(fast).toBeDefined();
    expect(fast).not.toMatch(
      /componentIdx: -1,|hostProvided|_trackHostOperation\(\(\) =>|curResourceBorrows\.push/,
    );
    expect(fast).not.toMatch(/_lowerImportBackwardsCompat\.bind/);
    // Its core module has something to be done after the call, in which it may call nothing.
    expect(fast).toMatch(
      /Handle\(handle0, handle1\)\.then\(\(\) => \{[^}]*mayLeave = false;\s*postReturn0\(\);[^}]*\}\);/,
    );
    expect(fast).toMatch(/const _trampoline0 = function\([^)]*\) \{_checkMayLeave\(0\);/);
    expect(() => new Script(wrapFunctionBody(asFunctionBody(fast ?? "")))).not.toThrow();
  });

  test("what answers requests is called at once", async () => {
    const script = await scriptOf(await handlers.hello(), `wasi:http/incoming-handler@${version}#handle`);
    expect(withFastCalls(patchScript(script))).toMatch(
      /\n {2}function handle\(arg0, arg1\) \{[^}]*\}[^]*?return incomingHandler0212Handle\(handle0, handle1\);\n {2}\}\n/,
    );
  });

  test("a composition stays as it is", async () => {
    const script = await scriptOf(await composedComponents.calls(), "wasi:cli/run@0.2.0#run");
    expect(withFastCalls(patchScript(script))).toBeUndefined();
  });

  test.each([
    {
      name: "a call that is caught otherwise",
      from: /(markTrapped\(err\);\s*)task.setErrored/,
      to: "$1task.sorry",
    },
    { name: "a call that is made otherwise", from: "_trackHostOperation(() =>", to: "_track(() =>" },
    { name: "wiring of another kind", from: "funcTypeIsAsync: false", to: "funcTypeIsAsync: true" },
  ])("$name: everything stays as it is", async ({ from, to }) => {
    const script = patchScript(
      await scriptOf(await handlers.hello(), `wasi:http/incoming-handler@${version}#handle`),
    );
    const other = script.replace(from, to);
    expect(other).not.toBe(script);
    expect(withFastCalls(other)).toBeUndefined();
  });
});
