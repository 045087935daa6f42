import type { RejectReason } from "./binary-reader.ts";

export type ExternalKind = "function" | "table" | "memory" | "global" | "tag";

export interface ImportFacts {
  readonly module: string;
  readonly name: string;
  readonly kind: ExternalKind;
  /** In the text format: `(i32, i64) -> (i32)` for functions and tags, `mut i32` for globals, `funcref` for tables. */
  readonly signature?: string;
}

export interface ExportFacts {
  readonly name: string;
  readonly kind: ExternalKind;
  readonly signature?: string;
}

/** Limits of a memory, in pages of 64 KiB. */
export interface MemoryFacts {
  readonly minPages: number;
  readonly maxPages: number | undefined;
  readonly imported: boolean;
  readonly memory64: boolean;
  readonly shared: boolean;
}

export interface TableFacts {
  readonly minElements: number;
  readonly maxElements: number | undefined;
  readonly imported: boolean;
  readonly elementType: string;
}

/** Names that were added to the module, free of clashes with the guest's own. */
export interface Hooks {
  /** Module name of the added import. */
  readonly module: string;
  /** Its name: a function `() -> ()` called when the fuel has run out. It may suspend, and must refill the fuel. */
  readonly yield: string;
  /** Exported mutable i32: units left. Below zero the guest yields at the next charge. Initially 0. */
  readonly fuel: string;
  /** Exported mutable i32, a {@link killFlag}. */
  readonly kill: string;
  /** Exported mutable i32, unsigned: pages that all memories together may reach by growing. */
  readonly memoryCap: string;
  /** Exported mutable i32, unsigned: elements that all tables together may reach by growing. */
  readonly tableCap: string;
  /**
   * Exported mutable i32: bytes of the call stack that are left for the function that is called next (see `CallDepth`). To
   * be set before each call of an export that has no caller in the guest.
   */
  readonly stack: string;
  /** Exports of the memories that the guest exports to nobody: the host has to know how large they are. */
  readonly memories: readonly string[];
  /** Exported function `() -> ()` that was the start section; to be called first. */
  readonly start: string | undefined;
}

/** What the host says with the global `Hooks.kill`. */
export const killFlag = {
  none: 0,
  /** The guest traps when a call of an import returns, and before and after a yield. */
  killed: 1,
  /** The guest cannot suspend: it was called synchronously. It traps instead of yielding. */
  cannotYield: 2,
} as const;

/** The added function that traps when the stack is exhausted is called so in the name section. */
export const stackExhaustedName = "wherry.stackExhausted";

/** Likewise the one that traps when a deterministic module cannot have memory that it may have. */
export const memoryUnavailableName = "wherry.memoryUnavailable";

/**
 * `deterministic`: the same module does the same, to the bit, on every machine and in every run. `component`: it is a core
 * module of a component, and others of it call its exports. `recyclable`: as plain, and what its memory has grown to is a
 * number of its own (see virtual-pages.ts). `recyclable-component`: both.
 */
export type RewriteMode = "plain" | "deterministic" | "component" | "recyclable" | "recyclable-component";

/** A custom section of the proposal "compilation hints"; it has to stand before the code. */
export const tierHintsSection = "metadata.code.compilation_priority";

/** What the host needs to know of a module: plain JSON, cached beside the rewritten file. All of the original module. */
export interface ModuleFacts {
  readonly rewriterVersion: number;
  readonly mode: RewriteMode;
  readonly imports: readonly ImportFacts[];
  readonly exports: readonly ExportFacts[];
  /** The first of `memories`. */
  readonly memory: MemoryFacts | undefined;
  readonly memories: readonly MemoryFacts[];
  readonly tables: readonly TableFacts[];
  readonly hooks: Hooks;
  /** Proposals that the module uses, in alphabetical order. */
  readonly features: readonly string[];
  /** Imported and defined. For each the engine keeps something in every instance. */
  readonly functions: number;
  /** Of functions that the engine is told to optimize at once: a module's first instance waits for them. */
  readonly hintedBytes: number;
  /** Static count. */
  readonly instructions: number;
}

export type RewriteResult =
  | { readonly kind: "rewritten"; readonly bytes: Uint8Array; readonly facts: ModuleFacts }
  | { readonly kind: "rejected"; readonly reason: RejectReason; readonly message: string };

export interface RewriteLimits {
  /** Of the original. */
  readonly moduleBytesMax: number;
  /** Of the result; an honest module grows by a fifth to a third. */
  readonly rewrittenBytesMax: number;
  /** Imports and exports each: the facts about them are kept in memory and on disk. */
  readonly namesMax: number;
  /** Characters of all names and signatures together, for the same reason. */
  readonly factsCharactersMax: number;
  /** Function indices in exports, element segments and initializers: each is remembered until it is replaced. */
  readonly referencesMax: number;
  /** Memories and tables each: helper functions that add up their sizes visit every one. */
  readonly memoriesMax: number;
  readonly tablesMax: number;
  /** Initial elements of all tables: V8 allocates them at instantiation, before any cap could count. */
  readonly tableElementsMax: number;
  /**
   * Values that all branches of one function find in locals and on the stack, added up: the engine's baseline compiler
   * takes 20 to 70 ns for each when the function is first called, and meanwhile nobody else runs.
   */
  readonly branchValuesMax: number;
}

export const defaultLimits: RewriteLimits = {
  moduleBytesMax: 256 * 2 ** 20,
  rewrittenBytesMax: 512 * 2 ** 20,
  namesMax: 100_000,
  factsCharactersMax: 16 * 2 ** 20,
  referencesMax: 2_000_000,
  memoriesMax: 16,
  tablesMax: 64,
  tableElementsMax: 100_000,
  branchValuesMax: 10_000_000,
};
