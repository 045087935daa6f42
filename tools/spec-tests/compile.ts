import { defaultLimits, type ModuleFacts, rewriteModule } from "../../node-daemon/wasm/rewrite.ts";
import { engine } from "./engine.ts";

/** A module in both forms. */
export interface Compiled {
  readonly original: object;
  readonly rewritten: object;
  readonly facts: ModuleFacts;
}

export type Compilation =
  | ({ readonly kind: "compiled" } & Compiled)
  | { readonly kind: "invalid" }
  /** The engine takes the module, but not after rewriting. */
  | { readonly kind: "broken"; readonly what: string };

/** Tests of the specification go to its limits, not to those of a node. */
const limits = { ...defaultLimits, memoriesMax: 100, tablesMax: 100, tableElementsMax: 10_000_000 };

export function compile(binary: Uint8Array<ArrayBuffer>): Compilation {
  const rewritten = rewriteModule(binary, limits);
  if (!engine.validate(binary)) {
    const taken = rewritten.kind === "rewritten" && engine.validate(rewritten.bytes);
    return taken ? { kind: "broken", what: "an invalid module became a valid one" } : { kind: "invalid" };
  }
  if (rewritten.kind === "rejected") return { kind: "broken", what: rewritten.message };
  try {
    const { bytes, facts } = rewritten;
    return {
      kind: "compiled",
      original: new engine.Module(binary),
      rewritten: new engine.Module(bytes),
      facts,
    };
  } catch (thrown) {
    return { kind: "broken", what: String(thrown) };
  }
}
