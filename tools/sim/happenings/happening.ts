import type { Checks } from "../checks/checks.ts";
import type { Cluster } from "../cluster.ts";
import type { Machine } from "../machine.ts";

export interface Scene {
  readonly cluster: Cluster;
  readonly checks: Checks;
  /** Machines that the cluster is to keep about. */
  readonly machinesWanted: number;
}

/** Something that may happen to a cluster at any time. */
export interface Happening {
  /** For people, and to leave it out: see `--without`. */
  readonly name: string;
  /** How often, beside the others. */
  readonly weight: number;
  /** Answers what it did, for the trace; undefined where there was nothing to do. */
  happen(scene: Scene): string | undefined;
}

export function someMachine({ machines, dice }: Cluster): Machine | undefined {
  return machines.size === 0 ? undefined : dice.pick([...machines]);
}
