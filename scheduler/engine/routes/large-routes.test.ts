/** What thousands of nodes and a hundred thousand instances cost, counted and not timed. */
import { expect, test } from "vitest";
import { FakeClock } from "../../../kit/fake-clock.ts";
import type { Instance, ObservedStatus } from "../../core/model.ts";
import { anInstance, aStatus } from "../../core/testing/builders.ts";
import { ChangeLog } from "../../core/routes/change-log.ts";
import type { GatewayUpdate, NodeSession } from "../../nodes/node-port.ts";
import { GatewayFeeds } from "./gateway-feeds.ts";
import { GatewayTable } from "./gateway-table.ts";
import { WorkloadBoard } from "./workload-board.ts";

const nodeCount = 5_000;
const perNode = 20;
const uid = "web";

function ready(at: number, observed: ObservedStatus): Instance {
  const state = { kind: "bound", nodeName: `n${Math.floor(at / perNode)}`, observed } as const;
  return anInstance(`i${at}`, {
    owner: { kind: "WasmDeployment", name: "web", uid },
    templateHash: "t",
    state,
  });
}

test("Routing: a workload of 100,000 instances on 5,000 nodes costs what has changed, and each gateway 64 nodes", () => {
  const clock = new FakeClock();
  const log = new ChangeLog();
  const yes = aStatus({ ready: true });
  const instances = Array.from({ length: nodeCount * perNode }, (_, at) => ready(at, yes));
  const told = new Map<string, GatewayUpdate[]>();
  const table: GatewayTable = new GatewayTable({
    log,
    board: () => board,
    gateway: (name) => ({ address: `${name}:1`, urls: [] }),
    isKnown: () => true,
    ticketKeys: [],
  });
  const board: WorkloadBoard = new WorkloadBoard({
    instancesOf: () => instances,
    changed: (workload) => table.workloadChanged(workload),
    awake: () => {},
  });
  let isAgain = false;
  const feeds = new GatewayFeeds({
    clock,
    log,
    // Only what is asked of it here.
    session: (name) =>
      ({ updateGateway: (update: GatewayUpdate) => told.get(name)?.push(update) }) as unknown as NodeSession,
    updateFor: (name, since) => table.updateFor(name, since),
    told: (version) => board.forget(version),
    again: () => (isAgain = true),
  });
  const runAll = () => {
    for (let turns = 0; turns < 1_000; turns++) {
      isAgain = false;
      feeds.run();
      clock.advance(100);
      if (!isAgain && told.size > 0) feeds.run();
    }
  };
  const take = () => {
    const updates = [...told.values()].flatMap((list) => list.splice(0));
    return {
      updates: updates.length,
      nodes: updates.map(({ workloads }) => workloads[0]?.nodes.length ?? 0),
    };
  };
  table.putWorkload({ uid, namespace: "d", kind: "WasmDeployment", name: "web", wakes: false });
  board.watch(uid);
  feeds.open();
  for (let at = 0; at < nodeCount; at++) {
    told.set(`n${at}`, []);
    feeds.registered(`n${at}`);
  }
  runAll();
  const first = take();
  expect(first.updates).toBe(nodeCount);
  expect(new Set(first.nodes)).toEqual(new Set([64]));

  // One instance is not ready any more: those that are told of its node hear of it, and no others.
  const [one] = instances;
  if (!one) throw new Error("there is no instance");
  const after = ready(0, aStatus({ ready: false }));
  board.instanceChanged({ kind: "updated", instance: after, before: one, freedOn: undefined });
  runAll();
  expect(take().updates).toBe(64);

  // All of a node go: the same, and each hears of it once.
  for (const instance of instances.slice(perNode, 2 * perNode))
    board.instanceChanged({ kind: "removed", instance, before: instance, freedOn: undefined });
  runAll();
  expect(take().updates).toBe(64);
  expect(board.ring(uid)?.size).toBe(nodeCount - 1);
});
