import { join } from "node:path";
import type { Figure } from "../figure.ts";
import { besideKubernetes, kubernetes } from "./anchor.ts";
import { Child } from "./child.ts";
import { type Access, type Call, openMany } from "./connection.ts";
import { closedLoop, percentile } from "./load.ts";
import { createConfigMap, createDeployment } from "./objects.ts";

const clientCounts = [1, 16, 64] as const;
const warmUpMs = 1_000;
const measuredMs = 3_000;

/** Creates per second from keep-alive clients, each of which waits for its answer. */
export async function measureCreates(
  access: Access,
  pki: string,
  folder: string,
  /** Of the scheduler, so far. What it takes for a request depends less on what else the machine does. */
  cpuMs: () => number,
): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const configMap = () => createConfigMap("creates");
  const files = [join(folder, "plain.db"), join(pki, "scheduler.key"), join(pki, "scheduler.crt")];
  await using server = new Child("./plain-server.ts", files);
  const { port } = await server.message<{ readonly port: number }>();
  const plain = { ...access, url: `https://127.0.0.1:${port}` };
  for (const clients of clientCounts) {
    // One right after the other: other programs of the machine then disturb both alike.
    const beside = await createsPerSecond(plain, clients, configMap);
    const { perSecond, tookMs, cpuMicros } = await createsPerSecond(access, clients, configMap, cpuMs);
    figures.push(
      { name: `creates of 1 KB ConfigMaps, ${clients} clients`, value: perSecond, unit: "/s" },
      { name: "  p99", value: percentile(tookMs, 0.99), unit: "ms" },
      { name: "  processor time for each, all threads", value: cpuMicros, unit: "µs" },
      { name: "  a bare server with one durable insert for each", value: beside.perSecond, unit: "/s" },
      { name: "  against that", value: perSecond / beside.perSecond, unit: "times" },
    );
    if (clients === 16) figures.push(besideKubernetes(perSecond, kubernetes.createsPerSecond, "/s"));
  }
  for (const clients of clientCounts) {
    const deployment = () => createDeployment("creates");
    const { perSecond, tookMs, cpuMicros } = await createsPerSecond(access, clients, deployment, cpuMs);
    figures.push(
      { name: `creates of WasmDeployments of 0 replicas, ${clients} clients`, value: perSecond, unit: "/s" },
      { name: "  p99", value: percentile(tookMs, 0.99), unit: "ms" },
      { name: "  processor time for each, all threads", value: cpuMicros, unit: "µs" },
    );
  }
  return figures;
}

async function createsPerSecond(
  access: Access,
  clients: number,
  next: () => Call,
  cpuMs: () => number = () => Number.NaN,
) {
  const connections = await openMany(access, clients);
  using _closing = { [Symbol.dispose]: () => connections.forEach((one) => one[Symbol.dispose]()) };
  await closedLoop(connections, 201, { ms: warmUpMs }, next);
  const beforeMs = cpuMs();
  const load = await closedLoop(connections, 201, { ms: measuredMs }, next);
  return { ...load, cpuMicros: ((cpuMs() - beforeMs) * 1_000) / load.tookMs.length };
}
