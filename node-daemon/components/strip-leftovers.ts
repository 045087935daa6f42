/**
 * The script without what only calls with tasks would need, once those are taken away (fast-calls.ts), and without the constants that
 * nothing mentions. Each instance makes all of it anew: objects of the engine's and array buffers, that cost a microsecond or two each.
 *
 * As in strip-unused.ts, what mentions a name, be it in a comment, keeps it.
 */
export function withoutLeftovers(script: string): string {
  let text = script.replaceAll(kept, "");
  // Nobody remembers a handle by it any more; asking is quick for a symbol that is always the same.
  if (!text.includes("[symbolRscHandle] =")) {
    text = text.replace("= Symbol('handle');", () => "= $$limits.handleSymbol;");
  }
  if (timesOf(text, "_jcoMaySuspend") === [...text.matchAll(marked)].length) {
    text = text.replaceAll(marked, "$1");
  }
  for (const [pattern, name] of noted) {
    if (timesOf(text, name) === [...text.matchAll(pattern)].length) text = text.replaceAll(pattern, "");
  }
  text = text.replaceAll(asyncTwin, (whole, name: string) =>
    // Where it is declared, and twice here.
    timesOf(text, name) === 3 ? "" : whole,
  );
  text = text.replaceAll(flags, (whole, name: string) =>
    // Here, and where it is kept for the script itself.
    timesOf(text, name) === 2 && new RegExp(`INSTANCE_FLAGS\\.set\\(\\d+, ${name}\\);`).test(text)
      ? `const ${name} = { value: 1 };`
      : whole,
  );
  return withoutConstants(withoutGenerator(text));
}

const generator =
  /\blet gen ?= ?\(function\* _initGenerator \(\) \{\n([^]*?)\n *\}\)\(\);\n *let promise, resolve, reject;\n *([^]*?)\n *function runNext\(value\) \{\n[^]*?\n *\}\n *const maybeSyncReturn = runNext\(null\);\n *return promise \|\| maybeSyncReturn;\n/;
const yielding = /\byield (?=instantiateCore\(|module\d+\b|WebAssembly\.promising\()/g;

/**
 * An asynchronous function instead, which does the same. What the engine keeps of a generator for the objects that it makes lies in the old
 * generation from the start, and would keep all of the instance with it until that is collected.
 */
function withoutGenerator(script: string): string {
  return script.replace(generator, (whole, body: string, normalize: string) => {
    if (timesOf(whole, "yield") !== [...body.matchAll(yielding)].length) return whole;
    if (!normalize.startsWith("function normalizeInstantiationError(e) {")) return whole;
    const made = `const made = (async () => {\n${body.replaceAll(yielding, "await ")}\n})();\n`;
    return `${made}${normalize}\nreturn made.catch((e) => { throw normalizeInstantiationError(e); });\n`;
  });
}

/** Promises of core modules are looked after; here there are none. */
const kept = /^ *Promise\.all\(\[(?:module\d+(?:, )?)+\]\)\.catch\(\(\) => \{\}\);\n/gm;
const marked =
  /Object\.assign\((trampoline\d+|exports\d+(?:\.\w+|\['[^'\n]*'\])|_guardMayLeave\(\d+, \w+\)), \{ _jcoMaySuspend: (?:true|false) \}\)/g;
const noted: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/^ *_trampoline\d+\.fnName = '[^'\n]*';\n/gm, "fnName"],
  [/^ *_trampoline\d+\.manuallyAsync = true;\n/gm, "manuallyAsync"],
];
const asyncTwin =
  /^ *try \{\n *(\w+Async) = WebAssembly\.promising\([^\n]*\);\n *\} catch\(err\) \{\n *\1 = [^\n]*;\n *\}\n/gm;
/** What a component instance may do now. An object of the engine's, for core modules that import it. */
const flags =
  /\bconst (instanceFlags\d+) = new WebAssembly\.Global\(\{ value: "i32", mutable: true \}, 1\);/g;

/** What makes one calls nothing of the script. */
const constant =
  /^ *const (\w+) ?= ?(?:new (?:Map|Set|TextDecoder|TextEncoder|DataView)\((?:\[\n[^]*?\n *\]|[^\n]*)\)|new Uint8Array\([^\n]*\)\[0\] === 1|globalThis\.WebAssembly \? new globalThis\.WebAssembly\.Global\([^\n]*\) : false|'\w*'|\{\n[^(]*?\n *\}|\[\]|\(\) => \{[^\n]*\}|url => [^\n]*|Symbol\.for\('\w+'\)|Object\.prototype\.\w+);\n/gm;

function withoutConstants(script: string): string {
  for (let text = script; ;) {
    const less = text.replaceAll(constant, (whole, name: string) => (timesOf(text, name) === 1 ? "" : whole));
    if (less === text) return text;
    text = less;
  }
}

function timesOf(text: string, name: string): number {
  return text.split(new RegExp(`\\b${name}\\b`)).length - 1;
}
