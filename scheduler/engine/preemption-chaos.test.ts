/**
 * Random workloads of several priorities, gangs among them, on nodes that come, go and are cordoned, with victims that take their
 * time. What must hold at each step, and in the end.
 */
import { expect, test } from "vitest";
import { seededRandom } from "../../kit/random.ts";
import { type PriorityName, startCompetition } from "../testing/competing-workloads.ts";
import type { FakeNode } from "../testing/fake-node.ts";

const cpusPerNode = 3;
const stepCount = 60;
const nodeNames = ["a", "b", "c"];

async function startChaos(seed: number) {
  const competition = await startCompetition(undefined, seed);
  const random = seededRandom(seed);
  const pick = (n: number) => Math.floor(random.fraction() * n);
  const nodes = new Map<string, FakeNode>();
  const connect = (name: string) => nodes.set(name, competition.node(name, cpusPerNode));
  for (const name of nodeNames) connect(name);
  const priority = (): PriorityName => (["low", "middle", "high", "patient"] as const)[pick(4)] ?? "low";
  const cordon = (name: string, unschedulable: boolean) => {
    const { backend } = competition;
    const object = backend.get({ group: "wherry.dev", plural: "wasmnodes" }, "", name);
    if (object) backend.put("wasmnodes", { ...object, spec: { unschedulable } });
  };
  const oneNode = () => [...nodes.values()][pick(nodes.size)];
  const happenings = [
    () => competition.deploy(`d${pick(4)}`, 1 + pick(5), priority(), 1 + pick(2)),
    () => competition.gang(`g${pick(1_000)}`, 1 + pick(7), priority()),
    () => competition.remove("wasmdeployments", `d${pick(4)}`),
    () => competition.remove("wasmjobs", oneJob(competition, pick)),
    () => oneNode()?.endStopped(1 + pick(2)),
    () => oneNode()?.endStopped(),
    () => oneNode()?.runAll(),
    () => finish(oneNode(), pick),
    () => cordon(nodeNames[pick(3)] ?? "a", pick(2) === 0),
    () => {
      const node = oneNode();
      if (!node || nodes.size === 1) return;
      node.disconnect();
      nodes.delete(node.nodeName);
    },
    () => {
      const [gone] = nodeNames.filter((name) => !nodes.has(name));
      if (gone !== undefined) connect(gone);
    },
  ];
  const step = async () => {
    happenings[pick(happenings.length)]?.();
    // Now and then long enough for a gang's turn to come.
    await competition.pass(pick(10) === 0 ? 20_000 : 100 + 100 * pick(5));
  };
  /** Everybody who was told to stop does, all nodes are there, and time passes. */
  const settle = async () => {
    for (const name of nodeNames) {
      cordon(name, false);
      if (!nodes.has(name)) connect(name);
    }
    for (let round = 0; round < 12; round++) {
      for (const node of nodes.values()) {
        node.runAll();
        node.endStopped();
      }
      await competition.pass(3_000);
    }
  };
  return { ...competition, step, settle };
}

type Chaos = Awaited<ReturnType<typeof startCompetition>>;

function oneJob({ instances }: Chaos, pick: (n: number) => number): string {
  const names = [...new Set(instances().map(({ owner }) => owner.name))].filter((name) =>
    name.startsWith("g"),
  );
  return names[pick(names.length)] ?? "";
}

/** A job's instance ends by itself. */
function finish(node: FakeNode | undefined, pick: (n: number) => number): void {
  const running = [...(node?.held ?? [])].filter(
    ([, { instance, status }]) => instance.slot !== undefined && status.phase === "Running",
  );
  const [uid] = running[pick(running.length)] ?? [];
  if (uid !== undefined) node?.report(uid, { phase: "Succeeded", ready: false, exitCode: 0, finishedMs: 2 });
}

interface Occupant {
  readonly nodeName: string;
  readonly priority: number;
  readonly cpus: number;
  readonly kind: "bound" | "stopping" | "nominated";
}

/** Whoever takes room of a node, or has it reserved. */
function occupants({ instances }: Chaos): readonly Occupant[] {
  return instances().flatMap(({ state, priority, requests }): readonly Occupant[] => {
    const cpus = requests.cpuMillis / 1_000;
    if (state.kind === "bound" || state.kind === "stopping")
      return [{ nodeName: state.nodeName, priority, cpus, kind: state.kind }];
    if (state.kind === "ended" || state.nominatedNode === undefined) return [];
    return [{ nodeName: state.nominatedNode, priority, cpus, kind: "nominated" }];
  });
}

function cpusOf(taken: readonly Occupant[]): number {
  return taken.reduce((sum, { cpus }) => sum + cpus, 0);
}

function expectInvariants(chaos: Chaos): void {
  const taken = occupants(chaos).filter(({ kind }) => kind !== "nominated");
  for (const name of nodeNames)
    expect(cpusOf(taken.filter(({ nodeName }) => nodeName === name))).toBeLessThanOrEqual(cpusPerNode);
  const gangs = new Map<string, { nominated: number; waiting: number }>();
  for (const { owner, state, slot } of chaos.instances()) {
    if (slot === undefined || state.kind !== "pending") continue;
    const gang = gangs.get(owner.uid) ?? { nominated: 0, waiting: 0 };
    gangs.set(owner.uid, gang);
    gang[state.nominatedNode === undefined ? "waiting" : "nominated"]++;
  }
  // Those that hold places and wait for more at once: only the gang whose turn it is.
  const collecting = [...gangs.values()].filter(({ nominated, waiting }) => nominated > 0 && waiting > 0);
  expect(collecting.length).toBeLessThanOrEqual(1);
}

/** Nobody waits who could have a place, or take one from lower ones. Gangs may: they need several at once. */
function expectOrder(chaos: Chaos): void {
  const taken = occupants(chaos);
  for (const { slot, state, priority, preempts, requests } of chaos.instances()) {
    if (slot !== undefined || state.kind !== "pending" || state.nominatedNode !== undefined) continue;
    for (const name of nodeNames) {
      const inTheWay = taken.filter(
        (other) => other.nodeName === name && (!preempts || other.priority >= priority),
      );
      expect(cpusPerNode - cpusOf(inTheWay)).toBeLessThan(requests.cpuMillis / 1_000);
    }
  }
}

test.each(Array.from({ length: 20 }, (_, seed) => seed))(
  "Engine: whatever happens, no node holds too much, no two gangs hold half, nobody waits for a lower one, seed %i",
  async (seed) => {
    const chaos = await startChaos(seed);
    for (let n = 0; n < stepCount; n++) {
      await chaos.step();
      expectInvariants(chaos);
    }
    await chaos.settle();
    expectInvariants(chaos);
    expectOrder(chaos);
    await chaos.engine.close();
  },
);
