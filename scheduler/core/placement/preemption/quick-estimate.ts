import type { FreeableRoom, PriorityRoom, Room } from "../../cluster-state/freeable-room.ts";
import type { NodeCapacity } from "../../model.ts";
import type { NodeSnapshot } from "../snapshot.ts";

/** Victims counted in an estimate at most; more make no difference to the order of nodes. */
const victimsMax = 2 ** 20 - 2;
/** Makes any priority, which is an int32, a positive number. */
const priorityOffset = 2 ** 31;

/**
 * What making room on a node would cost, from the sums of its priorities alone: 0 if nobody has to go that does not go already,
 * otherwise more the higher the highest victim, then the more victims; Infinity if the room of all that are lower is not enough.
 * It knows of cpu, memory, instances and processes only, so the truth may be worse.
 */
export function estimateCost(
  { node: { allocatable }, committed }: Pick<NodeSnapshot, "node" | "committed">,
  { stopping, bound, nominated }: FreeableRoom,
  footprint: NodeCapacity,
  priority: number,
): number {
  let cpu = lack(footprint.cpuMillis, committed.cpuMillis - stopping.cpuMillis, allocatable.cpuMillis);
  let memory = lack(
    footprint.memoryBytes,
    committed.memoryBytes - stopping.memoryBytes,
    allocatable.memoryBytes,
  );
  let instances = lack(footprint.instances, committed.instances - stopping.instances, allocatable.instances);
  let processes = lack(footprint.processes, committed.processes - stopping.processes, allocatable.processes);
  for (const level of nominated) {
    if (level.priority >= priority) break;
    cpu -= level.cpuMillis;
    memory -= level.memoryBytes;
    instances -= level.instances;
    processes -= level.processes;
  }
  if (cpu <= 0 && memory <= 0 && instances <= 0 && processes <= 0) return 0;
  let victims = 0;
  for (const level of bound) {
    if (level.priority >= priority) break;
    const share = Math.max(
      shareOf(cpu, level.cpuMillis),
      shareOf(memory, level.memoryBytes),
      shareOf(instances, level.instances),
      shareOf(processes, level.processes),
    );
    if (share <= 1) return costOf(level, victims + Math.ceil(share * level.instances));
    victims += level.instances;
    cpu -= level.cpuMillis;
    memory -= level.memoryBytes;
    instances -= level.instances;
    processes -= level.processes;
  }
  return Number.POSITIVE_INFINITY;
}

/** How many such instances the node would have room for without those of this priority and lower ones. */
export function placesWithoutEquals(
  { node: { allocatable }, committed }: Pick<NodeSnapshot, "node" | "committed">,
  { stopping, bound, nominated }: FreeableRoom,
  footprint: NodeCapacity,
  priority: number,
): number {
  const leaving = [stopping, ...[...bound, ...nominated].filter((level) => level.priority <= priority)];
  const places = (resource: keyof Room) => {
    if (footprint[resource] === 0) return Number.POSITIVE_INFINITY;
    let free = allocatable[resource] - committed[resource];
    for (const room of leaving) free += room[resource];
    return Math.floor(free / footprint[resource]);
  };
  const count = Math.min(
    places("cpuMillis"),
    places("memoryBytes"),
    places("instances"),
    places("processes"),
  );
  return count > 0 ? count : 0;
}

/** The priority up to which instances have to give way, as estimated; everything higher may stay as far as room goes. */
export function highestVictimPriority(cost: number): number {
  return cost === 0 ? Number.NEGATIVE_INFINITY : Math.floor(cost / (victimsMax + 2)) - priorityOffset;
}

function costOf({ priority }: PriorityRoom, victims: number): number {
  return (priority + priorityOffset) * (victimsMax + 2) + Math.min(victims, victimsMax) + 1;
}

/** Nothing wanted is never lacking. What is no number lacks for ever. */
function lack(wanted: number, committed: number, allocatable: number): number {
  return wanted === 0 ? Number.NEGATIVE_INFINITY : committed + wanted - allocatable;
}

function shareOf(lacking: number, of: Room[keyof Room]): number {
  return lacking <= 0 ? 0 : lacking / of;
}
