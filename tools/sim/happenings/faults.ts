/** What goes wrong in a cluster. Each fault ends by its counterpart, by another roll of the same, or in `endFaults`. */
import type { Cluster } from "../cluster.ts";
import { objectsIn } from "../objects-in.ts";
import { goodManners } from "../simulated-backend.ts";
import { type Happening, someMachine } from "./happening.ts";

const schedulersMax = 3;

export const faults: readonly Happening[] = [
  {
    name: "cut session",
    weight: 4,
    happen({ cluster }) {
      const machine = someMachine(cluster);
      if (machine !== undefined) cluster.cutWires(machine);
      return machine && `the session of ${machine.id} breaks`;
    },
  },
  {
    name: "cut off machine",
    weight: 3,
    happen({ cluster }) {
      const machine = someMachine(cluster);
      if (machine === undefined) return undefined;
      if (cluster.cutOff.delete(machine)) return `${machine.id} is reached again`;
      cluster.cutOff.add(machine);
      cluster.cutWires(machine);
      return `${machine.id} is cut off`;
    },
  },
  {
    name: "cut off many",
    weight: 0.5,
    happen({ cluster }) {
      for (const machine of cluster.machines) {
        if (!cluster.dice.chance(0.8)) continue;
        cluster.cutOff.add(machine);
        cluster.cutWires(machine);
      }
      return "most machines are cut off";
    },
  },
  {
    name: "reach all",
    weight: 2,
    happen({ cluster }) {
      if (cluster.cutOff.size === 0) return undefined;
      cluster.cutOff.clear();
      return "all machines are reached";
    },
  },
  {
    name: "slow machine",
    weight: 1,
    happen({ cluster }) {
      const machine = someMachine(cluster);
      if (machine !== undefined) machine.slowness = cluster.dice.pick([1, 1, 10, 100]);
      return machine && `${machine.id} is ${machine.slowness} times slower`;
    },
  },
  {
    name: "slow network",
    weight: 1,
    happen({ cluster }) {
      cluster.wireDelayMsMax = cluster.dice.pick([1, 5, 5, 100, 1_500]);
      return `messages take up to ${cluster.wireDelayMsMax} ms`;
    },
  },
  {
    name: "daemon crash",
    weight: 3,
    happen({ cluster }) {
      const machine = someMachine(cluster);
      if (machine === undefined) return undefined;
      if (machine.isUp) {
        cluster.crashDaemon(machine);
        if (cluster.dice.chance(0.4)) return `the daemon of ${machine.id} dies`;
      }
      void machine.start();
      return `the daemon of ${machine.id} starts anew`;
    },
  },
  {
    name: "reboot",
    weight: 1,
    happen({ cluster }) {
      const machine = someMachine(cluster);
      if (machine === undefined) return undefined;
      cluster.reboot(machine);
      if (cluster.dice.chance(0.7)) void machine.start();
      return `${machine.id} reboots`;
    },
  },
  {
    name: "other allocatable",
    weight: 1,
    happen({ cluster }) {
      const machine = someMachine(cluster);
      if (machine === undefined) return undefined;
      const { dice } = cluster;
      const cpuMillis = dice.pick([0, 500, 1_000, 2_000, 4_000]);
      machine.allocatable = { ...machine.allocatable, cpuMillis, instances: dice.pick([0, 4, 20, 1_000]) };
      cluster.crashDaemon(machine);
      void machine.start();
      return `${machine.id} starts anew with ${JSON.stringify(machine.allocatable)}`;
    },
  },
  {
    name: "twin",
    weight: 0.7,
    happen({ cluster }) {
      const twin = [...cluster.machines].find(({ isTwin }) => isTwin);
      if (twin !== undefined) {
        cluster.removeMachine(twin);
        return `${twin.id}, the second ${twin.name}, goes`;
      }
      const machine = someMachine(cluster);
      if (machine === undefined) return undefined;
      const { id, name } = cluster.addMachine(machine.allocatable, machine.labels, machine.name);
      return `${id} comes, with the name of ${name}`;
    },
  },
  {
    name: "absurd node",
    weight: 1,
    happen({ cluster }) {
      const name = `n${1 + cluster.dice.below(9)}`;
      const what = cluster.babble(name);
      return what && `somebody says as ${name}: ${what}`;
    },
  },
  {
    name: "shim crash",
    weight: 1,
    happen({ cluster }) {
      const machine = someMachine(cluster);
      machine?.host.loseSome();
      return machine && `a process of ${machine.id} that hosts instances dies`;
    },
  },
  {
    name: "full disk",
    weight: 1,
    happen({ cluster }) {
      const machine = someMachine(cluster);
      if (machine !== undefined) machine.disk.isFull = !machine.disk.isFull;
      return machine && `the disk of ${machine.id} is ${machine.disk.isFull ? "full" : "writable"}`;
    },
  },
  {
    name: "pressure",
    weight: 2,
    happen({ cluster }) {
      const machine = someMachine(cluster);
      if (machine === undefined) return undefined;
      const isShort = cluster.dice.chance(0.5);
      const type = cluster.dice.pick(["MemoryPressure", "DiskPressure", "InstancePressure"]);
      machine.setPressure(isShort ? type : undefined);
      if (isShort)
        for (const uid of machine.aliveUids().slice(0, 2)) machine.agent?.evict(uid, "the node runs short");
      return `${machine.id} has ${isShort ? type : "no pressure"}`;
    },
  },
  {
    name: "clock jump",
    weight: 1,
    happen({ cluster: { machines, schedulers, dice } }) {
      const clocks = [...machines, ...schedulers].flatMap(({ clock }) => clock ?? []);
      const jumpMs = dice.pick([-3_600_000, -5_000, 5_000, 3_600_000]);
      if (clocks.length > 0) dice.pick(clocks).jump(jumpMs);
      return `a wall clock jumps by ${jumpMs / 1000} s`;
    },
  },
  {
    name: "scheduler restart",
    weight: 2,
    happen({ cluster }) {
      const { leader, dice } = cluster;
      if (leader === undefined) return undefined;
      const isOrderly = dice.chance(0.3);
      if (isOrderly) cluster.stopScheduler(leader);
      else cluster.crashScheduler(leader);
      const next = cluster.addScheduler();
      return `${leader.name} ${isOrderly ? "stops" : "dies"}, ${next.name} begins`;
    },
  },
  {
    name: "second leader",
    weight: 1.5,
    happen({ cluster }) {
      const { leader, schedulers, machines, dice } = cluster;
      if (leader === undefined || schedulers.length >= schedulersMax) return undefined;
      const isFenced = dice.chance(0.5);
      if (isFenced) cluster.fence(leader);
      for (const machine of machines) if (dice.chance(0.5)) cluster.detours.set(machine, leader);
      const next = cluster.addScheduler();
      for (const machine of machines) if (dice.chance(0.5)) cluster.cutWires(machine);
      return `${next.name} begins, while ${leader.name} goes on${isFenced ? ", its writes refused" : ""}`;
    },
  },
  {
    name: "stray machine",
    weight: 2,
    happen({ cluster }) {
      const old = cluster.schedulers.at(0);
      const machine = someMachine(cluster);
      if (machine === undefined || old === undefined || old === cluster.leader) return undefined;
      if (!cluster.detours.delete(machine)) cluster.detours.set(machine, old);
      cluster.cutWires(machine);
      return `${machine.id} reaches ${(cluster.detours.get(machine) ?? cluster.leader)?.name} now`;
    },
  },
  {
    name: "one leader",
    weight: 2,
    happen({ cluster }) {
      const old = cluster.schedulers.slice(0, -1);
      for (const scheduler of old) cluster.crashScheduler(scheduler);
      return old.length === 0 ? undefined : `${old.map(({ name }) => name).join(", ")} die at last`;
    },
  },
  {
    name: "bad store",
    weight: 2,
    happen({ cluster: { leader, dice } }) {
      if (leader === undefined) return undefined;
      leader.backend.manners = dice.pick([
        goodManners,
        { delayMsMax: 2_000, refused: 0, answerLost: 0 },
        { delayMsMax: 5, refused: 0.5, answerLost: 0 },
        { delayMsMax: 50, refused: 0.1, answerLost: 0.4 },
        { delayMsMax: 5, refused: 1, answerLost: 0 },
      ]);
      return `the store of ${leader.name} behaves: ${JSON.stringify(leader.backend.manners)}`;
    },
  },
];

/**
 * Everything works again, from now on. Nodes without a machine are deleted, as people must: when they are most of all nodes, a
 * scheduler that starts takes that for a fault of its own, and waits.
 */
export function endFaults(cluster: Cluster): void {
  cluster.isCalm = true;
  cluster.cutOff.clear();
  cluster.detours.clear();
  cluster.wireDelayMsMax = 2;
  for (const scheduler of cluster.schedulers.slice(0, -1)) cluster.crashScheduler(scheduler);
  for (const scheduler of cluster.schedulers) scheduler.backend.manners = goodManners;
  for (const machine of cluster.machines) {
    if (machine.isTwin) cluster.removeMachine(machine);
  }
  const names = new Set([...cluster.machines].map(({ name }) => name));
  for (const node of objectsIn(cluster.store, "wasmnodes"))
    if (!names.has(node.metadata.name)) cluster.store.remove("wasmnodes", node);
  for (const machine of cluster.machines) {
    machine.slowness = 1;
    machine.disk.isFull = false;
    machine.setPressure(undefined);
    machine.host.hurry();
    void machine.start();
  }
}
