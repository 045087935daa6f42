import { join } from "node:path";
import { TestCluster } from "../../../test/support/cluster.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { root } from "../../../tools/gate.ts";
import { cComponent, fileOf, javaScriptComponent, type HelloComponent } from "./jco-serve.ts";
import { httpWorkload } from "../../../test/support/http-workload.ts";
import { untilAnswered, type Server } from "../server.ts";

interface Handler {
  readonly name: string;
  /** Its file. */
  readonly module: () => string;
  readonly http: Readonly<Record<string, unknown>>;
}

const handlers: readonly Handler[] = [
  ...componentHandlers(cComponent),
  ...componentHandlers(javaScriptComponent),
  {
    name: "WAGI, C, a fresh instance per request",
    module: () => join(root, "examples/http/tally.wasm"),
    http: { handler: "wagi" },
  },
];

function componentHandlers(component: HelloComponent): readonly Handler[] {
  const module = () => fileOf(component);
  const name = `wasi-http, ${component.name}`;
  return [
    { name: `${name}, instances reused`, module, http: { handler: "wasi-http" } },
    {
      name: `${name}, a fresh instance per request`,
      module,
      http: { handler: "wasi-http", requestsPerInstance: 1 },
    },
  ];
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
