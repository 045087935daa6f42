/**
 * Exported functions that are called with bytes, in the JavaScript that jco generates. What they answer is copied out by `$$limits`,
 * which knows how long it may be, and is bytes for strings too; a `result` comes as what it is, `{tag, val}`, instead of being thrown.
 *
 *     async function quote(arg0) { task; lower; call; lift; cleaning; task over }      kept: lower, call, lift, cleaning
 *
 * The names of functions are found by the log that is cut out later, in `patchScript`.
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

/** `script`: as jco has generated it. Throws a {@link Bug} if one of them is not there. */
export function functionIdentifiers(script: string, names: readonly string[]): FunctionIdentifiers {
  const found = new Map<string, string>();
  for (const [text, , identifier = ""] of script.matchAll(functionText)) {
    const [, owner = "", name = ""] = logged.exec(text) ?? [];
    found.set(owner === name ? name : `${owner}#${name}`, identifier);
    found.set(`${owner}#${name}`, identifier);
  }
  return new Map(
    names.map((name) => {
      const identifier = found.get(name);
      if (identifier === undefined)
        throw new Bug(`jco generated no function of the expected form for ${name}`);
      return [name, identifier];
    }),
  );
}

const returned = /^( *)return \{(?= )(?=[^{}\n]*\};\n *\}\)\(\);$)/gm;

/** `script`: patched. */
export function withFunctions(script: string, identifiers: FunctionIdentifiers): string {
  if (identifiers.size === 0) return script;
  const changed = eachOf(script, identifiers, withCheckedResult);
  const list = [...identifiers]
    .map(([name, identifier]) => `${JSON.stringify(name)}: ${identifier}`)
    .join(", ");
  const [place, ...more] = [...changed.matchAll(returned)];
  if (place === undefined || more.length > 0)
    throw new Bug("jco returns exports in another way than was expected");
  const at = place.index + place[0].length;
  return `${changed.slice(0, at)} ${functionsExport}: { ${list} },${changed.slice(at)}`;
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

const liftedText = /TEXT_DECODER_UTF8\.decode\(new Uint8Array\((memory\d+)\.buffer, (ptr\d+), (len\d+)\)\)/g;
const liftedBytes =
  /new Uint8Array\(\$\$limits\.slice\((memory\d+)\.buffer, (ptr\d+), \2 \+ (len\d+) \* 1\)\)/g;
const thrown =
  /if \(typeof (retCopy) === 'object' && \1\.tag === 'err'\) \{\s*throw new ComponentError\(\1\.val\);\s*\}\s*return \1\.val;/;

function withCheckedResult(text: string, _indent: string, identifier: string): string {
  const changed = text
    .replaceAll(liftedText, "$$$$limits.output($1.buffer, $2, $3, true)")
    .replaceAll(liftedBytes, "$$$$limits.output($1.buffer, $2, $3, false)")
    .replace(thrown, "return $1;");
  if (/ComponentError|\.slice\(/.test(changed))
    throw new Bug(`jco lifts the result of ${identifier} in an unexpected way`);
  return changed;
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
