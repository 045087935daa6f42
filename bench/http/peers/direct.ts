/**
 * What a shim would do that accepts connections itself: the handlers of `wherry.ts` with their serving runs and Node's HTTP server in one
 * process, no gateway, and one or two such processes at the same port (see docs/adr/0044-direct-connections-to-shims.md).
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { madeFolder } from "../../../kit/checkout-programs.ts";
import { installOwnProgram } from "../../../node-daemon/own-program.ts";
import { nodeFlags } from "../../../node-daemon/runtimes/v8/shim-program.ts";
import { TestNode } from "../../../node-daemon/runtimes/v8/test-driver.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { root } from "../../../tools/gate.ts";
import type { DirectServer } from "../programs/direct-server.ts";
import { end, type RunningServer, type Server, untilAnswered } from "../server.ts";
import { freshCommand, type Handler, reusedComponent } from "./wherry.ts";

const startMsMax = 60_000;
/** As the defaults of templates are, and what `httpWorkload` gives. */
const serving = {
  concurrency: 16,
  queueMax: 64,
  timeoutMs: 30_000,
  idleTimeoutMs: 30_000,
  bodyBytesMax: 16 * 2 ** 20,
};
const memoryBytesMax = 256 * 2 ** 20;

export const directHandlers: readonly Server[] = [reusedComponent, freshCommand].flatMap((handler) =>
  [1, 2].map((processes) => ({
    name: `Wherry, ${handler.name}, direct, ${processes === 1 ? "one process" : `${processes} processes`}`,
    start: () => start(handler, processes),
  })),
);

async function start({ module, http }: Handler, processes: number): Promise<RunningServer> {
  const node = new TestNode();
  const children: ChildProcess[] = [];
  const stop = async () => {
    await Promise.all(children.map(end));
    await node[Symbol.asyncDispose]();
  };
  try {
    const { driver } = await node.open();
    const { file } = await node.prepared(driver, readFileSync(module()), http.handler);
    const port = await freePort();
    const requestsPerInstance = http.requestsPerInstance ?? (http.handler === "wagi" ? 1 : 1_000);
    const handler = { ...serving, handler: http.handler, requestsPerInstance };
    const server: DirectServer = { port, file, memoryBytesMax, serving: handler };
    for (let i = 0; i < processes; i++) children.push(await startOne(server));
    const url = `http://127.0.0.1:${port}/`;
    await untilAnswered(url, () => children.every(({ exitCode }) => exitCode === null));
    return { url, pids: () => children.flatMap(({ pid }) => pid ?? []), stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}

/** Stripped of its types and with the flags of a shim, as its memory and its speed depend on both. */
async function startOne(server: DirectServer): Promise<ChildProcess> {
  const entries = ["bench/http/programs/direct-server", "node-daemon/wasi/file-system/file-thread"];
  // In the checkout, as the parts that stand in for a daemon's need packages.
  const { mainFile } = installOwnProgram(entries, join(root, madeFolder, "programs"));
  const child = fork(mainFile, [JSON.stringify(server)], { execArgv: [...nodeFlags] });
  const failed = once(child, "exit").then(([code]) => Promise.reject(new Error(`it ended with ${code}`)));
  await Promise.race([once(child, "message", { signal: AbortSignal.timeout(startMsMax) }), failed]);
  return child;
}
