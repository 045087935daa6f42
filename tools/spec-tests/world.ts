/**
 * All instances of one run of a script, either of its modules as they are or of the rewritten ones. The two know nothing of each
 * other.
 */
import { stackExhaustedName } from "../../node-daemon/wasm/module-facts.ts";
import type { ModuleFacts } from "../../node-daemon/wasm/rewrite.ts";
import { areNumbers, callWithBytes, readSignature } from "./adapter.ts";
import type { Compiled } from "./compile.ts";
import { engine, type EngineFunction, type EngineGlobal, type Exports, type Imports } from "./engine.ts";
import type { Action } from "./script.ts";
import { type ConstantPool, hostValue, type NumberType, type Returned, type Value } from "./values.ts";

export type Fault = "trap" | "exhaustion" | "exception" | "unlinkable" | "other";

export type Outcome =
  | { readonly kind: "returned"; readonly values: readonly Returned[] }
  | { readonly kind: "threw"; readonly fault: Fault; readonly message: string };

/** Small, so that most calls yield. */
const slice = 500;
/** Bytes: less than the engine has. */
export const stackBytes = 400_000;

interface Instance {
  readonly exports: Exports;
  readonly facts: ModuleFacts;
}

export class World {
  readonly #form: "original" | "rewritten";
  readonly #imports: Imports = { spectest: spectest() };
  readonly #instances = new Map<string, Instance>();
  /** Give each rewritten instance a whole stack. */
  readonly #grants: (() => void)[] = [];
  #last: Instance | undefined;

  constructor(form: "original" | "rewritten") {
    this.#form = form;
  }

  /** It becomes the last instance, and is known by its name. */
  instantiate(module: Compiled | undefined, id: string | undefined): Outcome {
    this.#last = undefined;
    if (id !== undefined) this.#instances.delete(id);
    if (module === undefined) return threw("other", "no module");
    const outcome = this.tryInstantiate(module);
    if (outcome.kind === "threw") return outcome;
    this.#last = outcome.instance;
    if (id !== undefined) this.#instances.set(id, outcome.instance);
    return { kind: "returned", values: [] };
  }

  tryInstantiate(
    module: Compiled,
  ): Extract<Outcome, { kind: "threw" }> | { readonly kind: "made"; readonly instance: Instance } {
    const { facts } = module;
    const { hooks } = facts;
    try {
      if (this.#form === "original") {
        const { exports } = new engine.Instance(module.original, this.#imports);
        return { kind: "made", instance: { exports, facts } };
      }
      const fuel = () => exports[hooks.fuel] as EngineGlobal;
      const yielded = () => void (fuel().value = slice);
      const added = { [hooks.module]: { [hooks.yield]: yielded } };
      const { exports } = new engine.Instance(module.rewritten, { ...this.#imports, ...added });
      const grant = () => void ((exports[hooks.stack] as EngineGlobal).value = stackBytes);
      for (const one of this.#grants) one();
      this.#grants.push(grant);
      fuel().value = slice;
      const instance = { exports, facts };
      if (hooks.start !== undefined) (exports[hooks.start] as EngineFunction)();
      return { kind: "made", instance };
    } catch (thrown) {
      return faultOf(thrown);
    }
  }

  register(name: string, id: string | undefined): void {
    const instance = this.#instanceOf(id);
    if (instance === undefined) delete this.#imports[name];
    else this.#imports[name] = { ...instance.exports };
  }

  /** The values have been read into the pool. */
  run({ kind, instance: id, name }: Action, args: readonly Value[], pool: ConstantPool): Outcome {
    const instance = this.#instanceOf(id);
    const item = instance?.exports[name];
    const signature = instance?.facts.exports.find((one) => one.name === name)?.signature;
    if (item === undefined || signature === undefined) return threw("other", `no ${name}`);
    for (const grant of this.#grants) grant();
    try {
      if (kind === "get") {
        const type = signature.replace(/^mut /, "");
        return { kind: "returned", values: [returnedAs(type, (item as EngineGlobal).value)] };
      }
      return { kind: "returned", values: call(item as EngineFunction, signature, args, pool) };
    } catch (thrown) {
      return faultOf(thrown);
    }
  }

  #instanceOf(id: string | undefined): Instance | undefined {
    return id === undefined ? this.#last : this.#instances.get(id);
  }
}

function call(
  callee: EngineFunction,
  signature: string,
  args: readonly Value[],
  pool: ConstantPool,
): readonly Returned[] {
  const { params, results } = readSignature(signature);
  if (areNumbers(params) && areNumbers(results)) {
    const bytes = args.map((arg) => (arg.kind === "number" ? pool.bytesOf(arg.slot) : new Uint8Array()));
    const found = callWithBytes(callee, params, results, bytes);
    if (found !== undefined) {
      return found.map((one, index) => ({ kind: "number", type: results[index] ?? "i32", bytes: one }));
    }
  }
  const values = args.map((arg) => argumentOf(arg, pool));
  const found = callee(...values);
  const list = results.length === 1 ? [found] : ((found ?? []) as readonly unknown[]);
  return results.map((type, index) => returnedAs(type, list[index]));
}

function argumentOf(value: Value, pool: ConstantPool): unknown {
  switch (value.kind) {
    case "number": {
      const bytes = pool.bytesOf(value.slot);
      return readNumber(value.type, new DataView(bytes.buffer, bytes.byteOffset));
    }
    case "null":
      return null;
    case "host":
      return hostValue(value.name ?? "any");
    default:
      throw new TypeError(`no argument can be made of ${value.kind}`);
  }
}

function readNumber(type: NumberType, view: DataView): number | bigint {
  switch (type) {
    case "i32":
      return view.getInt32(0, true);
    case "i64":
      return view.getBigInt64(0, true);
    case "f32":
      return view.getFloat32(0, true);
    case "f64":
      return view.getFloat64(0, true);
    default:
      throw new TypeError("JavaScript has no vectors");
  }
}

function returnedAs(type: string, value: unknown): Returned {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  if (type === "i32") view.setInt32(0, Number(value), true);
  else if (type === "i64") view.setBigInt64(0, value as bigint, true);
  else if (type === "f32") view.setFloat32(0, Number(value), true);
  else if (type === "f64") view.setFloat64(0, Number(value), true);
  else return { kind: "reference", value };
  return { kind: "number", type, bytes };
}

export function faultOf(thrown: unknown): Extract<Outcome, { kind: "threw" }> {
  if (thrown instanceof engine.RuntimeError) {
    // A rewritten module counts its stack itself.
    const exhausted = thrown.stack?.includes(stackExhaustedName) === true;
    return exhausted ? threw("exhaustion", "") : threw("trap", thrown.message);
  }
  if (thrown instanceof RangeError) return threw("exhaustion", thrown.message);
  if (thrown instanceof engine.Exception) return threw("exception", "");
  if (thrown instanceof engine.LinkError) return threw("unlinkable", thrown.message);
  return threw("other", String(thrown));
}

function threw(fault: Fault, message: string): Extract<Outcome, { kind: "threw" }> {
  return { kind: "threw", fault, message };
}

/** https://github.com/WebAssembly/spec/tree/main/interpreter#spectest-host-module */
function spectest(): Record<string, unknown> {
  const ignored = () => undefined;
  const names = ["", "_i32", "_i64", "_f32", "_f64", "_i32_f32", "_f64_f64"];
  const prints = Object.fromEntries(names.map((name) => [`print${name}`, ignored]));
  return {
    ...prints,
    global_i32: new engine.Global({ value: "i32" }, 666),
    global_i64: new engine.Global({ value: "i64" }, 666n),
    global_f32: new engine.Global({ value: "f32" }, 666.6),
    global_f64: new engine.Global({ value: "f64" }, 666.6),
    table: new engine.Table({ element: "anyfunc", initial: 10, maximum: 20 }),
    table64: new engine.Table({ element: "anyfunc", initial: 10n, maximum: 20n, address: "i64" }),
    memory: new engine.Memory({ initial: 1, maximum: 2 }),
    shared_memory: new engine.Memory({ initial: 1, maximum: 2, shared: true }),
  };
}
