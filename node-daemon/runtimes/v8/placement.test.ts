import { expect, test } from "vitest";
import { refusalOf } from "./placement.ts";
import type { OwnShimNeeds, ShimNeeds } from "./shim-needs.ts";

const own: OwnShimNeeds = {
  kind: "own",
  namespace: "n",
  isolation: "process",
  run: { uid: "a", run: 0 },
  beside: false,
  heapMb: undefined,
  readOnlyPaths: [],
  writablePaths: [],
  network: false,
  memoryBytesMax: 1,
  cpuMillisMax: undefined,
};
const shared: ShimNeeds = { kind: "shared", namespace: "n" };
const room = { tiers: ["shared", "process"], own: 0, shared: 0, processesMax: 10 } as const;

test.each([
  { name: "there is room", needs: own, room: { own: 9, shared: 10 }, reason: undefined },
  { name: "as many have one of their own", needs: own, room: { own: 10 }, reason: "ProcessesExhausted" },
  {
    name: "shared ones have room of their own",
    needs: shared,
    room: { own: 10, shared: 9 },
    reason: undefined,
  },
  { name: "as many are shared", needs: shared, room: { shared: 10 }, reason: "ProcessesExhausted" },
  { name: "a probe on a full node", needs: { ...own, beside: true }, room: { own: 17 }, reason: undefined },
  {
    name: "one probe too many",
    needs: { ...own, beside: true },
    room: { own: 18 },
    reason: "ProcessesExhausted",
  },
  {
    name: "no such tier",
    needs: { ...own, isolation: "confined" as const },
    room: {},
    reason: "IsolationUnavailable",
  },
])("refusalOf: $name", (row) => {
  expect(refusalOf(row.needs, { ...room, ...row.room })?.reason).toBe(row.reason);
});
