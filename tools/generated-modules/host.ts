/** What modules of Binaryen's fuzzer import. Everything that is seen or done goes into the transcript. */
import { hostValue } from "../spec-tests/values.ts";
import type { ImportFacts } from "../../node-daemon/wasm/rewrite.ts";
import { engine, type EngineFunction, type Exports, type Imports } from "../spec-tests/engine.ts";
import { format } from "./format.ts";

interface Table {
  get(index: number): unknown;
  set(index: number, value: unknown): void;
}

/** Exports are there once the instance is; only those of the original module count. */
export interface Guest {
  /** Calls that the host may still make for the guest until the one from outside is over. */
  callsLeft: number;
  readonly exports: () => Exports;
  readonly names: readonly string[];
  readonly transcript: string[];
}

/** Nothing that is imported without being known here is needed to run. */
export function importsOf(facts: readonly ImportFacts[], guest: Guest): Imports {
  const known = supportOf(guest);
  const imports: Imports = {};
  for (const entry of facts) {
    const { module, name } = entry;
    (imports[module] ??= {})[name] = known[name] ?? made(entry, guest);
  }
  return imports;
}

function supportOf(guest: Guest): Record<string, unknown> {
  const { exports, names, transcript } = guest;
  const tag = new engine.Tag({ parameters: ["i32"] });
  const log = (value: unknown) => void transcript.push(`logs ${format(value)}`);
  const table = () => exports()["table"] as Table;
  // A module ends its own loops and recursion with a trap; but a call that catches traps may go on from there, for ever.
  const call = (callee: unknown) => {
    if (typeof callee === "function" && guest.callsLeft-- > 0) (callee as EngineFunction)();
  };
  const exported = (index: number) => exports()[names[(index >>> 0) % names.length] ?? ""];
  const caught = (callee: unknown): number => {
    try {
      call(callee);
      return 0;
    } catch (thrown) {
      // What the stack has room for is no property of the module.
      if (thrown instanceof RangeError) throw thrown;
      return 1;
    }
  };
  const logs = ["i32", "i64", "f32", "f64", "v128", "anyref", "funcref", "externref"];
  return {
    ...Object.fromEntries(logs.map((type) => [`log-${type}`, log])),
    throw: (which: number) => {
      throw which === 0 ? new Error("thrown by the host") : new engine.Exception(tag, [which]);
    },
    "table-get": (index: number) => table().get(index >>> 0),
    "table-set": (index: number, value: unknown) => table().set(index >>> 0, value),
    "call-export": (index: number) => call(exported(index)),
    "call-export-catch": (index: number) => caught(exported(index)),
    "call-ref": call,
    "call-ref-catch": caught,
    sleep: (_ms: number, id: number) => id,
    wasmtag: tag,
    jstag: engine.JSTag,
  };
}

/** A global or function of the type that is asked for; undefined leaves it to the linker to refuse both forms alike. */
function made({ kind, name, signature = "" }: ImportFacts, { transcript }: Guest): unknown {
  if (kind === "function")
    return (...args: readonly unknown[]) => void transcript.push(`calls ${name} ${args.length}`);
  if (kind !== "global") return undefined;
  const mutable = signature.startsWith("mut ");
  const value = signature.replace(/^mut /, "");
  if (value === "i64") return new engine.Global({ value, mutable }, 7n);
  if (/^[if](?:32|64)$/.test(value)) return new engine.Global({ value, mutable }, 7);
  if (value === "externref") return new engine.Global({ value, mutable }, hostValue(name));
  if (value === "(ref extern)") return hostValue(name);
  return /ref$|\(ref null/.test(value) ? null : undefined;
}
