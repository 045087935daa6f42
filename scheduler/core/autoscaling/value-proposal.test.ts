/** What values of the whole workload propose, by the documented behaviour of Kubernetes' HPA. */
import { describe, expect, test } from "vitest";
import { instances, list, query, schedule, value } from "./testing/autoscalers.ts";
import { some, pending, notReadyYet, proposed, type ProposalRow } from "./testing/proposals.ts";

function check(row: ProposalRow): void {
  const found = proposed(row);
  if (typeof row.expected === "number") expect(found).toBe(row.expected);
  else expect(found).toMatch(row.expected);
}

describe("values of the whole workload", () => {
  const rows: readonly ProposalRow[] = [
    { name: "an average, up", metric: list(10), current: 3, reading: value(60), expected: 6 },
    { name: "an average, rounded up", metric: list(10), current: 3, reading: value(51), expected: 6 },
    { name: "an average, down", metric: list(10), current: 3, reading: value(20), expected: 2 },
    {
      name: "an average at the edge of the tolerance",
      metric: list(10),
      current: 10,
      reading: value(110),
      expected: 10,
    },
    {
      name: "an average beyond the tolerance",
      metric: list(10),
      current: 10,
      reading: value(111),
      expected: 12,
    },
    {
      name: "an average below the tolerance",
      metric: list(10),
      current: 10,
      reading: value(89),
      expected: 9,
    },
    {
      name: "an average of tenths, in binary",
      metric: list("100m"),
      current: 1,
      reading: value(0.1 + 0.2),
      expected: 3,
    },
    { name: "an average of nothing", metric: list(10), current: 3, reading: value(0), expected: 0 },
    { name: "less than nothing", metric: list(10), current: 3, reading: value(-50), expected: 0 },
    {
      name: "an average, whatever is ready",
      metric: list(10),
      current: 3,
      reading: value(60),
      instances: [],
      expected: 6,
    },
    { name: "a value, up", metric: query({ value: 100 }), current: 4, reading: value(150), expected: 6 },
    { name: "a value, down", metric: query({ value: 100 }), current: 4, reading: value(50), expected: 2 },
    {
      name: "a value within the tolerance",
      metric: query({ value: 100 }),
      current: 4,
      reading: value(109),
      expected: 4,
    },
    {
      name: "a value: the ready ones have made it",
      metric: query({ value: 100 }),
      current: 4,
      reading: value(300),
      instances: some(4, pending, notReadyYet),
      expected: 6,
    },
    {
      name: "a value: never fewer while above",
      metric: query({ value: 100 }),
      current: 4,
      reading: value(150),
      instances: some(4, pending, pending, pending),
      expected: 4,
    },
    {
      name: "a value: never more while below",
      metric: query({ value: 100 }),
      current: 2,
      reading: value(80),
      instances: instances(5),
      expected: 2,
    },
    {
      name: "a value where none is ready",
      metric: query({ value: 100 }),
      current: 4,
      reading: value(1),
      instances: some(2, pending, pending),
      expected: 4,
    },
    {
      name: "more than can be counted",
      metric: query({ averageValue: "1m" }),
      current: 1,
      reading: value(1e300),
      expected: 2 ** 31 - 1,
    },
    {
      name: "infinitely much",
      metric: query({ value: 1 }),
      current: 1,
      reading: value(Number.POSITIVE_INFINITY),
      expected: /^NoData: its value is Infinity/,
    },
    {
      name: "no number",
      metric: query({ value: 1 }),
      current: 1,
      reading: value(Number.NaN),
      expected: /^NoData: its value is NaN/,
    },
    {
      name: "a target that validation would refuse",
      metric: query({ value: 0 }),
      current: 1,
      reading: value(5),
      expected: /^Misdeclared/,
    },
    { name: "a schedule that is on", metric: schedule(7), current: 2, reading: value(1), expected: 7 },
    {
      name: "a schedule that is on, without tolerance",
      metric: schedule(101),
      current: 100,
      reading: value(1),
      expected: 101,
    },
    { name: "a schedule that is off", metric: schedule(7), current: 2, reading: value(0), expected: 0 },
  ];
  test.each(rows)("decide: proposes by $name", check);
});
