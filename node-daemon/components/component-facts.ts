import type { ModuleFacts } from "../wasm/module-facts.ts";

/** Raised whenever what is made of a component changes: part of the key under which it is cached. */
export const componentsVersion = 2;

/** One core module of a component, as the generated code asks for it. */
export interface CoreModuleFacts {
  readonly file: string;
  readonly bytes: number;
  readonly facts: ModuleFacts;
}

/** What the host needs to know of a translated component: plain JSON, beside the script and the core modules. */
export interface ComponentFacts {
  readonly scriptBytes: number;
  /** The interfaces that it imports, as they are offered: `wasi:cli/environment@0.2`. */
  readonly imports: readonly string[];
  /** The export that is the command: `wasi:cli/run@0.2.3`. */
  readonly run: string;
  readonly modules: readonly CoreModuleFacts[];
}

/** Names of the files in a translated component's folder. The facts are written last, and the folder renamed after that. */
export const componentFiles = { facts: "component.json", script: "component.js" } as const;

export function isComponentFile(file: string): boolean {
  return file.endsWith(`/${componentFiles.facts}`);
}
