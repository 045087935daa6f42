import { expect, test } from "vitest";
import type { InstanceState } from "../model.ts";
import { anInstance, aStatus, pending, startMs } from "../testing/builders.ts";
import { availableAtMs, isAvailable, notYetAvailable } from "./availability.ts";

const readySince = (readySinceMs: number | undefined): InstanceState => ({
  kind: "bound",
  nodeName: "n1",
  observed: aStatus({ readySinceMs }),
});
const nowMs = startMs + 60_000;

test.each<{
  readonly name: string;
  readonly state: InstanceState;
  readonly minReadySeconds: number;
  readonly expected: boolean;
  readonly atMs: number | undefined;
}>([
  { name: "no node", state: pending, minReadySeconds: 0, expected: false, atMs: undefined },
  {
    name: "ready just now, which is enough",
    state: readySince(nowMs),
    minReadySeconds: 0,
    expected: true,
    atMs: nowMs,
  },
  {
    name: "ready just now, which is not enough",
    state: readySince(nowMs),
    minReadySeconds: 5,
    expected: false,
    atMs: nowMs + 5_000,
  },
  {
    name: "ready for exactly long enough",
    state: readySince(nowMs - 5_000),
    minReadySeconds: 5,
    expected: true,
    atMs: nowMs,
  },
  {
    name: "ready, its daemon does not say since when",
    state: readySince(undefined),
    minReadySeconds: 5,
    expected: true,
    atMs: Number.NEGATIVE_INFINITY,
  },
  {
    name: "ready before the clock was set back",
    state: readySince(nowMs + 3_600_000),
    minReadySeconds: 5,
    expected: true,
    atMs: Number.NEGATIVE_INFINITY,
  },
])("isAvailable, availableAtMs: $name", ({ state, minReadySeconds, expected, atMs }) => {
  const instance = anInstance("a", { state });
  expect(isAvailable(instance, notYetAvailable(minReadySeconds, nowMs))).toBe(expected);
  expect(availableAtMs(instance, minReadySeconds * 1000, nowMs)).toBe(atMs);
});
