import { directHandlers } from "./peers/direct.ts";
import { cComponent, javaScriptComponent, jcoServe } from "./peers/jco-serve.ts";
import { plainNode, plainProxy } from "./peers/plain-node.ts";
import { wasmtimeServe } from "./peers/wasmtime-serve.ts";
import { wherryHandlers } from "./peers/wherry.ts";
import { workerd } from "./peers/workerd.ts";
import type { Server } from "./server.ts";

/** What the others are compared with. */
export const baseline: Server = plainNode;

export const servers: readonly Server[] = [
  baseline,
  plainProxy,
  workerd({ fresh: false }),
  workerd({ fresh: true }),
  jcoServe(cComponent, { fresh: false }),
  jcoServe(cComponent, { fresh: true }),
  jcoServe(javaScriptComponent, { fresh: false }),
  jcoServe(javaScriptComponent, { fresh: true }),
  wasmtimeServe,
  ...wherryHandlers,
  ...directHandlers,
];
