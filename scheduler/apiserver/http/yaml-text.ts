import { isMap, isNode, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import { showValue } from "../../../api/validation/field-error.ts";
import { errorMessage } from "../../../kit/errors.ts";
import { badRequest } from "../status.ts";

/**
 * YAML as the JSON text of the same value. Costs some microseconds for each character, and more for hostile ones: long texts
 * are not for the thread that serves. Throws BadRequest.
 */
export function yamlToJson(text: string): string {
  const lineCounter = new LineCounter();
  const placeOf = (offset: number) => {
    const { line, col } = lineCounter.linePos(offset);
    return `line ${line}, column ${col}`;
  };
  try {
    const document = parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      version: "1.1",
      merge: true,
      logLevel: "silent",
      // Compares each key with each other one; done below.
      uniqueKeys: false,
    });
    const [error] = document.errors;
    if (error)
      throw badRequest(
        `the body of the request is no valid YAML at ${placeOf(error.pos[0])}: ${error.message}`,
      );
    const bad = badKey(document.contents);
    if (bad?.again !== undefined)
      // Kubernetes' words: clients look for them.
      throw badRequest(
        `error decoding YAML: yaml: unmarshal errors:\n  line ${lineCounter.linePos(bad.offset).line}: key ${showValue(bad.again)} already set in map`,
      );
    if (bad)
      throw badRequest(
        `the body of the request is no valid YAML at ${placeOf(bad.offset)}: a key must be a plain value`,
      );
    // Through JSON, so that dates, sets and the like become what JSON has.
    return JSON.stringify(document.toJS({ maxAliasCount: 100 })) ?? "null";
  } catch (thrown) {
    if (thrown instanceof Error && "reason" in thrown) throw thrown;
    throw badRequest(`the body of the request is no valid YAML: ${errorMessage(thrown)}`);
  }
}

/** A key that a mapping has again, or that no JSON can have: those that are collections cost most of all. */
function badKey(root: unknown): { readonly offset: number; readonly again?: string } | undefined {
  const open: unknown[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (isSeq(node)) for (const item of node.items) open.push(item);
    if (!isMap(node)) continue;
    const keys = new Set<unknown>();
    for (const { key, value } of node.items) {
      open.push(value);
      if (!isScalar(key)) {
        const range = isNode(key) ? key.range : node.range;
        return { offset: range?.[0] ?? 0 };
      }
      if (key.value === "<<" || typeof key.value === "symbol") continue;
      if (keys.has(key.value)) return { offset: key.range?.[0] ?? 0, again: String(key.value) };
      keys.add(key.value);
    }
  }
  return undefined;
}
