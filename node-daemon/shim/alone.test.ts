import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import { Alone } from "./alone.ts";

function setUp(orphanMs?: number) {
  const clock = new FakeClock();
  const stops: string[] = [];
  const alone = new Alone(clock, orphanMs, {
    stop: (uid, graceMs) => stops.push(`${uid} within ${graceMs} at ${clock.monotonic()}`),
    orphaned: () => stops.push(`orphaned at ${clock.monotonic()}`),
  });
  return { clock, alone, stops };
}

interface Row {
  readonly name: string;
  readonly steps: readonly (readonly [atMs: number, what: (alone: Alone) => void])[];
  readonly stops: readonly string[];
}

const connect = (alone: Alone) => alone.setConnected(true);
const lose = (alone: Alone) => alone.setConnected(false);
const heard = (alone: Alone) => alone.heard(0);

const table: readonly Row[] = [
  {
    name: "a daemon that was never cut off keeps everything",
    steps: [[0, connect]],
    stops: [],
  },
  {
    name: "without a word of the scheduler, the absence of a daemon counts",
    steps: [
      [0, connect],
      [500, lose],
    ],
    stops: ["run within 500 at 1500"],
  },
  {
    name: "a daemon that comes back in time",
    steps: [
      [0, connect],
      [500, lose],
      [1_400, connect],
    ],
    stops: [],
  },
  {
    name: "a daemon that was cut off before it died: since the scheduler was heard",
    steps: [
      [0, connect],
      [100, heard],
      [900, lose],
    ],
    stops: ["run within 500 at 1100"],
  },
  {
    name: "the next daemon is cut off as well: it does not start anew, and has the time to stop the run itself",
    steps: [
      [0, connect],
      [100, heard],
      [900, lose],
      [1_000, connect],
    ],
    stops: ["run within 0 at 1600"],
  },
  {
    name: "the next daemon is heard",
    steps: [
      [0, connect],
      [100, heard],
      [900, lose],
      [1_000, connect],
      [1_050, heard],
      [2_000, heard],
      [3_000, heard],
      [4_000, heard],
      [5_000, heard],
    ],
    stops: ["run within 0 at 6500"],
  },
];

test.each(table)("Alone: $name", ({ steps, stops }) => {
  const { clock, alone, stops: actual } = setUp();
  alone.add("run", 1_000);
  for (const [atMs, what] of steps) {
    clock.advance(atMs - clock.monotonic());
    what(alone);
  }
  clock.advance(10_000);
  expect(actual).toEqual(stops);
});

test("Alone: each run in its own time, those that ended not at all, a later one too", () => {
  const { clock, alone, stops } = setUp();
  alone.add("slow", 3_000);
  alone.add("quick", 1_000);
  alone.add("gone", 1_000);
  alone.remove("gone");
  clock.advance(1_500);
  alone.add("late", 2_000);
  clock.advance(10_000);
  expect(stops).toEqual(["quick within 500 at 1000", "late within 1000 at 2000", "slow within 1500 at 3000"]);
});

test("Alone: without a daemon for so long, orphaned; counted anew after each", () => {
  const { clock, alone, stops } = setUp(1_000);
  clock.advance(900);
  alone.setConnected(true);
  clock.advance(5_000);
  alone.setConnected(false);
  clock.advance(999);
  expect(stops).toEqual([]);
  clock.advance(1);
  expect(stops).toEqual(["orphaned at 6900"]);
});
