/**
 * What jco does around each call from a guest to the host, taken away where nobody needs it: it makes two tasks and a dozen
 * objects, so that calls can be asynchronous, as in WASI 0.3. In a component whose calls are all those of WASI 0.2, and that is
 * one component and no composition, a call is: lift the arguments, call, lower the result.
 *
 *     const _trampoline4 = function(arg0) { lift; task; call; task over; lower }     kept: lift, call, lower
 *     let trampoline4 = bookkeeping(_trampoline4)                                     the function itself
 *
 * Everything or nothing: a component in which a single piece looks otherwise than expected stays as jco made it, which is
 * slower and just as right. It runs after the patches, on what they have made.
 *
 * What goes with the tasks: a call that throws is told to the component by who stands around the script (`ComponentGuest`), so
 * nothing here catches anything; borrowed handles need no end, since what the host is given are its own objects.
 */
/** Undefined if there is something in the script that needs the tasks. */
export function withFastCalls(script: string): string | undefined {
  const component = onlyComponent(script);
  if (component === undefined) return undefined;
  // It may not call anything while it cleans up after a call.
  const guard = script.includes(".mayLeave = false;") ? `_checkMayLeave(${component});` : "";
  const bodies = replaceEach(
    script,
    /^( *)const (_trampoline\d+) = (async )?function\(([^)]*)\) \{$/gm,
    (match, text) => fastBody(match, text, guard),
  );
  if (bodies === undefined) return undefined;
  const wired = replaceEach(
    bodies,
    /^( *)let (trampoline\d+) = (_trampoline\d+)\.manuallyAsync \? /gm,
    fastWire,
  );
  if (wired === undefined) return undefined;
  return withFastCommand(withFastHandler(wired));
}

/**
 * The index of the one component instance that all calls are of. Undefined if there are more, or calls of another kind than those
 * of the host, or of a table of handles.
 */
function onlyComponent(script: string): string | undefined {
  const components = new Set([...script.matchAll(/^ *componentIdx: (\d+),$/gm)].map(([, index]) => index));
  for (const [, made = ""] of script.matchAll(/\b(?:let|const) trampoline\d+ = (.*)$/gm)) {
    if (!/^_trampoline\d+\.manuallyAsync \? |^rscTable\w+\.bind\(null, handleTable\d+\);?$/.test(made))
      return undefined;
  }
  const [only] = components;
  return components.size === 1 ? only : undefined;
}

type Replaced = { readonly text: string; readonly end: number } | undefined;

/** `replace` answers what stands for the text from the match to an end that it has found. */
function replaceEach(
  text: string,
  pattern: RegExp,
  replace: (match: RegExpExecArray, text: string) => Replaced,
): string | undefined {
  const kept: string[] = [];
  let from = 0;
  for (const match of text.matchAll(pattern)) {
    if (match.index < from) return undefined;
    const replaced = replace(match, text);
    if (!replaced) return undefined;
    kept.push(text.slice(from, match.index), replaced.text);
    from = replaced.end;
  }
  kept.push(text.slice(from));
  return kept.join("");
}

/** From the end of the lifting to the call. */
const taskBegins =
  /const hostProvided = true;\s*let parentTask;\s*let task;\s*let subtask;[^]*?\n\s*const started = [^]*?\n\s*let ret;\s*try \{\s*/;

/** Of which the second is what the host is asked to do. */
const call =
  /^(?:(ret|const hostRet\d+) = )?(?:await +)?_withGlobalCurrentTaskMeta(?:Async)?\(\{\s*componentIdx: task\.componentIdx\(\),\s*taskID: task\.id\(\),\s*fn: \(\) => _trackHostOperation\(\(\) => ([^]*?)\),\s*\}\)\s*;\s*(?=ret = hostRet|\} catch)/;

/** What an answer is taken for, where a function has a result that may be an error; our interfaces answer with nothing else. */
const tagged =
  /^ret = (hostRet\d+) !== null && typeof \1 === 'object' && \(\1\.tag === 'ok' \|\| \1\.tag === 'err'\)\s*\? \1\s*: \{ tag: 'ok', val: \1\};\s*/;

const caught =
  /^\} catch \((e|err)\) \{\s*(?:if \(getOrCreateAsyncState\(\d+\)\.markTrapped\(\1\)\) \{ throw \1; \}\s*ret = \{ tag: 'err', val: getErrorPayload\(\1\) \};|;?\s*getOrCreateAsyncState\(\d+\)\.markTrapped\(\1\);\s*task\.setErrored\(\1\);\s*task\.reject\(\1\);\s*task\.exit\(\);\s*throw \1;)\s*\}\s*;?\s*/;

const borrowed = /^ *curResourceBorrows\.push\(\w+\);$/gm;
const borrowsEnd =
  /^for \(const entry of curResourceBorrows\) \{[^]*?\n\s*rsc\[symbolRscHandle\] = undefined;\s*\}\s*curResourceBorrows = \[\];\s*/;
const taskEnds = /task\.resolve\(\[[^\]]*\]\);\s*task\.exit\(\);/g;
export const ofTasks = /\btask\b|\bsubtask\b|curResourceBorrows|Task\w*\(/;

function fastBody(match: RegExpExecArray, text: string, guard: string): Replaced {
  const { index: start } = match;
  const [head, indent = "", name = "", isAsync, params = ""] = match;
  const end = text.indexOf(`\n${indent}}\n`, start);
  if (end < 0) return undefined;
  const body = text.slice(start + head.length, end);
  const begins = taskBegins.exec(body);
  if (!begins) return undefined;
  const lift = body.slice(0, begins.index).replaceAll(borrowed, "");
  let left = body.slice(begins.index + begins[0].length);
  const take = (pattern: RegExp): RegExpExecArray | undefined => {
    const found = pattern.exec(left) ?? undefined;
    if (found) left = left.slice(found[0].length);
    return found;
  };
  const called = take(call);
  take(tagged);
  if (!called || !take(caught)) return undefined;
  take(borrowsEnd);
  const lower = left.replaceAll(taskEnds, "");
  if (ofTasks.test(lift) || ofTasks.test(lower)) return undefined;
  const [, , asked = ""] = called;
  const fast =
    isAsync === undefined
      ? `const ${name} = function(${params}) {${guard}${lift}const ret = ${asked};\n${lower}`
      : `const ${name} = function(${params}) {${guard}${lift}const $$lower = (ret) => {\n${lower}\n};\n` +
        `const $$given = ${asked};\nreturn $$given instanceof Promise ? $$given.then($$lower) : $$lower($$given);`;
  return { text: `${indent}${fast}`, end };
}

const bookkeeping = " : _lowerImportBackwardsCompat.bind(";

function fastWire(match: RegExpExecArray, text: string): Replaced {
  const { index: start } = match;
  const [, indent = "", name = "", called = ""] = match;
  const otherwise = text.indexOf(bookkeeping, start);
  const wireEnd = `\n${indent});`;
  const end = text.indexOf(`${wireEnd}\n`, otherwise);
  if (otherwise < 0 || end < 0) return undefined;
  const whole = text.slice(start, end);
  if (/isAsync: true|funcTypeIsAsync: true/.test(whole) || whole.split(bookkeeping).length !== 2)
    return undefined;
  const suspends = text.includes(`\n${indent}${called}.manuallyAsync = true;`);
  const made = suspends ? `new WebAssembly.Suspending(${called})` : called;
  return { text: `${indent}let ${name} = ${made};`, end: end + wireEnd.length };
}

const handler =
  /^( *)async function (handle(?:\$\d+)?)\(arg0, arg1\) \{[^]*?fn: async \(\) => \{\s*try \{([^]*?instanceof IncomingRequest[^]*?)let ret;\s*try \{\s*await _withGlobalCurrentTaskMeta\(\{\s*taskID: task\.id\(\),\s*componentIdx: task\.componentIdx\(\),\s*fn: \(\) => (\w+\(handle0, handle1\)),\s*\}\);\s*\} catch[^]*?\n\1\}\n/m;

const command =
  /^( *)async function (run(?:\$\d+)?)\(\) \{[^]*?fn: async \(\) => \{\s*try \{\s*;?\s*let ret;\s*try \{\s*ret = +await _withGlobalCurrentTaskMeta\(\{\s*taskID: task\.id\(\),\s*componentIdx: task\.componentIdx\(\),\s*fn: \(\) => (\w+\(\)),\s*\}\);\s*\} catch \(err\) \{[^]*?\n *throw err;\s*\}\s*(let variant\d+;\s*switch \(ret\) \{[^]*?)const retCopy = (variant\d+);\s*task\.resolve\(\[retCopy\.val\]\);\s*([^]*?)task\.exit\(\);\s*(if \(typeof retCopy[^]*?return retCopy\.val;)\s*\} catch[^]*?\n\1\}\n/m;

/** What is done when a call has returned: it frees what it has handed over. It may call nothing meanwhile. */
const cleaning =
  /\n( *let cstate = getOrCreateAsyncState\(\d+\);\s*cstate\.mayLeave = false;\s*postReturn\d+\(\);\s*cstate\.mayLeave = true;\n)/;

/** What answers requests, if there is such an export. */
function withFastHandler(script: string): string {
  return script.replace(
    handler,
    (whole: string, indent: string, name: string, lower: string, called: string) => {
      const after = whole.slice(whole.lastIndexOf(called));
      const cleaned = cleaning.exec(after)?.[1];
      if (ofTasks.test(lower) || (after.includes("postReturn") && cleaned === undefined)) return whole;
      const answer = cleaned === undefined ? called : `${called}.then(() => {\n${cleaned}})`;
      return `${indent}function ${name}(arg0, arg1) {${lower}return ${answer};\n${indent}}\n`;
    },
  );
}

/** The same for a command, whose result is thrown if it is an error. */
function withFastCommand(script: string): string {
  return script.replace(
    command,
    (
      whole,
      indent: string,
      name: string,
      called: string,
      lift: string,
      result: string,
      then: string,
      answer: string,
    ) => {
      const cleaned = cleaning.exec(`\n${then}`)?.[1] ?? "";
      if (ofTasks.test(lift) || then.replaceAll(/[;\s]/g, "") !== cleaned.replaceAll(/[;\s]/g, ""))
        return whole;
      const body = `${lift}const retCopy = ${result};\n${cleaned}${answer}`;
      return `${indent}function ${name}() {\nreturn ${called}.then((ret) => {\n${body}\n});\n${indent}}\n`;
    },
  );
}
