/** What this runtime asks of any module beyond being valid. Pure; every answer is written for the module's author. */
import { wasiSignatures } from "../../wasi/signatures.ts";
import type { ImportFacts, ModuleFacts } from "../../wasm/module-facts.ts";
import { importAdvice } from "./import-advice.ts";

export interface Rejection {
  readonly kind: "rejected";
  readonly reason: string;
  readonly message: string;
}

/** Imports named in one message; the rest is counted. */
const namedMax = 24;

/** Those that read and write nothing in the guest's memory. */
const withoutPointers: ReadonlySet<string> = new Set([
  "fd_advise",
  "fd_allocate",
  "fd_close",
  "fd_datasync",
  "fd_fdstat_set_flags",
  "fd_fdstat_set_rights",
  "fd_filestat_set_size",
  "fd_filestat_set_times",
  "fd_renumber",
  "fd_sync",
  "proc_exit",
  "proc_raise",
  "sched_yield",
  "sock_shutdown",
]);

/** Undefined when the module may run. */
export function checkModule(facts: Pick<ModuleFacts, "imports" | "exports">): Rejection | undefined {
  return checkImports(facts.imports) ?? checkMemory(facts);
}

/** Without `signature` only names and kinds are compared. */
export function checkImports(imports: readonly ImportFacts[]): Rejection | undefined {
  const missing: ImportFacts[] = [];
  const bad: string[] = [];
  for (const entry of imports) {
    const text = complaint(entry);
    if (text === undefined) continue;
    missing.push(entry);
    bad.push(text);
  }
  if (bad.length === 0) return undefined;
  const more = bad.length > namedMax ? `, and ${bad.length - namedMax} more` : "";
  return {
    kind: "rejected",
    reason: "ImportsUnsatisfied",
    message:
      `the module imports what is not offered: ${bad.slice(0, namedMax).join(", ")}${more}. ` +
      (sentence(importAdvice(missing)) ??
        `Offered are the functions of ${[...wasiSignatures.keys()].join(" and ")}: compile for a WASI preview 1 command (wasm32-wasip1)`),
  };
}

function sentence(clause: string | undefined): string | undefined {
  return clause && clause[0]?.toUpperCase() + clause.slice(1);
}

function complaint(entry: ImportFacts): string | undefined {
  const name = `${boundedName(entry.module)}.${boundedName(entry.name)}`;
  if (entry.kind !== "function") return `${entry.kind} ${name}`;
  const signatures = wasiSignatures.get(entry.module) ?? {};
  const offered = Object.hasOwn(signatures, entry.name) ? signatures[entry.name] : undefined;
  if (offered === undefined) return `function ${name}`;
  if (entry.signature === undefined || plainSignature(entry.signature) === plainSignature(offered))
    return undefined;
  return `function ${name} as ${boundedName(entry.signature)} instead of ${offered}`;
}

function checkMemory(facts: Pick<ModuleFacts, "imports" | "exports">): Rejection | undefined {
  const needing = facts.imports.find((entry) => !withoutPointers.has(entry.name));
  if (!needing || facts.exports.some((entry) => entry.name === "memory" && entry.kind === "memory"))
    return undefined;
  return {
    kind: "rejected",
    reason: "MemoryNotExported",
    message: `the module calls ${boundedName(needing.name)}, which works on its memory, but exports no memory called "memory"`,
  };
}

export function plainSignature(signature: string): string {
  return signature.replaceAll(",", " ").replaceAll(/\s+/g, " ").replaceAll("( ", "(").replaceAll(" )", ")");
}

/** Names come from the module and can be anything. */
export function boundedName(text: string): string {
  const visible = JSON.stringify(text).slice(1, -1);
  return visible.length > 100 ? `${visible.slice(0, 99)}…` : visible;
}
