import type { ModuleFacts } from "../../wasm/module-facts.ts";
import type { Rejection } from "./check-module.ts";
import type { Use } from "./check-use.ts";

/** `recyclable`: for a command that runs again and again, each time in a fresh instance. */
export type PrepareMode = "plain" | "deterministic" | "recyclable";

export interface PrepareTask {
  readonly task: number;
  /** The fetched module. */
  readonly file: string;
  /** Where the translated one goes, and its facts beside it. */
  readonly target: string;
  readonly mode: PrepareMode;
  readonly use: Use;
  /** The folder of a translated component. */
  readonly componentTarget: string;
}

/** The second file, complete once it exists: it is written last. */
export interface PreparedFacts {
  readonly moduleBytes: number;
  readonly facts: ModuleFacts;
}

export type PrepareAnswer =
  | {
      readonly task: number;
      readonly kind: "prepared";
      readonly file: string;
      readonly memoryBytesMin: number;
      readonly needsProcess: readonly string[];
    }
  /** `worn`: this thread cannot be trusted with another module. */
  | ({ readonly task: number; readonly worn?: boolean } & Rejection)
  /** Files could not be read or written. */
  | {
      readonly task: number;
      readonly kind: "failed";
      readonly code: string | undefined;
      readonly message: string;
    };

export function memoryBytesMin(facts: ModuleFacts): number {
  return facts.memories.reduce((sum, memory) => sum + memory.minPages * 65_536, 0);
}
