/**
 * Rewrites a WebAssembly module so that a host can run it among others in one process: it yields when its fuel is
 * spent, can be killed wherever it waits, and cannot grow beyond its caps. Bytes in, bytes out.
 *
 *   binary ──parseModule──▶ ModuleModel ──rewriteCode──▶ bodies, helpers ──assemble──▶ binary
 *            sections, types   (section-parser.ts)        (code-rewriter.ts)    (assemble.ts)
 *
 * What the guest computes does not change. What the host gets is in `Hooks` (module-facts.ts):
 *
 *  - the guest never runs more than the heaviest path through a function body or loop between two looks at the fuel
 *    (fuel-regions.ts);
 *  - every call of an imported function, direct, through a table or a reference, passes the kill check when it
 *    returns. An import that *throws* does not: a host that kills also sets the fuel to 0, and then the next charge
 *    yields and traps. Traps pass through every `catch_all`;
 *  - memories and tables grow only under their caps. Their initial sizes are in the facts, for the host to check;
 *  - a wait on a shared memory yields now and then (atomic-wait.ts);
 *  - nothing runs at instantiation: the start section has become an export;
 *  - the call stack is counted, and bounded by what the host says (call-depth.ts);
 *  - in the deterministic mode results are the same on every machine (canonical-nan.ts, determinism.ts).
 *
 * It does not validate (the engine does), and does not look at data segments.
 */
import { AddedFunctions } from "./added-functions.ts";
import { assemble } from "./assemble.ts";
import { Rejection } from "./binary-reader.ts";
import { rewriteCode } from "./code-rewriter.ts";
import { chooseHooks } from "./hooks.ts";
import { checkDeterministic } from "./determinism.ts";
import type { Hooks, ModuleFacts, RewriteLimits, RewriteMode, RewriteResult } from "./module-facts.ts";
import { defaultLimits } from "./module-facts.ts";
import type { ModuleModel } from "./module-model.ts";
import { checkPreamble } from "./preamble.ts";
import { parseModule } from "./section-parser.ts";
import { featureNames } from "./value-types.ts";

export type { RejectReason } from "./binary-reader.ts";
export type {
  ExportFacts,
  ExternalKind,
  Hooks,
  ImportFacts,
  MemoryFacts,
  ModuleFacts,
  RewriteLimits,
  RewriteMode,
  RewriteResult,
  TableFacts,
} from "./module-facts.ts";
export { defaultLimits, killFlag } from "./module-facts.ts";

/** Part of the key under which rewritten modules are cached: raise it whenever the output changes. */
export const rewriterVersion = 4;

/** Never throws on bad input, and never changes `binary`. The result is deterministic. */
export function rewriteModule(
  binary: Uint8Array,
  limits: RewriteLimits = defaultLimits,
  mode: RewriteMode = "plain",
): RewriteResult {
  try {
    checkPreamble(binary, limits);
    const model = parseModule(binary, limits);
    const hooks = chooseHooks(model);
    const added = new AddedFunctions(model, mode);
    const code = rewriteCode(model, added);
    if (mode === "component" || mode === "recyclable-component") added.wrapExports();
    if (mode === "deterministic") checkDeterministic(model.features);
    const bytes = assemble(model, added, code, hooks);
    return { kind: "rewritten", bytes, facts: factsOf(model, hooks, mode, code.tierHints.bytes) };
  } catch (thrown) {
    if (!(thrown instanceof Rejection)) throw thrown;
    return { kind: "rejected", reason: thrown.reason, message: thrown.message };
  }
}

function factsOf(model: ModuleModel, hooks: Hooks, mode: RewriteMode, hintedBytes: number): ModuleFacts {
  return {
    rewriterVersion,
    mode,
    imports: model.imports,
    exports: model.exports,
    memory: model.memories[0],
    memories: model.memories,
    tables: model.tables,
    hooks,
    features: featureNames(model.features),
    functions: model.functionTypes.length,
    hintedBytes,
    instructions: model.instructions,
  };
}
