/**
 * Exported functions that are called with bytes, in the JavaScript that jco generates. `$$limits` puts strings in and takes results out:
 * it knows how long they may be, and strings are bytes for it too. A `result` comes as what it is, `{tag, val}`, instead of being thrown.
 *
 *     async function quote(arg0) { task; lower; call; lift; cleaning; task over }      kept: lower, call, lift, cleaning
 *
 * The names of functions are found by the log that is cut out later, in `patchScript`. A function that looks otherwise than expected is left
 * out, as those do whose strings are UTF-16.
 */
import { Bug } from "../../kit/errors.ts";
import { ofTasks } from "./fast-calls.ts";

/** Where the generated code's exports have those functions, by their full names. No component can export such a name. */
export const functionsExport = "$$functions";

/** How the generated code calls each function, by its full name. */
export type FunctionIdentifiers = ReadonlyMap<string, string>;

/** From its name to the brace that closes it. */
const functionText = /^( *)async function ([\w$]+)\(arg0\) \{\n[^]*?\n\1\}\n/gm;
const logged = /\[iface="([^"\n]*)", function="([^"\n]*)"\]\s*\[Instruction::CallWasm\]/;

/** `script`: as jco has generated it. */
export function functionIdentifiers(script: string, names: readonly string[]): FunctionIdentifiers {
  const wanted = new Set(names);
  const found = new Map<string, string>();
  for (const [text, , identifier = ""] of script.matchAll(functionText)) {
    const [, owner = "", member = ""] = logged.exec(text) ?? [];
    // One of the world itself is logged as its own owner; an interface could be called so as well.
    for (const name of [`${owner}#${member}`, ...(owner === member ? [member] : [])]) {
      if (wanted.has(name)) found.set(name, identifier);
    }
  }
  return found;
}

const returned = /^( *return \{ [^{}\n]*)\};(?=\n *\}\)\(\);$)/gm;

/** `script`: patched. Answers also which of the functions it has, by their full names. */
export function withFunctions(
  script: string,
  identifiers: FunctionIdentifiers,
): { readonly script: string; readonly names: ReadonlySet<string> } {
  if (identifiers.size === 0) return { script, names: new Set() };
  const fit = new Set<string>();
  const changed = eachOf(script, identifiers, (text, _indent, identifier) => {
    const checked = withCheckedValues(text);
    if (checked !== undefined) fit.add(identifier);
    return checked ?? text;
  });
  if (changed.match(returned)?.length !== 1) {
    throw new Bug("jco returns exports in another way than was expected");
  }
  const functions = [...identifiers].filter(([, identifier]) => fit.has(identifier));
  const list = functions.map(([name, identifier]) => `${JSON.stringify(name)}: ${identifier}`).join(", ");
  // What the exports are in is handed on by promises, for which a function `then` would have another meaning.
  const added = `${functionsExport}: { ${list} }, then: undefined };`;
  return {
    script: changed.replace(returned, (_, start: string) => start + added),
    names: new Set(functions.map(([name]) => name)),
  };
}

/** Where all calls are without tasks, those are too. What looks otherwise than expected stays as it is. */
export function withFastFunctions(script: string, identifiers: FunctionIdentifiers): string {
  return eachOf(script, identifiers, withoutTasks);
}

function eachOf(
  script: string,
  identifiers: FunctionIdentifiers,
  change: (text: string, indent: string, identifier: string) => string,
): string {
  const wanted = new Set(identifiers.values());
  return script.replace(functionText, (text: string, indent: string, identifier: string) =>
    wanted.has(identifier) ? change(text, indent, identifier) : text,
  );
}

const loweredText = /_utf8AllocateAndEncode\(arg0, (realloc\d+), (memory\d+)\)/;
const loweredBytes = /\bvar val\d+ = arg0;/;
const liftedText = /TEXT_DECODER_UTF8\.decode\(new Uint8Array\((memory\d+)\.buffer, (ptr\d+), (len\d+)\)\)/g;
const liftedBytes =
  /new Uint8Array\(\$\$limits\.slice\((memory\d+)\.buffer, (ptr\d+), \2 \+ (len\d+) \* 1\)\)/g;
const thrown =
  /if \(typeof (retCopy) === 'object' && \1\.tag === 'err'\) \{\s*throw new ComponentError\(\1\.val\);\s*\}\s*return \1\.val;/;

/** Undefined if it is not in the form that is known. */
function withCheckedValues(text: string): string | undefined {
  if (!loweredText.test(text) && !loweredBytes.test(text)) return undefined;
  const changed = text
    .replace(loweredText, "$$$$limits.input(arg0, $1, $2)")
    .replaceAll(liftedText, "$$$$limits.output($1.buffer, $2, $3, true)")
    .replaceAll(liftedBytes, "$$$$limits.output($1.buffer, $2, $3, false)")
    .replace(thrown, "return $1;");
  const isWhole =
    changed.includes("$$limits.output(") && !/ComponentError|\.slice\(|\.decode\(/.test(changed);
  return isWhole ? changed : undefined;
}

const call =
  /fn: async \(\) => \{\s*try \{([^]*?)let ret;\s*try \{\s*ret = +await _withGlobalCurrentTaskMeta\(\{\s*taskID: task\.id\(\),\s*componentIdx: task\.componentIdx\(\),\s*fn: \(\) => (\w+\(\w+, \w+\)),\s*\}\);\s*\} catch \(err\) \{[^]*?\n *throw err;\s*\}([^]*?\n *return \w+;)\s*\} catch \(err\) \{/;
const taskEnds = /task\.resolve\(\[[^\]]*\]\);|task\.exit\(\);/g;

function withoutTasks(text: string, indent: string, identifier: string): string {
  const [, lower, called, after] = call.exec(text) ?? [];
  if (lower === undefined || after === undefined) return text;
  const lift = after.replaceAll(taskEnds, "");
  if (ofTasks.test(lower) || ofTasks.test(lift)) return text;
  return `${indent}function ${identifier}(arg0) {${lower}return ${called}.then((ret) => {${lift}\n${indent}});\n${indent}}\n`;
}
