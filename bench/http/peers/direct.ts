/** The handlers of `wherry.ts` without a gateway: processes that take requests themselves, one and two of them at one port (docs/HTTP.md). */
import { TestCluster } from "../../../test/support/cluster.ts";
import { freePort } from "../../../test/support/free-port.ts";
import { httpWorkload } from "../../../test/support/http-workload.ts";
import { type RunningServer, type Server, untilAnswered } from "../server.ts";
import { freshCommand, type Handler, reusedComponent } from "./wherry.ts";

export const directHandlers: readonly Server[] = [reusedComponent, freshCommand].flatMap((handler) =>
  [1, 2].map((processes) => ({
    name: `Wherry, ${handler.name}, direct, ${processes === 1 ? "one process" : `${processes} processes`}`,
    start: () => start(handler, processes),
  })),
);

async function start({ module, http }: Handler, replicas: number): Promise<RunningServer> {
  const image = `file://${module()}`;
  const port = await freePort();
  const cluster = await TestCluster.start(["one"], { nodeArgs: ["--allow-listen", `127.0.0.1:${port}`] });
  const stop = () => cluster[Symbol.asyncDispose]();
  try {
    await cluster.apply(
      httpWorkload({
        name: "hello",
        image,
        http: { ...http, listener: "direct" },
        spec: { replicas },
        // A process for each of them.
        instance: { listeners: [{ name: "direct", port }], isolation: "process" },
      }),
    );
    const url = `http://127.0.0.1:${port}/`;
    await cluster.client().until("hello", ({ readyReplicas }) => readyReplicas === replicas);
    await untilAnswered(url, () => cluster.isSchedulerRunning);
    return { url, pids: () => [cluster.nodePid("one"), ...cluster.shims("one")], stop };
  } catch (thrown) {
    await stop();
    throw thrown;
  }
}
