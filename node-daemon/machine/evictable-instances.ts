import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";
import type { NodeAgent } from "../agent.ts";
import type { EvictionCandidate } from "./core/eviction-order.ts";
import { pressureLimits } from "./core/limits.ts";
import type { EvictableInstances } from "./pressure-watch.ts";

export interface InstancesOptions {
  readonly agent: Pick<NodeAgent, "evictable" | "evict" | "aliveCount">;
  /** `<folder>/<uid>` has what an instance has on the disk: its logs, its emptyDirs. */
  readonly folder: string;
  readonly countMax: number;
}

/** The agent's instances, in the words of whoever evicts. */
export function evictableInstances({ agent, folder, countMax }: InstancesOptions): EvictableInstances {
  return {
    get count() {
      return agent.aliveCount;
    },
    countMax,
    memoryCandidates: () =>
      agent.evictable().map(({ requestBytes, memoryBytes, ...instance }) => ({
        ...instance,
        request: requestBytes,
        usage: memoryBytes || pressureLimits.memoryBytesUnknown,
      })),
    async diskCandidates() {
      const candidates: EvictionCandidate[] = [];
      const budget = { entries: pressureLimits.diskEntriesMax };
      for (const { requestBytes: _, memoryBytes: __, ...instance } of agent.evictable()) {
        const usage = await bytesBelow(join(folder, instance.uid), budget);
        if (usage >= pressureLimits.diskBytesMin) candidates.push({ ...instance, request: 0, usage });
      }
      return candidates;
    },
    evict: (uid, message) => agent.evict(uid, message),
  };
}

/** Follows no link. What disappears meanwhile counts for nothing. */
async function bytesBelow(root: string, budget: { entries: number }): Promise<number> {
  let bytes = 0;
  const folders = [root];
  for (let folder = folders.pop(); folder !== undefined && budget.entries > 0; folder = folders.pop()) {
    const directory = await opendir(folder).catch(() => undefined);
    if (!directory) continue;
    for await (const entry of directory) {
      if (--budget.entries <= 0) break;
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else bytes += (await lstat(path).catch(() => undefined))?.blocks ?? 0;
    }
  }
  return bytes * blockBytes;
}

/** Of `st_blocks`. */
const blockBytes = 512;
