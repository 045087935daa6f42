/**
 * What a component's call of the host costs, and an answer of one that handles HTTP: processor time in one process, without a
 * socket. A hello world makes twelve calls.
 */
import { handlers } from "../node-daemon/components/test-handlers.ts";
import { threadCpuMs } from "../kit/thread-cpu.ts";
import type { LoadedComponent } from "../node-daemon/shim/module-store.ts";
import { ComponentHandler } from "../node-daemon/shim/serving/component-handler.ts";
import { handlerParts, loadComponent, requestOf, serve } from "../node-daemon/shim/serving/test-requests.ts";
import type { Figure } from "./figure.ts";

const rounds = 5;
const requests = 5_000;
const freshRequests = 300;
const callsPerRequest = 20_000;

/** Processor time of one request in microseconds, of the best round: others run on the machine. */
async function costOf(component: LoadedComponent, count: number, fresh: boolean): Promise<number> {
  const parts = handlerParts();
  const handler = new ComponentHandler(parts, component);
  const make = () => {
    const servant = handler.servant({
      bug: (error) => {
        throw error;
      },
      needHeap: () => true,
    });
    parts.pot.add(servant, handler.memoryBytesMin);
    return servant;
  };
  let servant = make();
  const replace = () => {
    parts.pot.remove(servant);
    servant.close();
    servant = make();
  };
  let bestUs = Number.POSITIVE_INFINITY;
  for (let round = 0; round < rounds; round++) {
    const beforeMs = threadCpuMs();
    for (let i = 0; i < count; i++) {
      const served = await serve(parts, servant, requestOf());
      if (served.kind === "failed") throw new Error(served.message);
      if (fresh || !served.reusable) replace();
    }
    bestUs = Math.min(bestUs, ((threadCpuMs() - beforeMs) * 1000) / count);
  }
  servant.close();
  return bestUs;
}

export async function* run(): AsyncIterable<Figure> {
  const hello = await loadComponent(await handlers.hello());
  const reusedUs = await costOf(hello, requests, false);
  const freshUs = await costOf(hello, freshRequests, true);
  const oneCall = await costOf(await loadComponent(await handlers.calls(1)), requests, false);
  const manyCalls = await costOf(await loadComponent(await handlers.calls(callsPerRequest)), 20, false);
  yield { name: "component host call", value: (manyCalls - oneCall) / callsPerRequest, unit: "µs" };
  yield { name: "wasi:http handler in process, reused", value: reusedUs, unit: "µs" };
  yield { name: "wasi:http handler in process, fresh", value: freshUs, unit: "µs" };
  yield { name: "fresh against reused", value: freshUs / reusedUs, unit: "ratio" };
}
