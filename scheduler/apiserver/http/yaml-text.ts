import { isAlias, isMap, isPair, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
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
    const repeated = repeatedKey(document.contents);
    if (repeated !== undefined)
      throw badRequest(
        `the body of the request is no valid YAML at ${placeOf(repeated)}: Map keys must be unique`,
      );
    // Through JSON, so that dates, sets and the like become what JSON has.
    return JSON.stringify(document.toJS({ maxAliasCount: 100 })) ?? "null";
  } catch (thrown) {
    if (thrown instanceof Error && "reason" in thrown) throw thrown;
    throw badRequest(`the body of the request is no valid YAML: ${errorMessage(thrown)}`);
  }
}

/** Where a mapping has a key again. */
function repeatedKey(root: unknown): number | undefined {
  const open: unknown[] = [root];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (isAlias(node)) continue;
    if (isSeq(node)) for (const item of node.items) open.push(item);
    if (isPair(node)) open.push(node.key, node.value);
    if (!isMap(node)) continue;
    const keys = new Set<unknown>();
    for (const { key, value } of node.items) {
      open.push(key, value);
      if (!isScalar(key) || key.value === "<<" || typeof key.value === "symbol") continue;
      if (keys.has(key.value)) return key.range?.[0] ?? 0;
      keys.add(key.value);
    }
  }
  return undefined;
}
