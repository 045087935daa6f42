import { expect, test } from "vitest";
import type { NodeTaint, Toleration } from "./model.ts";
import { evictionText, stayUnder } from "./taint-eviction.ts";

const taint = (key: string, effect: NodeTaint["effect"] = "NoExecute"): NodeTaint => ({
  key,
  value: "v",
  effect,
});
const toleration = (key: string, seconds?: number, more: Partial<Toleration> = {}): Toleration => ({
  key,
  operator: "Exists",
  value: "",
  effect: "NoExecute",
  ...(seconds === undefined ? {} : { seconds }),
  ...more,
});

test.each([
  { name: "no taint", taints: [], tolerations: [], seconds: undefined },
  {
    name: "taints of other effects",
    taints: [taint("a", "NoSchedule")],
    tolerations: [],
    seconds: undefined,
  },
  { name: "not tolerated", taints: [taint("a")], tolerations: [], seconds: 0 },
  { name: "another tolerated", taints: [taint("a")], tolerations: [toleration("b")], seconds: 0 },
  { name: "tolerated", taints: [taint("a")], tolerations: [toleration("a")], seconds: undefined },
  {
    name: "tolerated, as everything",
    taints: [taint("a")],
    tolerations: [toleration("", undefined, { effect: "" })],
    seconds: undefined,
  },
  {
    name: "tolerated, with another value",
    taints: [taint("a")],
    tolerations: [toleration("a", undefined, { operator: "Equal", value: "w" })],
    seconds: 0,
  },
  {
    name: "tolerated as NoSchedule only",
    taints: [taint("a")],
    tolerations: [toleration("a", undefined, { effect: "NoSchedule" })],
    seconds: 0,
  },
  { name: "tolerated for a time", taints: [taint("a")], tolerations: [toleration("a", 30)], seconds: 30 },
  {
    name: "one of two for a time",
    taints: [taint("a"), taint("b")],
    tolerations: [toleration("a", 30), toleration("b")],
    seconds: 30,
  },
  {
    name: "both for a time",
    taints: [taint("a"), taint("b")],
    tolerations: [toleration("a", 30), toleration("b", 5)],
    seconds: 5,
  },
  {
    name: "one of two not tolerated",
    taints: [taint("a"), taint("b")],
    tolerations: [toleration("a", 30)],
    seconds: 0,
  },
  {
    name: "the first of two tolerations",
    taints: [taint("a")],
    tolerations: [toleration("a", 30), toleration("a")],
    seconds: 30,
  },
])("stayUnder: $name: $seconds", ({ taints, tolerations, seconds }) => {
  const stay = stayUnder(taints, tolerations);
  expect(stay.kind === "limited" ? stay.seconds : undefined).toBe(seconds);
});

test.each([
  { seconds: 0, expected: "node n1 has taint {a: v}:NoExecute, which it does not tolerate" },
  { seconds: 30, expected: "node n1 has taint {a: v}:NoExecute, which it tolerates for 30 s" },
])("evictionText: $expected", ({ seconds, expected }) => {
  expect(evictionText("n1", { kind: "limited", seconds, taint: taint("a") })).toBe(expected);
});
