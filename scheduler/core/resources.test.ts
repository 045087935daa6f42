import { noAmounts, noClaims } from "./model.ts";
import { expect, test } from "vitest";
import { processOverheadBytes } from "../../api/isolation.ts";
import { aCapacity, anInstance, bound, pending } from "./testing/builders.ts";
import { committedWith, fits, footprintOf, isolationOn, nothingCommitted, shortfalls } from "./resources.ts";

const requests = { cpuMillis: 100, memoryBytes: 1_000 };

test.each([
  { isolation: "shared", memoryBytes: 1_000, processes: 0 },
  { isolation: "process", memoryBytes: 1_000 + processOverheadBytes, processes: 1 },
  { isolation: "confined", memoryBytes: 1_000 + processOverheadBytes, processes: 1 },
] as const)("footprintOf: $isolation", ({ isolation, ...expected }) => {
  expect(footprintOf({ requests, isolation, claims: noClaims })).toEqual({
    cpuMillis: 100,
    instances: 1,
    extended: noAmounts,
    ...expected,
  });
});

test.each([
  { name: "not placed", wanted: "shared", state: pending, expected: "shared" },
  { name: "not reported", wanted: "process", state: bound("n1"), expected: "process" },
  {
    name: "not started",
    wanted: "process",
    state: bound("n1", { isolation: undefined }),
    expected: "process",
  },
  { name: "more", wanted: "shared", state: bound("n1", { isolation: "process" }), expected: "process" },
  { name: "less", wanted: "confined", state: bound("n1", { isolation: "shared" }), expected: "confined" },
] as const)("isolationOn: what a node has reported: $name", ({ wanted, state, expected }) => {
  expect(isolationOn({ isolation: wanted, state })).toBe(expected);
});

const zero = { cpuMillis: 0, memoryBytes: 0 };

test.each([
  { name: "room for all", isolation: "process", lacking: [] },
  {
    name: "as many processes as it may",
    committed: { processes: 2 },
    isolation: "process",
    lacking: ["processes"],
  },
  {
    name: "the same, of which a shared one needs none",
    committed: { processes: 2 },
    isolation: "shared",
    lacking: [],
  },
  {
    name: "a node without processes",
    allocatable: { processes: 0 },
    isolation: "confined",
    lacking: ["processes"],
  },
  {
    name: "no memory for the process",
    allocatable: { memoryBytes: 1 },
    isolation: "process",
    lacking: ["memory"],
  },
  {
    name: "no memory, of which it wants none",
    allocatable: { memoryBytes: -1 },
    isolation: "shared",
    lacking: [],
  },
  {
    name: "several",
    allocatable: { processes: Number.NaN, instances: 0 },
    isolation: "process",
    lacking: ["instances", "processes"],
  },
] as const)("shortfalls: $name", ({ allocatable, committed, isolation, lacking }) => {
  const there = aCapacity({ processes: 2, ...allocatable });
  const taken = { ...nothingCommitted, ...committed };
  const footprint = footprintOf({ requests: zero, isolation, claims: noClaims });
  expect(shortfalls(there, taken, footprint).map(({ resource }) => resource)).toEqual(lacking);
  expect(fits(there, taken, footprint)).toBe(lacking.length === 0);
});

test("committedWith: takes away exactly what it added", () => {
  const footprint = footprintOf(anInstance("a", { isolation: "process" }));
  const three = committedWith(nothingCommitted, footprint, 3);
  expect(three).toMatchObject({ instances: 3, processes: 3 });
  expect(committedWith(three, footprint, -3)).toEqual(nothingCommitted);
});
