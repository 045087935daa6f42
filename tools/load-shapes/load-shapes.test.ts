import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { compare } from "./comparison.ts";
import { liveThroughOutage, outage } from "./outage.ts";
import { pictures, table, withTable } from "./report.ts";
import { loadShapes } from "./shapes.ts";

const comparisons = loadShapes().map((shape) => compare(shape));
const lives = liveThroughOutage();
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

test.each(pictures(comparisons, lives))(
  "load shapes: $path is what npm run load-shapes makes",
  ({ path, text }) => {
    expect(read(path)).toBe(text);
  },
);

test("load shapes: the table in docs/AUTOSCALING.md is what npm run load-shapes makes", () => {
  const page = read("docs/AUTOSCALING.md");
  expect(page).toBe(withTable(page, table(comparisons)));
});

const rows = comparisons.map(({ shape, outcomes }) => ({
  name: `${shape.name}, ${shape.set}`,
  shape,
  outcomes,
}));

test.each(rows)("load shapes: fewer requests over target than with the HPA: $name", ({ outcomes }) => {
  expect(outcomes.Wherry.overTarget).toBeLessThan(outcomes.HPA.overTarget * 0.9);
});

test.each(rows.filter(({ shape }) => shape.name !== "recorded"))(
  "load shapes: for hardly more instance-hours: $name",
  ({ outcomes }) => {
    expect(outcomes.Wherry.instanceHours).toBeLessThan(outcomes.HPA.instanceHours * 1.06);
    expect(outcomes["Wherry, narrow"].instanceHours).toBeLessThan(outcomes.HPA.instanceHours * 1.02);
  },
);

test.each(rows.filter(({ name }) => name !== "flapping, held out"))(
  "load shapes: with narrow rules as well: $name",
  ({ outcomes }) => {
    expect(outcomes["Wherry, narrow"].overTarget).toBeLessThan(outcomes.HPA.overTarget * 0.75);
  },
);

test.each(["tuning", "held out"])(
  "load shapes: with narrow rules fewer instance-hours on average: %s",
  (set) => {
    const ratios = rows
      .filter(({ shape }) => shape.set === set)
      .map(({ outcomes }) => outcomes["Wherry, narrow"].instanceHours / outcomes.HPA.instanceHours);
    const mean = ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
    expect(mean).toBeLessThan(1);
  },
);

test("outage: nothing is taken away while Prometheus is away, nor when it comes back empty", () => {
  const between = ({ askedBySecond }: (typeof lives)["hpa"]) =>
    Math.min(...askedBySecond.slice(outage.fromSecond, outage.toSecond + 10 * 60));
  const peak = lives.wherry.askedBySecond[outage.fromSecond] ?? 0;
  expect(between(lives.wherry)).toBe(peak);
  expect(between(lives.hpa)).toBeLessThan(peak / 2);
  expect(between(lives.naive)).toBe(1);
});
