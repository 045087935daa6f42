/**
 * The loads: requests that arrive in each second. What is synthetic comes from a seed, and the same seed gives the same load. Those for
 * tuning may be looked at while the decision is changed; those held out say what it is worth.
 */
import { readFileSync } from "node:fs";
import type { Random } from "../../kit/random.ts";
import { seededRandom } from "../../kit/random.ts";

export interface LoadShape {
  readonly name: string;
  readonly set: "tuning" | "held out";
  /** For people, in a few words. */
  readonly description: string;
  /** Requests per second that one instance is meant to answer. */
  readonly perInstance: number;
  /** Requests that arrive, by the second. */
  readonly arrivals: readonly number[];
}

type RateAt = (second: number) => number;

interface Parameters {
  readonly seed: number;
  readonly low: number;
  readonly high: number;
  /** Seconds. */
  readonly period: number;
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
const perInstance = 100;

/** Up at once, and down at once. */
const step =
  ({ low, high, period }: Parameters): RateAt =>
  (second) =>
    second >= 10 * minute && second < 10 * minute + period ? high : low;

const ramp =
  ({ low, high, period }: Parameters): RateAt =>
  (second) => {
    const at = (second - 10 * minute) / period;
    const share = at < 1 ? at : at < 1.5 ? 1 : 2.5 - at;
    return low + (high - low) * Math.max(0, Math.min(1, share));
  };

const sine =
  ({ low, high, period }: Parameters): RateAt =>
  (second) =>
    low + ((high - low) * (1 - Math.cos((2 * Math.PI * second) / period))) / 2;

/** Every fifteen minutes, for `period` seconds. */
const spike =
  ({ low, high, period }: Parameters): RateAt =>
  (second) => {
    const at = second % (15 * minute);
    return at >= 7 * minute && at < 7 * minute + period ? high : low;
  };

const flapping =
  ({ low, high, period }: Parameters): RateAt =>
  (second) =>
    Math.floor(second / period) % 2 === 1 ? high : low;

/** A night, a morning, a lunch, an evening. */
const daily =
  ({ low, high, period }: Parameters): RateAt =>
  (second) => {
    const hours = (((second + period) % day) / hour) % 24;
    const hump = (at: number, width: number) => Math.exp(-(((hours - at) / width) ** 2));
    return low + (high - low) * Math.min(1, 0.7 * hump(11, 2.5) + 0.6 * hump(15, 2) + hump(20, 2));
  };

/** As requests of many people come, independent of each other: the variance is the mean. */
function arrivalsOf(rate: RateAt, seconds: number, random: Random): readonly number[] {
  return Array.from({ length: seconds }, (_, second) => poisson(rate(second), random));
}

function poisson(mean: number, random: Random): number {
  if (mean > 30) {
    const normal =
      Math.sqrt(-2 * Math.log(1 - random.fraction())) * Math.cos(2 * Math.PI * random.fraction());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  let count = -1;
  for (let left = 1, limit = Math.exp(-mean); left > limit; count++) left *= random.fraction();
  return Math.max(0, count);
}

interface Made {
  readonly name: string;
  readonly make: (parameters: Parameters) => RateAt;
  readonly seconds: number;
  readonly tuning: Parameters;
  /** Between which it is drawn for the load that is held out. */
  readonly period: readonly [number, number];
}

const made: readonly Made[] = [
  {
    name: "step",
    make: step,
    seconds: hour,
    tuning: { seed: 1, low: 250, high: 1_250, period: 20 * minute },
    period: [15 * minute, 30 * minute],
  },
  {
    name: "ramp",
    make: ramp,
    seconds: 90 * minute,
    tuning: { seed: 2, low: 250, high: 2_000, period: 20 * minute },
    period: [8 * minute, 30 * minute],
  },
  {
    name: "sine",
    make: sine,
    seconds: 2 * hour,
    tuning: { seed: 3, low: 300, high: 1_500, period: 30 * minute },
    period: [12 * minute, 40 * minute],
  },
  {
    name: "spike",
    make: spike,
    seconds: hour,
    tuning: { seed: 4, low: 250, high: 1_500, period: 60 },
    period: [20, 120],
  },
  {
    name: "flapping",
    make: flapping,
    seconds: hour,
    tuning: { seed: 5, low: 250, high: 900, period: 8 * minute },
    period: [60, 8 * minute],
  },
  {
    name: "day",
    make: daily,
    seconds: day,
    tuning: { seed: 6, low: 150, high: 2_000, period: 0 },
    period: [0, day],
  },
];

const recorded: readonly LoadShape[] = [
  {
    file: "nasa-1995-07-13",
    set: "tuning",
    description: "a web server of NASA, 13 July 1995, 8 to 11 h",
  } as const,
  {
    file: "nasa-1995-07-07",
    set: "held out",
    description: "a web server of NASA, 7 July 1995, 13 to 16 h",
  } as const,
].map(({ file, ...shape }) => ({
  name: "recorded",
  ...shape,
  perInstance: 0.5,
  arrivals: Array.from(
    readFileSync(new URL(`recorded/${file}.txt`, import.meta.url), "utf8").replaceAll("\n", ""),
    (digit) => Number.parseInt(digit, 36),
  ),
}));

function synthetic({ name, make, seconds }: Made, set: LoadShape["set"], parameters: Parameters): LoadShape {
  const { seed, low, high } = parameters;
  return {
    name,
    set,
    description: `${low} to ${high} requests a second`,
    perInstance,
    arrivals: arrivalsOf(make(parameters), seconds, seededRandom(seed)),
  };
}

/** Drawn once, after everything had been decided; other numbers are as good. */
const heldOutSeed = 2026;

function drawn({ period }: Made, dice: Random): Parameters {
  const between = (from: number, to: number) => Math.round(from + dice.fraction() * (to - from));
  return {
    seed: between(0, 1_000_000),
    low: between(100, 600),
    high: between(1_200, 3_600),
    period: between(...period),
  };
}

/** Those for tuning, and then those held out. */
export function loadShapes(): readonly LoadShape[] {
  const dice = seededRandom(heldOutSeed);
  const all = [
    ...made.flatMap((one) => [
      synthetic(one, "tuning", one.tuning),
      synthetic(one, "held out", drawn(one, dice)),
    ]),
    ...recorded,
  ];
  return [...all.filter(({ set }) => set === "tuning"), ...all.filter(({ set }) => set === "held out")];
}
