/**
 * Which daemon sets are to be looked at because nodes have changed. Thousands of nodes may come in one turn, and say the same of
 * themselves again and again: a change is noted once for all of them, and only if it can matter to a daemon set.
 */
import { isDeepStrictEqual } from "node:util";
import type { ClusterNode } from "../core/model.ts";
import type { Workload } from "./workloads.ts";

/** A node takes as long to look at as so many instances. */
const instancesPerNode = 4;

export class DaemonSetMarks {
  readonly #uids = new Set<string>();
  /** As last seen. */
  readonly #nodes = new Map<string, ClusterNode>();
  #isDue = false;

  put({ kind, object }: Workload): void {
    if (kind === "WasmDaemonSet") this.#uids.add(object.metadata.uid);
  }

  delete(uid: string): void {
    this.#uids.delete(uid);
  }

  /** `node`: as it is now; undefined: it is gone. */
  nodeChanged(name: string, node: ClusterNode | undefined): void {
    const before = this.#nodes.get(name);
    if (node === undefined) this.#nodes.delete(name);
    else this.#nodes.set(name, node);
    this.#isDue ||= node === undefined || before === undefined ? node !== before : !isAlike(before, node);
  }

  /** Uids of those to be looked at since the last time. */
  take(): Iterable<string> {
    if (!this.#isDue) return [];
    this.#isDue = false;
    return this.#uids;
  }

  /** As how large a workload counts that owns so many instances: a daemon set's controller looks at the nodes, too. */
  sizeOf(uid: string, instanceCount: number): number {
    return this.#uids.has(uid) ? instanceCount + instancesPerNode * this.#nodes.size : instanceCount;
  }
}

/** In what decides whether it gets an instance. */
function isAlike(a: ClusterNode, b: ClusterNode): boolean {
  return (
    a.connection.kind === b.connection.kind &&
    a.unschedulable === b.unschedulable &&
    isDeepStrictEqual(a.labels, b.labels) &&
    isDeepStrictEqual(a.taints, b.taints) &&
    isDeepStrictEqual(a.runtimes, b.runtimes)
  );
}
