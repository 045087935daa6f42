import type { ModuleFacts } from "../wasm/module-facts.ts";

/** Raised whenever what is made of a component changes: part of the key under which it is cached. */
export const componentsVersion = 15;

/** One core module of a component, as the generated code asks for it. */
export interface CoreModuleFacts {
  readonly file: string;
  readonly bytes: number;
  /** How many of it each instance of the component has. */
  readonly instances: number;
  readonly facts: ModuleFacts;
}

/** An exported function that can be called with bytes, and answers with bytes. */
export interface CallableFunction {
  /** `quote`, or `acme:shop/pricing@1.2.3#quote`. */
  readonly name: string;
  /** What it takes: `list<u8>` or `string`. */
  readonly input: "bytes" | "text";
}

/** What the host needs to know of a translated component: plain JSON, beside the script and the core modules. */
export interface ComponentFacts {
  readonly scriptBytes: number;
  /** The interfaces that it imports, as they are offered: `wasi:cli/environment@0.2`. */
  readonly imports: readonly string[];
  /** The export that is the command: `wasi:cli/run@0.2.3`. */
  readonly run?: string;
  /** The export that answers HTTP requests: `wasi:http/incoming-handler@0.2.3`. */
  readonly handler?: string;
  /** There is one of these at least, or a command, or a handler. */
  readonly functions: readonly CallableFunction[];
  /** Some of the others, and why they can not be called, most often their type: for messages. */
  readonly otherFunctions: readonly { readonly name: string; readonly why: string }[];
  readonly modules: readonly CoreModuleFacts[];
  /**
   * The file of the core module that brings the only memory. The generated code uses that only while a stack of the guest is there: so an
   * instance can have it from one before it (see shim/serving/recycled-memory.ts).
   */
  readonly memoryOf?: string;
}

/** Names of the files in a translated component's folder. The folder has its name once all are written. */
export const componentFiles = { facts: "component.json", script: "component.js" } as const;

/** Memories and tables that a core module brings itself; the others are of another core instance. */
export function ownOf<T extends { readonly imported: boolean }>(items: readonly T[]): readonly T[] {
  return items.filter(({ imported }) => !imported);
}

/** Of all core instances of one instance of the component. */
export function sumOf(facts: Pick<ComponentFacts, "modules">, of: (facts: ModuleFacts) => number): number {
  return facts.modules.reduce((sum, core) => sum + core.instances * of(core.facts), 0);
}

const pageBytes = 65_536;

/** The least linear memory that it starts with. */
export function componentBytesMin(facts: Pick<ComponentFacts, "modules">): number {
  return sumOf(facts, ({ memories }) =>
    ownOf(memories).reduce((sum, { minPages }) => sum + minPages * pageBytes, 0),
  );
}

export function isComponentFile(file: string): boolean {
  return file.endsWith(`/${componentFiles.facts}`);
}
