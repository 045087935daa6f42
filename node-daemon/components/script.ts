/**
 * The JavaScript that jco generates, as it is pinned in package.json: what is read from it, and how it becomes a function
 * that sees nothing but its parameters and what the language itself has.
 */
import { Bug } from "../../kit/errors.ts";

/** What the generated code reaches for; each is handed in by whoever runs it, for each instance. */
export const scriptParameters = [
  "WebAssembly",
  "console",
  "setTimeout",
  "setInterval",
  "clearTimeout",
  "clearInterval",
  "queueMicrotask",
  "globalThis",
  "TextDecoder",
  "$$limits",
  "$$tasks",
] as const;

/** Names of the global object that it is not to find. */
const hidden = [
  "global",
  "process",
  "require",
  "module",
  "exports",
  "Buffer",
  "fetch",
  "setImmediate",
  "clearImmediate",
  "Function",
  "structuredClone",
  "performance",
  "navigator",
  "crypto",
  "FinalizationRegistry",
  "WeakRef",
  "Worker",
  "WebSocket",
  "EventSource",
  "BroadcastChannel",
  "MessageChannel",
  "SharedArrayBuffer",
  "Atomics",
  "URL",
] as const;

const start = "export function instantiate(";
/** Indented where jco's own count of braces is off. */
const end = /\n *export const _util = \{/g;
/** It would fetch core modules, if it were not given a function for that. */
const fetching = /^ *if \(!getCoreModule\) getCoreModule = .*import\.meta\.url.*$/m;

/**
 * Which task each component of the composition is in. Kept by whoever suspends a stack where the generated code does not
 * expect it, and put back before that goes on.
 */
const tasks = /^ *const CURRENT_TASK_META = \{\};$/m;

/** The module's text as the body of a function that answers `instantiate`. */
export function asFunctionBody(module: string): string {
  const from = module.indexOf(start);
  const to = [...module.matchAll(end)].at(-1)?.index ?? -1;
  if (from < 0 || to < from) throw new Bug("jco generated a module of another form than was expected");
  const body =
    `return function instantiate(${module.slice(from + start.length, to).replace(fetching, "")}`.replace(
      tasks,
      "const CURRENT_TASK_META = $$$$tasks;",
    );
  if (body.includes("CURRENT_TASK_META") && !body.includes("$$tasks")) {
    throw new Bug("jco keeps the current tasks in another way than was expected");
  }
  if (/^(?:export|import)\b/m.test(body) || body.includes("import.meta")) {
    throw new Bug("jco generated a module that imports or exports more than was expected");
  }
  return body;
}

/** A script whose value is the function. The first line is one that the body does not see. */
export function wrapFunctionBody(body: string): string {
  return `(function (${scriptParameters.join(", ")}, ${hidden.join(", ")}) { "use strict"; ${body}\n})`;
}

const used = /\[iface="([^"\n]*)", function="([^"\n]*)"\] \[Instruction::CallInterface\]/g;

/** Functions of interfaces that the generated code calls: the names as in WIT. */
export function usedFunctions(module: string): (readonly [interfaceName: string, functionName: string])[] {
  const found = new Map<string, readonly [string, string]>();
  for (const [whole, interfaceName = "", functionName = ""] of module.matchAll(used)) {
    found.set(whole, [interfaceName, functionName]);
  }
  return [...found.values()];
}

const got = /const (module\d+) ?= ?getCoreModule\('([^'\n]*)'\);/g;
const instantiated = /instantiateCore\(yield (module\d+)\b/g;

/** How often the generated code instantiates each core module, by its file. */
export function coreInstances(module: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const [, name = ""] of module.matchAll(instantiated)) counts.set(name, (counts.get(name) ?? 0) + 1);
  return new Map([...module.matchAll(got)].map(([, name = "", file = ""]) => [file, counts.get(name) ?? 0]));
}
