import { expect, test } from "vitest";
import type { NodeConnection } from "../model.ts";
import { assessNodeHealth, type NodeHealthMemory } from "./node-health.ts";

const lostAfterMs = 1_000;
const nowMs = 10_000;
const normal: NodeHealthMemory = { kind: "normal", sinceMs: 0 };

function nodes(connected: number, suspectSinceMs: readonly number[] = [], lost = 0) {
  const connections: NodeConnection[] = [
    ...Array.from({ length: connected }, (): NodeConnection => ({ kind: "connected" })),
    ...suspectSinceMs.map((sinceMs): NodeConnection => ({ kind: "suspect", sinceMs })),
    ...Array.from({ length: lost }, (): NodeConnection => ({ kind: "lost" })),
  ];
  return connections.map((connection, i) => ({ name: `n${i}`, connection }));
}

test.each([
  { name: "all connected", nodes: nodes(3), lost: [], wakeAtMs: undefined },
  { name: "no nodes", nodes: nodes(0), lost: [], wakeAtMs: undefined },
  { name: "silent, not long enough", nodes: nodes(2, [9_500]), lost: [], wakeAtMs: 10_500 },
  { name: "silent for long", nodes: nodes(2, [9_000]), lost: ["n2"], wakeAtMs: undefined },
  { name: "the earliest wakes", nodes: nodes(5, [9_000, 9_600, 9_300]), lost: ["n5"], wakeAtMs: 10_300 },
  { name: "the only node", nodes: nodes(0, [1]), lost: ["n0"], wakeAtMs: undefined },
  { name: "one of two", nodes: nodes(1, [1]), lost: ["n1"], wakeAtMs: undefined },
  { name: "both of two", nodes: nodes(0, [1, 1]), lost: [], wakeAtMs: undefined },
  { name: "half of many", nodes: nodes(2, [1, 1]), lost: ["n2", "n3"], wakeAtMs: undefined },
  {
    name: "55 % of many",
    nodes: nodes(
      9,
      Array.from({ length: 11 }, () => 1),
    ),
    lost: [],
    wakeAtMs: undefined,
  },
  { name: "lost ones are silent too", nodes: nodes(9, [1], 10), lost: [], wakeAtMs: undefined },
  { name: "two of three, one of them lost before", nodes: nodes(1, [1], 1), lost: [], wakeAtMs: undefined },
])("assessNodeHealth: $name", ({ nodes, lost, wakeAtMs }) => {
  const health = assessNodeHealth({ nodes, nowMs, lostAfterMs, memory: normal });
  expect(health.lost).toEqual(lost);
  expect(health.wakeAtMs).toBe(wakeAtMs);
});

test("assessNodeHealth: when mass silence ends, those still silent get the whole time again", () => {
  const during = assessNodeHealth({ nodes: nodes(1, [1, 1, 1]), nowMs, lostAfterMs, memory: normal });
  expect(during.memory.kind).toBe("massSilence");
  const back = nodes(3, [1]);
  const after = assessNodeHealth({ nodes: back, nowMs: nowMs + 100, lostAfterMs, memory: during.memory });
  expect(after).toMatchObject({ lost: [], wakeAtMs: nowMs + 100 + lostAfterMs });
  const later = assessNodeHealth({ nodes: back, nowMs: nowMs + 1_100, lostAfterMs, memory: after.memory });
  expect(later.lost).toEqual(["n3"]);
});
