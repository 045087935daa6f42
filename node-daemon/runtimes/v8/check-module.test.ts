import { describe, expect, test } from "vitest";
import type { ImportFacts } from "../../wasm/module-facts.ts";
import { checkImports, checkModule } from "./check-module.ts";

const imported = (module: string, name: string, kind: ImportFacts["kind"] = "function"): ImportFacts => ({
  module,
  name,
  kind,
});

describe("checkImports: says who makes such modules and what to do", () => {
  test.each([
    ["Go for JavaScript", [imported("gojs", "runtime.wasmExit")], "GOOS=wasip1"],
    ["wasm-bindgen", [imported("wbg", "__wbg_log_1")], "wasm32-wasip1"],
    ["WASIX", [imported("wasix_32v1", "fd_dup")], "WASIX"],
    ["threads", [imported("wasi", "thread-spawn"), imported("env", "memory", "memory")], "-pthread"],
    ["WasmEdge's sockets", [imported("wasi_snapshot_preview1", "sock_open")], "wasm32-wasip2"],
    ["the core of a component", [imported("wasi:cli/environment@0.2.0", "get-environment")], "component new"],
    ["Emscripten", [imported("env", "abort"), imported("env", "emscripten_notify")], "-sSTANDALONE_WASM"],
    ["AssemblyScript", [imported("env", "abort")], "wasi-shim"],
    ["an imported memory", [imported("env", "memory", "memory")], "--import-memory"],
    ["undefined symbols", [imported("env", "compress2")], "--allow-undefined"],
  ])("%s", (_name, imports, says) => {
    const rejection = checkImports(imports);
    expect(rejection).toMatchObject({ kind: "rejected", reason: "ImportsUnsatisfied" });
    for (const { module, name } of imports) expect(rejection?.message).toContain(`${module}.${name}`);
    expect(rejection?.message).toContain(says);
  });
});

test("checkImports: what is offered is left out of the list, and an unknown host is told what is offered", () => {
  const rejection = checkImports([
    imported("wasi_snapshot_preview1", "fd_write"),
    imported("host", "call"),
    imported("host", "state", "global"),
  ]);
  expect(rejection?.message).toBe(
    "the module imports what is not offered: function host.call, global host.state. Offered are the functions of " +
      "wasi_snapshot_preview1 and wasi_unstable: compile for a WASI preview 1 command (wasm32-wasip1)",
  );
});

test("checkImports: a long list is cut, and names stay harmless", () => {
  const rejection = checkImports(
    Array.from({ length: 100 }, (_, index) => imported("host", `f${index}\n${"x".repeat(300)}`)),
  );
  expect(rejection?.message).toContain(", and 76 more");
  expect(rejection?.message).not.toContain("\n");
  expect(rejection?.message.length).toBeLessThan(4096);
});

test("checkModule: a function with another type than WASI's says both", () => {
  const rejection = checkModule({
    imports: [{ ...imported("wasi_snapshot_preview1", "fd_close"), signature: "(i64) -> (i32)" }],
    exports: [],
  });
  expect(rejection?.message).toContain(
    "function wasi_snapshot_preview1.fd_close as (i64) -> (i32) instead of (i32) -> (i32)",
  );
});
