/**
 * The script without the two core instances that stand between a main module and the host's functions (see indirection.ts). The
 * functions that jco generates look for the memory when they are called, so the main module can have them at once: a fresh instance
 * then is one instantiation instead of three, and a call has one frame less.
 *
 *     exports0 = shim()                                    goes
 *     exports1 = main({ write: exports0['2'] })            exports1 = main({ write: trampoline5 })
 *     exports2 = fixups({ actual: { '2': trampoline5 },    what fixups called when it started is called
 *                         main: { start: exports1.start }, shim: { $imports: exports0.$imports } })
 *
 * Everything or nothing, as in fast-calls.ts. Where another core instance's functions are in the table, as those of an adapter are,
 * nothing: they are not there yet.
 */
import { type Fixups, type ImportName, readFixups, readShim, type Shim } from "./indirection.ts";

/** `binaries`: the core modules as they were, by their files. */
export function withDirectImports(script: string, binaries: ReadonlyMap<string, Uint8Array>): string {
  return replaced(script, binaries) ?? script;
}

/** One core instance in the script: `({ exports: exports1 } = yield instantiateCore(yield module0, {…}));`. */
interface Instantiation {
  readonly text: string;
  readonly exports: string;
  readonly module: string;
  /** What is given for each import, as the script says it. */
  readonly imports: ReadonlyMap<string, string>;
}

const instantiation =
  /^( *)\(\{ exports: (exports\d+) \} = yield instantiateCore\(yield (module\d+)(?:, \{\n([^]*?)\n\1\})?\)\);\n/gm;
const moduleLine = /^ *const (module\d+) ?= ?getCoreModule\('([^'\n]*)'\);\n/gm;
const trampoline = /^(?:Object\.assign\((trampoline\d+), \{ _jcoMaySuspend: false \}\)|(trampoline\d+))$/;

function replaced(script: string, binaries: ReadonlyMap<string, Uint8Array>): string | undefined {
  const modules = new Map(
    [...script.matchAll(moduleLine)].map(([line, name = "", file = ""]) => [
      name,
      { line, binary: binaries.get(file) },
    ]),
  );
  const found = [...script.matchAll(instantiation)].map(([text, , exports = "", module = "", inside]) => ({
    text,
    exports,
    module,
    imports: importsOf(inside ?? ""),
  }));
  if (found.length !== script.split("yield instantiateCore(").length - 1) return undefined;
  const one = <T>(read: (binary: Uint8Array) => T | undefined) => {
    const those = found.flatMap((instance) => {
      const binary = modules.get(instance.module)?.binary;
      const facts = binary && read(binary);
      return facts === undefined ? [] : [{ instance, facts }];
    });
    return those.length === 1 ? those[0] : undefined;
  };
  const shim = one(readShim);
  const fixups = one(readFixups);
  if (!shim || !fixups) return undefined;
  const direct = directFunctions(shim.instance, shim.facts, fixups.instance, fixups.facts);
  if (!direct) return undefined;
  const { start } = fixups.facts;
  const started = start && fixups.instance.imports.get(keyOf(start));
  if (start && started === undefined) return undefined;
  let text = script
    .replace(shim.instance.text, "")
    // It may suspend, as start sections may.
    .replace(fixups.instance.text, () =>
      started === undefined ? "" : `yield WebAssembly.promising(${started})();\n`,
    );
  for (const [from, to] of direct) text = text.replaceAll(from, () => to);
  for (const { instance } of [shim, fixups]) {
    text = text
      .replace(modules.get(instance.module)?.line ?? "", "")
      .replace(new RegExp(`^ *let ${instance.exports};\\n`, "m"), "")
      .replace(new RegExp(`^( *Promise\\.all\\(\\[.*?)\\b${instance.module}(?:, )?(.*)$`, "m"), "$1$2");
  }
  // Something else has to do with them.
  const gone = [shim.instance, fixups.instance].flatMap(({ exports, module }) => [exports, module]);
  return gone.some((name) => new RegExp(`\\b${name}\\b`).test(text)) ? undefined : text;
}

/** What the shim's exports are in the script, and what is to stand there. */
function directFunctions(
  shim: Instantiation,
  { functions, table }: Shim,
  fixups: Instantiation,
  facts: Fixups,
): ReadonlyMap<string, string> | undefined {
  if (shim.imports.size > 0 || facts.functions.length !== functions.length) return undefined;
  if (!isMember(fixups.imports.get(keyOf(facts.table)), shim.exports, table)) return undefined;
  const direct = new Map<string, string>();
  for (const [element, { name, type }] of functions.entries()) {
    const given = facts.functions[element];
    const value = given && fixups.imports.get(keyOf(given));
    // Of another type it would have trapped.
    if (value === undefined || given?.type !== type || !trampoline.test(value)) return undefined;
    const member = `${shim.exports}['${name}']`;
    direct.set(`Object.assign(${member}, { _jcoMaySuspend: false })`, value).set(member, value);
  }
  return direct;
}

function isMember(value: string | undefined, object: string, name: string): boolean {
  return value === `${object}.${name}` || value === `${object}['${name}']`;
}

function keyOf({ module, name }: ImportName): string {
  return JSON.stringify([module, name]);
}

const group = /^( *)(?:'([^'\n]*)'|([\w$]+)): \{\n([^]*?)\n\1\},$/gm;
const item = /^ *(?:'([^'\n]*)'|([\w$]+)): (.*),$/gm;

function importsOf(inside: string): ReadonlyMap<string, string> {
  const imports = new Map<string, string>();
  for (const [, , quoted, plain = "", items = ""] of inside.matchAll(group)) {
    for (const [, quotedName, plainName = "", value = ""] of items.matchAll(item)) {
      imports.set(keyOf({ module: quoted ?? plain, name: quotedName ?? plainName }), value);
    }
  }
  return imports;
}
