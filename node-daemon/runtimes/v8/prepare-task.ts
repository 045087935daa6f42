import type { ComponentFacts } from "../../components/component-facts.ts";
import type { ModuleFacts } from "../../wasm/module-facts.ts";
import type { Rejection } from "./check-module.ts";

export interface PrepareTask {
  readonly task: number;
  /** The fetched module. */
  readonly file: string;
  /** Where the translated one goes, and its facts beside it. */
  readonly target: string;
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

/** Of the memories that it brings itself: those of a component's core modules are often one another's. */
export function memoryBytesMin(facts: Pick<ModuleFacts, "memories">): number {
  return facts.memories.reduce((sum, memory) => sum + (memory.imported ? 0 : memory.minPages * 65_536), 0);
}

export function componentBytesMin({ modules }: ComponentFacts): number {
  return modules.reduce((sum, { facts }) => sum + memoryBytesMin(facts), 0);
}
