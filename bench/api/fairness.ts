import type { Figure } from "../figure.ts";
import { Child } from "./child.ts";
import { type Access, Connection } from "./connection.ts";
import { closedLoop, delays, type LoadResult } from "./load.ts";
import type { NoiseCounts } from "./noise.ts";
import { configMaps, createConfigMap, createNamespace } from "./objects.ts";

const inFlight = 10_000;
const quietMs = 2_000;
const noisyMs = 6_000;

/** What a client that asks for one thing at a time waits for, alone and beside one with 10,000 requests in flight. */
export async function measureFairness(access: Access, caFile: string): Promise<readonly Figure[]> {
  const namespace = "fairness";
  using quiet = await Connection.open(access, "quiet");
  await createNamespace(quiet, namespace);
  const one = createConfigMap(namespace);
  await quiet.expect(201, one);
  const get = { path: `${configMaps(namespace)}/${JSON.parse(one.body ?? "").metadata.name as string}` };
  const measure = async (
    ms: number,
  ): Promise<{ readonly gets: LoadResult; readonly creates: LoadResult }> => ({
    gets: await closedLoop([quiet], 200, { ms: ms / 2 }, () => get),
    creates: await closedLoop([quiet], 201, { ms: ms / 2 }, () => createConfigMap(namespace)),
  });
  const alone = await measure(quietMs);
  const args = [access.url, caFile, access.token, namespace, String(inFlight)];
  await using noise = new Child("./noise.ts", args);
  const before = await noise.message<NoiseCounts>();
  const beside = await measure(noisyMs);
  const after = await noise.ask<NoiseCounts>();
  const perSecond = (count: (counts: NoiseCounts) => number) =>
    ((count(after) - count(before)) / noisyMs) * 1_000;
  return [
    ...delays("fairness: a GET, alone", alone.gets.tookMs),
    ...delays(`fairness: a GET, beside ${inFlight} requests in flight`, beside.gets.tookMs),
    ...delays("fairness: a create, alone", alone.creates.tookMs),
    ...delays(`fairness: a create, beside ${inFlight} requests in flight`, beside.creates.tookMs),
    { name: "  requests of the noisy client served", value: perSecond(({ served }) => served), unit: "/s" },
    {
      name: "  requests of the noisy client refused (429)",
      value: perSecond(({ refused }) => refused),
      unit: "/s",
    },
    { name: "  connections it had to open again", value: after.connections - before.connections, unit: "" },
  ];
}
