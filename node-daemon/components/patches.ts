/**
 * What is changed in the JavaScript that jco generates. Its runtime trusts the guest with the host's heap: tables grow with
 * every handle, lists and strings are lifted however long they are, and some books are never cleared. Here every such place
 * asks `$$limits` first, whose name no component can give to anything of its own.
 *
 * jco is pinned, and each patch has to be found where its mark is: another version that does things in another way fails
 * all components, and the tests, instead of running without limits.
 */
import { Bug } from "../../kit/errors.ts";
import { withoutCalls } from "./strip-calls.ts";

interface Patch {
  readonly what: string;
  /** A text that is there if, and as often as, the pattern has to match. */
  readonly mark: RegExp;
  readonly pattern: RegExp;
  readonly replacement: string;
}

const patches: readonly Patch[] = [
  {
    what: "a handle table grows by a handle that is owned",
    mark: /table\.push\(rep \| T_FLAG\);/g,
    pattern: /table\.push\(0\);\s*table\.push\(rep \| T_FLAG\);/g,
    replacement: "$$$$limits.tableSlot(); table.push(0); table.push(rep | T_FLAG);",
  },
  {
    what: "a handle table grows by a handle that is borrowed",
    mark: /table\.push\(rep\);/g,
    pattern: /table\.push\(scopeId\);\s*table\.push\(rep\);/g,
    replacement: "$$$$limits.tableSlot(); table.push(scopeId); table.push(rep);",
  },
  {
    what: "a table of waitables and the like grows",
    mark: /this\.#data\.push\(val\);/g,
    pattern: /this\.#data\.push\(val\);\s*this\.#data\.push\(null\);/g,
    replacement: "$$$$limits.objectSlot(); this.#data.push(val); this.#data.push(null);",
  },
  {
    what: "a task ends that is not the last",
    mark: /function clearCurrentTask\(/g,
    pattern: /if \(last\.id !== taskID\) \{\s*\/\/[^\n]*\n\s*return;\s*\}/g,
    replacement:
      "if (last.id !== taskID) { const at = tasks.findIndex((meta) => meta.id === taskID); if (at >= 0) tasks.splice(at, 1); " +
      "ASYNC_CURRENT_TASK_IDS.pop(); ASYNC_CURRENT_COMPONENT_IDXS.pop(); return; }",
  },
  {
    what: "a handle is looked up",
    mark: /= handleTable\d+\[\(/g,
    pattern: /= (handleTable\d+)\[\((\w+) << 1\) \+ 1\] & ~T_FLAG/g,
    replacement: "= $$$$limits.rep($1, $2) & ~T_FLAG",
  },
  {
    // One that was never given would make the table as long as it is large.
    what: "a handle is dropped",
    mark: /function rscTableRemove\(/g,
    pattern: /if \(val === 0 \|\| \(scope & T_FLAG\) !== 0\) \{/g,
    replacement: "if (val === undefined || val === 0 || (scope & T_FLAG) !== 0) {",
  },
  {
    what: "a list is lifted",
    mark: /var result\d+ = \[\];/g,
    pattern: /(var result\d+ = \[\];\s*)(for \(let (\w+) = 0; \3 < (len\d+); \3\+\+\))/g,
    replacement: "$1$$$$limits.elements($4); $2",
  },
  {
    what: "a list is lifted, with its type as data",
    mark: /function _liftFlatList\(/g,
    pattern: /(const val = \[\];\s*)(for \(var i = 0; i < len; i\+\+\))/g,
    replacement: "$1$$$$limits.elements(len); $2",
  },
  {
    what: "a list of numbers is lifted",
    mark: /memory\d+\.buffer\.slice\(/g,
    pattern: /memory(\d+)\.buffer\.slice\(/g,
    replacement: "$$$$limits.slice(memory$1.buffer, ",
  },
  {
    what: "a handle is of a resource that the host does not have",
    mark: /captureTable\d+\.get\(rep\w*\)/g,
    pattern: /(captureTable\d+\.get\(\w+\);\s*if \(!(\w+)\) \{)(\s*\2 = Object\.create\()/g,
    replacement: "$1 $$$$limits.unknownHandle();$3",
  },
  {
    what: "the guest allocates",
    mark: /\brealloc\d+ = exports/g,
    pattern: /\b(realloc\d+) = (exports\d+[^;\n]*);/g,
    replacement: "$1 = $$$$limits.allocator($2);",
  },
  {
    what: "the message of an error is kept",
    mark: /function errCtxReserveGlobalRep\(/g,
    pattern: /const errCtx = \{ refCount, debugMessage \};/g,
    replacement: "const errCtx = { refCount, debugMessage: $$$$limits.message(debugMessage) };",
  },
  {
    // Where a call is asynchronous, what it throws would reach nobody, and the guest wait for ever.
    what: "a call broke the component",
    mark: /\bmarkTrapped\(err\) \{/g,
    pattern: /\b(markTrapped\(err\) \{)/g,
    replacement: "$1 $$$$limits.broken(err);",
  },
  {
    what: "something of the host is over",
    mark: /pendingHostOperations--;/g,
    pattern: /(STORE_ASYNC_STATE\.pendingHostOperations--;)/g,
    replacement: "$1 $$$$limits.hostDone();",
  },
  {
    // It may: whatever it calls, it suspends when its fuel is spent.
    what: "a callback is thought not to suspend",
    mark: /callback_\d+ = Object\.assign\(/g,
    pattern: /(callback_\d+) = Object\.assign\((exports\d+[^;\n]*), \{ _jcoMaySuspend: false \}\);/g,
    replacement: "$1 = WebAssembly.promising($2);",
  },
  {
    what: "a component called by another is thought not to suspend",
    mark: /callee\._jcoMaySuspend/g,
    pattern: /callee\._jcoMaySuspend === false/g,
    replacement: "false",
  },
  {
    // For the life of the component otherwise, with all that was ever made.
    what: "streams or futures are kept",
    mark: /const (?:STREAMS|FUTURES) ?= ?/g,
    pattern: /const (STREAMS|FUTURES) ?= ?new RepTable\(\{ target: '[a-z ]+' \}\);/g,
    replacement: "const $1 = $$$$limits.weakTable();",
  },
  {
    what: "a stream is read",
    mark: /class ManagedBuffer\b/g,
    pattern: /(let values = \[\];\s*)(if \(this\.#elemMeta\.isNone\))/g,
    replacement: "$1$$$$limits.streamed(count); $2",
  },
  {
    // It would wait for a promise that nothing settles, and the guest with it.
    what: "a function without a result has thrown",
    mark: /return task\.completionPromise\(\);/g,
    pattern: /(task\.reject\(err\);\s*task\.exit\(\);\s*)return task\.completionPromise\(\);/g,
    replacement: "$1throw err;",
  },
];

/** Nothing of it speaks to anyone; but what it would say is put together each time. */
const debugLog = "_debugLog";
const debugLogDefinition = /const _debugLog = \(\.\.\.args\) => \{[^{}]*\{[^{}]*\}[^{}]*\};?/;

/**
 * Each table of handles remembers every resource that was ever made in it, to know whether its component is the one that
 * defines it: to that one a borrowed handle is given as what it stands for. That is so for all handles of a table, or for none.
 */
function withoutCreatedReps(script: string): string {
  const definers = script.matchAll(/rscTableCreateOwn\.bind\(null, (handleTable\d+)\)/g);
  const defining = new Set([...definers].map(([, table]) => table));
  // Looked for by what stands behind the name: an expression that begins with any word is tried at each letter.
  return script.replaceAll(/(?<=(\w+))\._createdReps = new Set\(\);/g, (_, table: string) => {
    return `._createdReps = $$limits.${defining.has(table) ? "allReps" : "noReps"};`;
  });
}

/** Throws a {@link Bug} if jco's code is not what is known of it. */
export function patchScript(script: string): string {
  let patched = withoutCalls(withoutCreatedReps(script.replace(debugLogDefinition, "")), debugLog);
  for (const { what, mark, pattern, replacement } of patches) {
    const marks = patched.match(mark)?.length ?? 0;
    let found = 0;
    patched = patched.replace(pattern, (...match) => {
      found++;
      return expand(replacement, match as string[]);
    });
    if (found !== marks) {
      throw new Bug(`jco generated ${marks} places where ${what}, and ${found} of them look as expected`);
    }
  }
  if (patched.includes(debugLog))
    throw new Bug("jco generated a call of its debug log in an unexpected place");
  return patched;
}

/** As `String.replace` does it, for a replacement that is a function. */
function expand(replacement: string, match: readonly string[]): string {
  return replacement.replaceAll(/\$(\$|\d)/g, (_, what: string) =>
    what === "$" ? "$" : (match[Number(what)] ?? ""),
  );
}
