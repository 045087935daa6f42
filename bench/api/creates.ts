import { join } from "node:path";
import type { Figure } from "../figure.ts";
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
): Promise<readonly Figure[]> {
  const figures: Figure[] = [];
  const configMap = () => createConfigMap("creates");
  const plain = await plainRates(access, pki, folder, configMap);
  for (const clients of clientCounts) {
    const { perSecond, tookMs } = await createsPerSecond(access, clients, configMap);
    const beside = plain.get(clients) ?? Number.NaN;
    figures.push(
      { name: `creates of 1 KB ConfigMaps, ${clients} clients`, value: perSecond, unit: "/s" },
      { name: "  p99", value: percentile(tookMs, 0.99), unit: "ms" },
      { name: "  a bare server with one durable insert for each", value: beside, unit: "/s" },
      { name: "  against that", value: perSecond / beside, unit: "times" },
    );
  }
  for (const clients of clientCounts) {
    const { perSecond, tookMs } = await createsPerSecond(access, clients, () => createDeployment("creates"));
    figures.push(
      { name: `creates of WasmDeployments of 0 replicas, ${clients} clients`, value: perSecond, unit: "/s" },
      { name: "  p99", value: percentile(tookMs, 0.99), unit: "ms" },
    );
  }
  return figures;
}

async function plainRates(
  access: Access,
  pki: string,
  folder: string,
  next: () => Call,
): Promise<ReadonlyMap<number, number>> {
  const files = [join(folder, "plain.db"), join(pki, "scheduler.key"), join(pki, "scheduler.crt")];
  await using server = new Child("./plain-server.ts", files);
  const { port } = await server.message<{ readonly port: number }>();
  const plain = { ...access, url: `https://127.0.0.1:${port}` };
  const rates = new Map<number, number>();
  for (const clients of clientCounts)
    rates.set(clients, (await createsPerSecond(plain, clients, next)).perSecond);
  return rates;
}

async function createsPerSecond(access: Access, clients: number, next: () => Call) {
  const connections = await openMany(access, clients);
  using _closing = { [Symbol.dispose]: () => connections.forEach((one) => one[Symbol.dispose]()) };
  await closedLoop(connections, 201, { ms: warmUpMs }, next);
  return await closedLoop(connections, 201, { ms: measuredMs }, next);
}
