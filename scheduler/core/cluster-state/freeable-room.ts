import type { NodeCapacity } from "../model.ts";

/** Sums that change in place: placing an instance must not cost an object per node and priority. */
export interface Room {
  cpuMillis: number;
  memoryBytes: number;
  instances: number;
  processes: number;
}

export interface PriorityRoom extends Room {
  readonly priority: number;
}

export type Occupancy = "bound" | "nominated" | "stopping";

/**
 * What of a node's committed could become free again, by who would have to give way. Preemption reads it to see in a few steps
 * that a node is hopeless, whatever number of instances it has. Extended resources are not in it: few nodes have any,
 * and the exact look at a node counts them.
 *
 * Invariant: the three together are the node's committed, extended resources aside.
 */
export class FreeableRoom {
  /** Room of stopping instances, which nobody has to give up any more. */
  readonly stopping: Room = noRoom();
  /** Bound instances by priority, the lowest first. As many entries as there are PriorityClasses in use here. */
  readonly bound: PriorityRoom[] = [];
  /** Room that is reserved for nominated instances, by their priority, the lowest first. */
  readonly nominated: PriorityRoom[] = [];

  account(occupancy: Occupancy, priority: number, footprint: NodeCapacity, sign: 1 | -1): void {
    if (occupancy === "stopping") {
      add(this.stopping, footprint, sign);
      return;
    }
    const levels = occupancy === "bound" ? this.bound : this.nominated;
    let place = 0;
    for (let level = levels[place]; level !== undefined && level.priority < priority; level = levels[place])
      place++;
    let level = levels[place];
    if (level?.priority !== priority) {
      level = { priority, ...noRoom() };
      levels.splice(place, 0, level);
    }
    add(level, footprint, sign);
    if (level.instances === 0) levels.splice(place, 1);
  }
}

function noRoom(): Room {
  return { cpuMillis: 0, memoryBytes: 0, instances: 0, processes: 0 };
}

function add(room: Room, footprint: NodeCapacity, sign: 1 | -1): void {
  room.cpuMillis += footprint.cpuMillis * sign;
  room.memoryBytes += footprint.memoryBytes * sign;
  room.instances += footprint.instances * sign;
  room.processes += footprint.processes * sign;
}
