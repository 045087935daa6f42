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

async function startChaos(seed: number) {
  const competition = await startCompetition(undefined, seed);
  const random = seededRandom(seed);
  const pick = (n: number) => Math.floor(random.fraction() * n);
  const nodes = new Map<string, FakeNode>();
  const connect = (name: string) => nodes.set(name, competition.node(name, cpusPerNode));
  for (const name of ["a", "b", "c"]) connect(name);
  const priority = (): PriorityName => (["low", "middle", "high", "patient"] as const)[pick(4)] ?? "low";
  const cordon = (name: string, unschedulable: boolean) => {
    const { backend } = competition;
    const object = backend.get({ group: "wherry.dev", plural: "wasmnodes" }, "", name);
    if (object) backend.put("wasmnodes", { ...object, spec: { unschedulable } });
  };
  const oneNode = () => [...nodes.values()][pick(nodes.size)];
  const happenings = [
    () => competition.deploy(`d${pick(4)}`, 1 + pick(5), priority()),
    () => competition.gang(`g${pick(1_000)}`, 1 + pick(7), priority()),
    () => competition.remove("wasmdeployments", `d${pick(4)}`),
    () => competition.remove("wasmjobs", oneJob(competition, pick)),
    () => oneNode()?.endStopped(1 + pick(2)),
    () => oneNode()?.endStopped(),
    () => oneNode()?.runAll(),
    () => finish(oneNode(), pick),
    () => cordon(["a", "b", "c"][pick(3)] ?? "a", pick(2) === 0),
    () => {
      const node = oneNode();
      if (!node || nodes.size === 1) return;
      node.disconnect();
      nodes.delete(node.nodeName);
    },
    () => {
      const [gone] = ["a", "b", "c"].filter((name) => !nodes.has(name));
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
    for (const name of ["a", "b", "c"]) {
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

function expectInvariants({ instances }: Chaos): void {
  const placed = new Map<string, number>();
  const gangs = new Map<string, { nominated: number; waiting: number }>();
  for (const { owner, state, slot } of instances()) {
    if (state.kind === "bound" || state.kind === "stopping")
      placed.set(state.nodeName, (placed.get(state.nodeName) ?? 0) + 1);
    if (slot === undefined || state.kind !== "pending") continue;
    const gang = gangs.get(owner.uid) ?? { nominated: 0, waiting: 0 };
    gangs.set(owner.uid, gang);
    gang[state.nominatedNode === undefined ? "waiting" : "nominated"]++;
  }
  for (const count of placed.values()) expect(count).toBeLessThanOrEqual(cpusPerNode);
  // Those that hold places and wait for more at once: only the gang whose turn it is.
  const collecting = [...gangs.values()].filter(({ nominated, waiting }) => nominated > 0 && waiting > 0);
  expect(collecting.length).toBeLessThanOrEqual(1);
}

/** Nobody waits who could have a place, or take one. Gangs may: they need several at once. */
function expectOrder({ instances }: Chaos): void {
  const all = instances();
  const placed = all.filter(({ state }) => state.kind === "bound");
  const isFull = placed.length >= 3 * cpusPerNode;
  for (const { slot, state, priority, preempts } of all) {
    if (slot !== undefined || state.kind !== "pending") continue;
    expect(isFull || all.some((one) => one.slot !== undefined && one.state.kind === "pending")).toBe(true);
    if (preempts) expect(placed.filter((other) => other.priority < priority)).toEqual([]);
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
