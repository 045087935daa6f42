import { readdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { components } from "../../components/test-components.ts";
import { guests } from "../../shim/test-guests.ts";
import { buildModule, exportItem, functionType, importItem, kind, u32 } from "../../wasm/wasm-builder.ts";
import { TestNode } from "./test-driver.ts";

const wasi = "wasi_snapshot_preview1";
const nothing = functionType([], []);
const empty = [{ type: 0, code: [] }];

describe("prepare: bad modules", () => {
  const table: readonly {
    readonly name: string;
    readonly module: Uint8Array;
    readonly reason: string;
    readonly says: string;
  }[] = [
    {
      name: "text",
      module: Buffer.from("not wasm at all"),
      reason: "ModuleInvalid",
      says: "bytes 6e 6f 74 20",
    },
    { name: "empty", module: new Uint8Array(), reason: "ModuleInvalid", says: "empty" },
    {
      name: "truncated",
      module: guests.sleeps(1).subarray(0, 60),
      reason: "ModuleInvalid",
      says: "not a valid module",
    },
    {
      name: "invalid code",
      module: buildModule({ types: [nothing], functions: [{ type: 0, code: [0x1a] }] }),
      reason: "ModuleInvalid",
      says: "not enough arguments on the stack",
    },
    {
      name: "unknown imports",
      module: buildModule({
        types: [nothing],
        imports: [
          importItem("env", "dlopen", kind.function, u32(0)),
          importItem(wasi, "fly", kind.function, u32(0)),
        ],
      }),
      reason: "ImportsUnsatisfied",
      says: `env.dlopen, function ${wasi}.fly. Functions of env were not found`,
    },
    {
      name: "an imported memory",
      module: buildModule({ imports: [importItem("env", "memory", kind.memory, [0, 1])] }),
      reason: "ImportsUnsatisfied",
      says: "memory env.memory",
    },
    {
      name: "a wrong signature",
      module: buildModule({
        types: [nothing],
        imports: [importItem(wasi, "fd_write", kind.function, u32(0))],
      }),
      reason: "ImportsUnsatisfied",
      says: "fd_write as () -> () instead of (i32 i32 i32 i32) -> (i32)",
    },
    {
      name: "no start function",
      module: buildModule({ types: [nothing], functions: empty }),
      reason: "NoStartFunction",
      says: "library",
    },
    {
      name: "a reactor",
      module: buildModule({
        types: [nothing],
        functions: empty,
        exports: [exportItem("_initialize", kind.function, 0)],
      }),
      reason: "NoStartFunction",
      says: "reactor",
    },
    {
      name: "no exported memory",
      module: buildModule({
        types: [nothing, functionType([0x7f, 0x7f], [0x7f])],
        imports: [importItem(wasi, "args_get", kind.function, u32(1))],
        functions: empty,
        exports: [exportItem("_start", kind.function, 1)],
      }),
      reason: "MemoryNotExported",
      says: "args_get",
    },
  ];

  test.each(table)("$name", async ({ module, reason, says }) => {
    await using node = new TestNode();
    const { driver } = await node.open();
    const outcome = await node.prepare(driver, module);
    expect(outcome).toMatchObject({ kind: "rejected", reason });
    expect(outcome.kind === "rejected" ? outcome.message : "").toContain(says);
  });
});

describe("prepare: the cache", () => {
  test("concurrent calls share the work, a later driver finds it, a damaged file is made again", async () => {
    await using node = new TestNode();
    const { driver } = await node.open();
    const { file, digest } = node.write(guests.sleeps(1));
    const signal = AbortSignal.timeout(20_000);
    const [one, two] = await Promise.all([
      driver.prepare({ digest, file, deterministic: false }, signal),
      driver.prepare({ digest, file, deterministic: false }, signal),
    ]);
    expect(one).toEqual(two);
    const module = one.kind === "prepared" ? one.module : undefined;
    expect(module).toMatchObject({ digest, memoryBytesMin: 65_536 });
    expect(readdirSync(join(node.folder, "cache"))).toHaveLength(2);

    const later = await node.open();
    const made = statSync(module!.file).mtimeMs;
    expect(await later.driver.prepare({ digest, file: "/nowhere", deterministic: false }, signal)).toEqual(
      one,
    );
    expect(statSync(module!.file).mtimeMs).toBe(made);

    writeFileSync(module!.file, "");
    expect(await later.driver.prepare({ digest, file, deterministic: false }, signal)).toEqual(one);
    expect(statSync(module!.file).size).toBeGreaterThan(0);
  });

  test("a component is a folder: whole or made again, and found by a later driver", async () => {
    await using node = new TestNode();
    const { driver } = await node.open();
    const { file, digest } = node.write(await components.sleeps(1));
    const signal = AbortSignal.timeout(60_000);
    const one = await driver.prepare({ digest, file, deterministic: false }, signal);
    const module = one.kind === "prepared" ? one.module : undefined;
    expect(module).toMatchObject({ digest, memoryBytesMin: 131_072 });
    const [folder, ...rest] = readdirSync(join(node.folder, "cache"));
    expect(rest).toEqual([]);
    expect(module?.file).toBe(join(node.folder, "cache", folder ?? "", "component.json"));

    const later = await node.open();
    expect(await later.driver.prepare({ digest, file: "/nowhere", deterministic: false }, signal)).toEqual(
      one,
    );
    for (const damaged of ["component.js", "component.core.wasm", "component.json"]) {
      writeFileSync(join(dirname(module!.file), damaged), "");
      expect(await later.driver.prepare({ digest, file, deterministic: false }, signal)).toEqual(one);
      expect(statSync(join(dirname(module!.file), damaged)).size).toBeGreaterThan(0);
    }
  });

  test("a missing file is an operating failure, an abort ends the waiting alone", async () => {
    await using node = new TestNode();
    const { driver } = await node.open();
    await expect(
      driver.prepare(
        { digest: "sha256:1", file: join(node.folder, "no.wasm"), deterministic: false },
        AbortSignal.timeout(20_000),
      ),
    ).rejects.toMatchObject({ code: "prepare-failed" });
    const { file, digest } = node.write(guests.spins());
    const abort = new AbortController();
    const waiting = driver.prepare({ digest, file, deterministic: false }, abort.signal);
    const other = driver.prepare({ digest, file, deterministic: false }, AbortSignal.timeout(20_000));
    abort.abort(new Error("not any more"));
    await expect(waiting).rejects.toThrow("not any more");
    expect(await other).toMatchObject({ kind: "prepared" });
  });
});
