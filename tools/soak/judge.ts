import { checkImports, checkModule } from "../../node-daemon/runtimes/v8/check-module.ts";
import { checkModuleUse } from "../../node-daemon/runtimes/v8/check-use.ts";
import { engine as shimEngine } from "../../node-daemon/shim/engine.ts";
import type { ExternalKind } from "../../node-daemon/wasm/module-facts.ts";
import { rewriteModule } from "../../node-daemon/wasm/rewrite.ts";

interface Engine {
  validate(binary: Uint8Array): boolean;
  readonly Module: new (binary: Uint8Array) => Parameters<typeof shimEngine.Module.imports>[0];
}

const engine = shimEngine as unknown as Engine;

export type Verdict =
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "prepared"; readonly memoryPages: number }
  /** Against the rules, whatever the module is. */
  | { readonly kind: "broken"; readonly what: string };

/** Characters that a refusal may have, names of the module included. */
const messageMax = 4_096;
/** A module that takes longer to judge holds up those that wait behind it. */
const judgeMsMax = 20_000;

/** What a node does with a module before it runs, without files and threads; and what must hold of it. */
export function judge(binary: Uint8Array): Verdict {
  const began = performance.now();
  const verdict = judged(binary);
  const took = performance.now() - began;
  if (took > judgeMsMax) return { kind: "broken", what: `judging took ${Math.round(took)} ms` };
  return verdict;
}

function judged(binary: Uint8Array): Verdict {
  const copy = binary.slice();
  // The decoder stands alone: it also gets what the engine would have refused before.
  const rewritten = rewriteModule(binary);
  if (!equal(binary, copy)) return { kind: "broken", what: "the rewriter changed its input" };
  const valid = engine.validate(binary);
  if (rewritten.kind === "rejected") {
    if (rewritten.message.length > messageMax || rewritten.message === "") {
      return { kind: "broken", what: `a message of ${rewritten.message.length} characters` };
    }
    if (valid && rewritten.reason === "ModuleInvalid") {
      return {
        kind: "broken",
        what: `the engine takes what the rewriter calls invalid: ${rewritten.message}`,
      };
    }
    return refusedAs(valid ? rewritten.reason : "ModuleInvalid");
  }
  if (!valid) return refusedAs("ModuleInvalid");
  const imports = shimEngine.Module.imports(new engine.Module(binary));
  const offered = checkImports(imports.map((entry) => ({ ...entry, kind: entry.kind as ExternalKind })));
  const unfit = offered ?? checkModule(rewritten.facts) ?? checkModuleUse(rewritten.facts, undefined);
  if (unfit !== undefined && unfit.message.length > messageMax) {
    return { kind: "broken", what: `a message of ${unfit.message.length} characters` };
  }
  if (!engine.validate(rewritten.bytes)) {
    return { kind: "broken", what: "the engine refuses the rewritten module" };
  }
  if (unfit !== undefined) return refusedAs(unfit.reason);
  const memoryPages = rewritten.facts.memories.reduce((sum, memory) => sum + memory.minPages, 0);
  return { kind: "prepared", memoryPages };
}

const refusedAs = (reason: string): Verdict => ({ kind: "refused", reason });

function equal(one: Uint8Array, other: Uint8Array): boolean {
  return Buffer.compare(one, other) === 0;
}

/** As above; what is thrown breaks the rules too. */
export function judgeSafely(binary: Uint8Array): Verdict {
  try {
    return judge(binary);
  } catch (thrown) {
    const what =
      thrown instanceof Error
        ? `${thrown.name}: ${thrown.message} ${thrown.stack?.split("\n")[1]}`
        : String(thrown);
    return { kind: "broken", what: `it threw ${what}` };
  }
}
