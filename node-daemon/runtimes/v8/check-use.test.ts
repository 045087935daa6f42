import { describe, expect, test } from "vitest";
import type { ExportFacts } from "../../wasm/module-facts.ts";
import { checkComponentUse, checkModuleUse, type Use } from "./check-use.ts";

const start: ExportFacts = { name: "_start", kind: "function", signature: "() -> ()" };
const initialize: ExportFacts = { name: "_initialize", kind: "function", signature: "() -> ()" };

describe("checkModuleUse", () => {
  const table: readonly (readonly [string, readonly ExportFacts[], Use, string | undefined])[] = [
    ["a command, to run", [start], undefined, undefined],
    ["a command, for wagi", [start], "wagi", undefined],
    ["a library, to run", [initialize], undefined, "it is a library (a WASI reactor). Build it as a command"],
    ["a library, for wagi", [initialize], "wagi", "it runs once for each request"],
    [
      "a start that takes something",
      [{ ...start, signature: "(i32) -> ()" }],
      "wagi",
      "exports _start as function (i32) -> ()",
    ],
    [
      "a global of that name",
      [{ name: "_start", kind: "global", signature: "i32" }],
      "wagi",
      "exports _start as global i32",
    ],
    ["a command, for wasi-http", [start], "wasi-http", "give the template http: {handler: wagi}"],
  ];
  test.each(table)("%s", (_name, exports, use, says) => {
    const rejection = checkModuleUse({ exports }, use);
    if (says === undefined) expect(rejection).toBeUndefined();
    else expect(rejection?.message).toContain(says);
  });
});

describe("checkComponentUse", () => {
  const run = "wasi:cli/run@0.2.3";
  const handler = "wasi:http/incoming-handler@0.2.3";
  const table: readonly (readonly [
    string,
    string | undefined,
    string | undefined,
    Use,
    string | undefined,
  ])[] = [
    ["a command, to run", run, undefined, undefined, undefined],
    ["a handler, to answer", undefined, handler, "wasi-http", undefined],
    ["both, to run", run, handler, undefined, undefined],
    ["both, to answer", run, handler, "wasi-http", undefined],
    ["either, for wagi", run, handler, "wagi", "say handler: wasi-http"],
    ["a command, to answer", run, undefined, "wasi-http", "handler"],
    ["a handler, to run", undefined, handler, undefined, "handler"],
  ];
  test.each(table)("%s", (_name, command, answers, use, says) => {
    const rejection = checkComponentUse(
      { ...(command && { run: command }), ...(answers && { handler: answers }) },
      use,
    );
    if (says === undefined) expect(rejection).toBeUndefined();
    else expect(rejection?.message).toContain(says);
  });
});
