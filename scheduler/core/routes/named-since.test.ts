import { expect, test } from "vitest";
import type { WasmRoute } from "../../../api/gen/kinds.gen.ts";
import { namedSince } from "./named-since.ts";

const createdMs = Date.parse("2026-01-01T00:00:10Z");
const nowMs = createdMs + 60_500;

function route(
  generation: number,
  accepted?: { status: "True" | "False"; observedGeneration: number },
): WasmRoute {
  const condition = { type: "Accepted", lastTransitionTime: "", reason: "", message: "", ...accepted };
  return {
    apiVersion: "wherry.dev/v1alpha1",
    kind: "WasmRoute",
    metadata: {
      name: "r",
      namespace: "d",
      uid: "u",
      generation,
      creationTimestamp: "2026-01-01T00:00:10Z",
      resourceVersion: "",
    },
    spec: { hostnames: ["a.example", "b.example"], rules: [] },
    ...(accepted ? { status: { conditions: [condition as never] } } : {}),
  };
}

test.each([
  { name: "new: since it was made", given: route(1), since: createdMs },
  {
    name: "accepted as it is: since it was made",
    given: route(5, { status: "True", observedGeneration: 5 }),
    since: createdMs,
  },
  {
    name: "refused as it is: after all others",
    given: route(5, { status: "False", observedGeneration: 5 }),
    since: Infinity,
  },
  {
    name: "edited since anybody looked: since now",
    given: route(5, { status: "True", observedGeneration: 4 }),
    since: createdMs + 60_000,
  },
  { name: "edited before anybody looked: since now", given: route(2), since: createdMs + 60_000 },
])("namedSince: a route that is $name", ({ given, since }) => {
  expect([...namedSince(given, undefined, nowMs)]).toEqual([
    ["a.example", since],
    ["b.example", since],
  ]);
});

test("namedSince: of a route that is known, a name that is new counts from now, the others as before", () => {
  const before = new Map([
    ["a.example", 5],
    ["gone.example", 5],
  ]);
  expect([...namedSince(route(2), before, nowMs)]).toEqual([
    ["a.example", 5],
    ["b.example", createdMs + 60_000],
  ]);
});
