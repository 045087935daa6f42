/**
 * Requests of a handler that asks another server for its answer: over a connection that is kept, beside one for each request. The
 * handlers run in this thread, the server in another, and both on this machine, so that the network takes no part: far away
 * each handshake is a round trip more, or two with TLS.
 */
import { once } from "node:events";
import { getCACertificates, setDefaultCACertificates } from "node:tls";
import { Worker } from "node:worker_threads";
import { threadCpuMs } from "../kit/thread-cpu.ts";
import { handlers } from "../node-daemon/components/test-handlers.ts";
import type { LoadedComponent } from "../node-daemon/shim/module-store.ts";
import { ComponentHandler } from "../node-daemon/shim/serving/component-handler.ts";
import { handlerParts, loadComponent, requestOf, serve } from "../node-daemon/shim/serving/test-requests.ts";
import { TestAuthority, type TlsFiles } from "../node-daemon/testing/certificates.ts";
import { openTestNetwork } from "../node-daemon/wasi/sockets/test-support.ts";
import { median, type Figure } from "./figure.ts";

const together = 16;
const requests = 2_000;
const rounds = 5;

export async function* run(): AsyncIterable<Figure> {
  const tls = await (await TestAuthority.make()).issue("server");
  setDefaultCACertificates([...getCACertificates("default"), tls.ca.toString()]);
  yield* compare("http", undefined);
  yield* compare("https", tls);
}

/** One after the other, again and again, so that what else the machine does hits both. */
async function* compare(scheme: string, tls: TlsFiles | undefined): AsyncIterable<Figure> {
  const server = new Worker(new URL("programs/greeting-server.ts", import.meta.url), { workerData: tls });
  const [ports] = (await once(server, "message")) as [{ readonly kept: number; readonly closed: number }];
  const kept = await loadComponent(await handlers.asks(`127.0.0.1:${ports.kept}`, tls !== undefined));
  const closed = await loadComponent(await handlers.asks(`127.0.0.1:${ports.closed}`, tls !== undefined));
  const measured: { readonly kept: Measurement; readonly closed: Measurement }[] = [];
  for (let round = 0; round <= rounds; round++) {
    const both = { kept: await measure(kept), closed: await measure(closed) };
    if (round > 0) measured.push(both);
  }
  await server.terminate();
  const of = (value: (one: (typeof measured)[number]) => number) => median(measured.map(value));
  yield {
    name: `handler that asks over ${scheme}, kept connections`,
    value: of((one) => one.kept.perSecond),
    unit: "1/s",
  };
  yield { name: "  a connection for each request", value: of((one) => one.closed.perSecond), unit: "1/s" };
  const speed = of((one) => one.kept.perSecond / one.closed.perSecond);
  yield { name: "  kept against each", value: speed, unit: "ratio" };
  const cost = of((one) => one.closed.cpuMs / one.kept.cpuMs);
  yield { name: "  processor time of the handler's side", value: cost, unit: "times less" };
}

interface Measurement {
  readonly perSecond: number;
  /** Of this thread. */
  readonly cpuMs: number;
}

/** Of several instances that answer one request each at a time. */
async function measure(component: LoadedComponent): Promise<Measurement> {
  const network = openTestNetwork({ allow: [{ host: "127.0.0.1", port: 0 }] });
  const parts = handlerParts({}, network);
  const handler = new ComponentHandler(parts, component);
  let left = requests;
  const answer = async () => {
    const servant = handler.servant({
      bug: (error) => {
        throw error;
      },
      needHeap: () => true,
    });
    parts.pot.add(servant, handler.memoryBytesMin);
    while (left-- > 0) {
      const request = requestOf();
      const served = await serve(parts, servant, request);
      if (served.kind === "failed") throw new Error(served.message);
      if (request.answer.head?.status !== 200) throw new Error(`it answered ${request.answer.head?.status}`);
    }
    parts.pot.remove(servant);
    servant.close();
  };
  const beganMs = performance.now();
  const cpuBeganMs = threadCpuMs();
  await Promise.all(Array.from({ length: together }, answer));
  const perSecond = (requests * 1_000) / (performance.now() - beganMs);
  const cpuMs = threadCpuMs() - cpuBeganMs;
  network.close();
  return { perSecond, cpuMs };
}
