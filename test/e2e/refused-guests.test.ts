/** Modules that cannot run say why where people look, in the words of docs/GUESTS.md. */
import { componentEmbed, componentNew, parse } from "@bytecodealliance/jco-transpile/wasm-tools";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compileC } from "../../tools/compile-c.ts";
import { checkout, TestCluster } from "../support/cluster.ts";
import { jobEnd } from "../support/jobs.ts";
import { job } from "../support/manifests.ts";

let cluster: TestCluster;
const guide = readFileSync(join(checkout, "docs/GUESTS.md"), "utf8").replaceAll(/\s+/g, " ");

beforeAll(async () => {
  cluster = await TestCluster.start(["one"]);
});
afterAll(async () => {
  await cluster[Symbol.asyncDispose]();
});

interface Refusal {
  readonly name: string;
  readonly make: () => Promise<Uint8Array> | Uint8Array;
  readonly memory?: string;
  readonly reason: string;
  /** Part of the message, and of the guide. */
  readonly says: string;
}

const add = `__attribute__((export_name("add"))) int add(int a, int b) { return a + b; }`;

/** `witSource` has a world called guest. */
async function componentFrom(witSource: string, core: string): Promise<Uint8Array> {
  const binary = await parse(core);
  return componentNew(await componentEmbed({ binary, witSource, world: "guest" }));
}

const refusals: readonly Refusal[] = [
  {
    name: "no-module",
    make: () => Buffer.from("#!/bin/sh\n"),
    reason: "ModuleInvalid",
    says: "\\0asm was expected",
  },
  {
    name: "foreign-import",
    make: () =>
      compileC(
        `__attribute__((import_module("env"), import_name("draw"))) void draw(int); int main(void) { draw(1); }`,
      ),
    reason: "ImportsUnsatisfied",
    says: "the module imports what is not offered: function env.draw",
  },
  {
    name: "reactor",
    make: () => compileC(add, ["-mexec-model=reactor"]),
    reason: "NoStartFunction",
    says: "the module does not export _start: it is a library (a WASI reactor)",
  },
  {
    name: "library",
    make: () => compileC(add, ["-nostdlib", "-Wl,--no-entry"]),
    reason: "NoStartFunction",
    says: "the module does not export _start: it is a library, or was built for another host",
  },
  {
    name: "continuations",
    make: () => parse(`(module (type $f (func)) (type (cont $f)) (func (export "_start")))`),
    reason: "ModuleUnsupported",
    says: "the module uses continuations (stack-switching), which this runtime does not support",
  },
  {
    name: "memories",
    make: () => parse(`(module ${"(memory 0)".repeat(17)} (func (export "_start")))`),
    reason: "ModuleUnsupported",
    says: "more than 16 memories",
  },
  {
    name: "tight",
    make: () => parse(`(module (memory (export "memory") 64) (func (export "_start")))`),
    memory: "3Mi",
    reason: "MemoryLimitTooSmall",
    says: "the module's memory starts at 4 MiB, its limit is 3 MiB; set spec.resources.limits.memory to at least 4Mi",
  },
  {
    name: "component-library",
    make: () =>
      componentFrom(
        "package test:test; world guest { export greet: func(); }",
        `(module (func (export "greet")) (memory (export "memory") 1))`,
      ),
    reason: "NoStartFunction",
    says: "the component does not export wasi:cli/run@0.2 or wasi:cli/run@0.3",
  },
  {
    name: "component-import",
    make: () =>
      componentFrom(
        `package acme:billing@1.0.0;
         interface invoices { send: func(); }
         world guest { import invoices; export wasi:cli/run@0.2.12; }
         package wasi:cli@0.2.12 { interface run { run: func() -> result; } }`,
        `(module (import "acme:billing/invoices@1.0.0" "send" (func))
           (func (export "wasi:cli/run@0.2.12#run") (result i32) (call 0) (i32.const 0)) (memory (export "memory") 1))`,
      ),
    reason: "ImportsUnsatisfied",
    says: "the component imports what is not offered: acme:billing/invoices@1.0.0",
  },
];

test.each(refusals)(
  "$name: refused as $reason before it starts",
  async ({ name, make, memory, reason, says }) => {
    const file = join(cluster.folder, `${name}.wasm`);
    writeFileSync(file, await make());
    const template = { restartPolicy: "Never", resources: { limits: { memory: memory ?? "16Mi" } } };
    await cluster.apply(job({ name, image: `file://${file}`, template, spec: { backoffLimit: 0 } }));
    await jobEnd(cluster, name, "Failed");
    const [instance] = (await cluster.instances()).filter(({ spec }) => spec.owner.name === name);
    expect(instance?.status.reason).toBe(reason);
    expect(instance?.status.message).toContain(says);
    expect(instance?.status).not.toHaveProperty("exitCode");
    expect(guide).toContain(says);
  },
);
