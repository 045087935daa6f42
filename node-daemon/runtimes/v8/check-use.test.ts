import { describe, expect, test } from "vitest";
import type { ExportFacts } from "../../wasm/module-facts.ts";
import { checkComponentUse, checkModuleUse, type Use } from "./check-use.ts";

const start: ExportFacts = { name: "_start", kind: "function", signature: "() -> ()" };
const initialize: ExportFacts = { name: "_initialize", kind: "function", signature: "() -> ()" };

describe("checkModuleUse", () => {
  const table: readonly (readonly [string, readonly ExportFacts[], Use, string | undefined])[] = [
    ["a command, to run", [start], undefined, undefined],
    ["a command, for wagi", [start], "wagi", undefined],
    [
      "a library, to run",
      [initialize],
      undefined,
      "it is a library (a WASI reactor). Build it as a command, with a main function, or give the template functions: {}",
    ],
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
  const run = { run: "wasi:cli/run@0.2.3" };
  const handler = { handler: "wasi:http/incoming-handler@0.2.3" };
  const functions = { functions: [{ name: "quote", input: "bytes" }] } as const;
  const table: readonly (readonly [string, object, Use, string | undefined])[] = [
    ["a command, to run", run, undefined, undefined],
    ["a handler, to answer", handler, "wasi-http", undefined],
    ["functions, to call", functions, "functions", undefined],
    ["all of it, to run", { ...run, ...handler, ...functions }, undefined, undefined],
    ["all of it, to answer", { ...run, ...handler, ...functions }, "wasi-http", undefined],
    ["all of it, to call", { ...run, ...handler, ...functions }, "functions", undefined],
    ["either, for wagi", { ...run, ...handler }, "wagi", "say handler: wasi-http"],
    ["a command, to answer", run, "wasi-http", "leave http out"],
    ["functions, to answer", functions, "wasi-http", "functions: {} instead of http"],
    ["a handler, to run", handler, undefined, "handler: wasi-http"],
    ["functions, to run", functions, undefined, "functions: {}"],
    [
      "functions of other types, to call",
      { ...run, otherFunctions: [{ name: "add", why: "func(a: u32) -> u32" }] },
      "functions",
      "It exports add (func(a: u32) -> u32)",
    ],
  ];
  test.each(table)("%s", (_name, exported, use, says) => {
    const rejection = checkComponentUse({ functions: [], otherFunctions: [], ...exported }, use);
    if (says === undefined) expect(rejection).toBeUndefined();
    else expect(rejection?.message).toContain(says);
  });
});
