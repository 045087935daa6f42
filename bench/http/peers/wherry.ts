import { join } from "node:path";
import { TestCluster } from "../../../test/support/cluster.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { root } from "../../../tools/gate.ts";
import { cComponent, fileOf, javaScriptComponent, type HelloComponent } from "./jco-serve.ts";
import { httpWorkload } from "../../../test/support/http-workload.ts";
import { untilAnswered, type Server } from "../server.ts";

export interface Handler {
  readonly name: string;
  /** Its file. */
  readonly module: () => string;
  readonly http: { readonly handler: "wasi-http" | "wagi"; readonly requestsPerInstance?: number };
}

export const reusedComponent = reused(cComponent);
export const freshCommand: Handler = {
  name: "WAGI, C, a fresh instance per request",
  module: () => join(root, "examples/http/tally.wasm"),
  http: { handler: "wagi" },
};
const handlers: readonly Handler[] = [
  reusedComponent,
  fresh(cComponent),
  reused(javaScriptComponent),
  fresh(javaScriptComponent),
  freshCommand,
];

function reused(component: HelloComponent): Handler {
  const name = `wasi-http, ${component.name}, instances reused`;
  return { name, module: () => fileOf(component), http: { handler: "wasi-http" } };
}

function fresh(component: HelloComponent): Handler {
  const name = `wasi-http, ${component.name}, a fresh instance per request`;
  return {
    name,
    module: () => fileOf(component),
    http: { handler: "wasi-http", requestsPerInstance: 1 },
  };
}

/** A cluster of one node each, with the gateway in front: scheduler, daemon, gateway and shim are processes as always. */
export const wherryHandlers: readonly Server[] = handlers.map((handler) => ({
  name: `Wherry, ${handler.name}`,
  async start() {
    const image = `file://${handler.module()}`;
    const port = await freePort();
    const cluster = await TestCluster.start(["one"], { nodeArgs: ["--gateway-http", `127.0.0.1:${port}`] });
    const stop = () => cluster[Symbol.asyncDispose]();
    try {
      // A route without a host answers to every name, as the others do.
      await cluster.apply(httpWorkload({ name: "hello", image, http: handler.http }));
      const url = `http://127.0.0.1:${port}/`;
      await untilAnswered(url, () => cluster.isSchedulerRunning);
      // The scheduler takes no part in requests.
      const pids = () => [cluster.nodePid("one"), ...cluster.gateways("one"), ...cluster.shims("one")];
      return { url, pids, stop };
    } catch (thrown) {
      await stop();
      throw thrown;
    }
  },
}));
