import type { Figure } from "../figure.ts";
import { Audience } from "./audience.ts";
import type { Access, Connection } from "./connection.ts";
import { closedLoop, delays, percentile } from "./load.ts";
import { createNamespace } from "./objects.ts";

const watchers = 200;
const writes = 1_000;
const pacedWrites = 300;
const pacedEveryMs = 10;

/** Creates seen by 200 watchers, each on a connection of its own: by a writer in a hurry, and by one that is not. */
export async function measureFanOut(access: Access, control: Connection): Promise<readonly Figure[]> {
  const namespace = "fan-out";
  await createNamespace(control, namespace);
  using audience = await Audience.open(access, namespace, watchers);
  // Every watch is told of this one: so all of them stand before the first write that counts.
  await control.expect(201, audience.next());
  await audience.heard();

  audience.delaysMs = [];
  const beginMs = performance.now();
  const { tookMs } = await closedLoop([control], 201, { ms: 30_000, count: writes }, () => audience.next());
  await audience.heard();
  const seconds = (performance.now() - beginMs) / 1_000;
  const hurried = audience.delaysMs;

  audience.delaysMs = [];
  for (let at = 0; at < pacedWrites; at++) {
    const due = new Promise((resolve) => setTimeout(resolve, pacedEveryMs));
    await Promise.all([control.expect(201, audience.next()), due]);
  }
  await audience.heard();
  return [
    {
      name: `watch: ${writes} writes, one after the other, to ${watchers} watchers`,
      value: hurried.length / seconds,
      unit: "events/s",
    },
    { name: "  start of a write to its answer, p50", value: percentile(tookMs, 0.5), unit: "ms" },
    ...delays("  start of a write to each watcher", hurried),
    ...delays(`watch: a write every ${pacedEveryMs} ms, its start to each watcher`, audience.delaysMs),
  ];
}
