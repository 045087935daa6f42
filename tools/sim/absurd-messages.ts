import type { NodeMessage } from "../../proto/gen/wherry/v1/NodeMessage.ts";
import { protocolVersion } from "../../proto/node-service.ts";
import type { Dice } from "../soak/dice.ts";

/** What a session may begin with when whoever speaks is broken, or means harm. */
export function absurdMessages(nodeName: string, dice: Dice): readonly NodeMessage[] {
  const capacity = { cpuMillis: 1_000, memoryBytes: 2 ** 30, instances: 10, processes: 1 };
  const hello = { nodeName, protocolVersion, capacity, allocatable: capacity, bootId: "nobody" };
  const absurd = dice.pick([2 ** 60, 2 ** 53, -1]);
  const strange = { uid: "u1", phase: dice.pick(["Dancing", ""]), sequence: 1 };
  const assignment = { uid: "", templateId: "t", owner: { kind: "WasmWidget", name: "w", uid: "w" } };
  return dice.pick<readonly NodeMessage[]>([
    [{ hello: { ...hello, allocatable: { ...capacity, cpuMillis: absurd } } }],
    [{ hello: { ...hello, allocatable: { ...capacity, memoryBytes: absurd, instances: absurd } } }],
    [{ hello: { ...hello, nodeName: "another" } }],
    [{ hello: { ...hello, nodeName: "" } }],
    [{ hello: { ...hello, protocolVersion: 99 } }],
    [{ hello }, { hello }],
    [{ hello: { ...hello, gatewayAddress: "nowhere" } }],
    [{ hello }, { wakeUp: { workloadUids: Array.from({ length: 501 }, (_, at) => `u${at}`) } }],
    [{ hello }, { traffic: { workloads: [{ uid: "u1", arrived: absurd }] } }],
    [{ hello: { ...hello, metricsAddress: "http://elsewhere/" } }],
    [{ inventory: { instances: [], done: true } }],
    [{ heartbeat: { instances: 3 } }],
    [{ hello }, { status: { statuses: [strange] } }],
    [{ hello }, { inventory: { instances: [{ assignment, status: strange }], done: true } }],
    [
      { hello },
      { inventory: { instances: [], done: true } },
      { conditions: { conditions: [{ type: "Ready", status: true }] } },
    ],
  ]);
}
