/** What the comparison is made into: a table for docs/AUTOSCALING.md, and pictures. */
import type { Comparison, Contestant, Outcome } from "./comparison.ts";
import { outage, outageShape, type OutageLives } from "./outage.ts";
import { drawn, type Line } from "./picture.ts";
import type { LoadShape } from "./shapes.ts";

export interface ReportFile {
  /** From the root. */
  readonly path: string;
  readonly text: string;
}

const contestants: readonly Contestant[] = [
  "HPA",
  "HPA, fast starts",
  "HPA, fast starts, fresh data",
  "HPA, narrow",
  "Wherry",
  "Wherry, narrow",
];

export function table(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ shape, outcomes }) => {
    const cells = contestants.map((name) =>
      cell(outcomes[name], name === "HPA" ? undefined : outcomes.HPA, shape),
    );
    return `| ${[`${shape.name}, ${shape.set}`, ...cells].join(" | ")} |`;
  });
  return [
    `| load | ${contestants.join(" | ")} |`,
    `| --- | ${contestants.map(() => "---").join(" | ")} |`,
    ...rows,
  ].join("\n");
}

/** Per cent of the requests, and instance-hours: as they are, or against those of another. */
function cell(
  { overTarget, instanceHours }: Outcome,
  against: Outcome | undefined,
  { arrivals }: LoadShape,
): string {
  const requests = arrivals.reduce((sum, count) => sum + count, 0);
  const share = `${((overTarget / requests) * 100).toFixed(2)} %`;
  if (against === undefined) return `${share}, ${instanceHours.toFixed(1)} h`;
  const more = ((instanceHours / against.instanceHours - 1) * 100).toFixed(1);
  return `${share}, ${more.startsWith("-") ? more.replace("-", "−") : `+${more}`} %`;
}

export function pictures(comparisons: readonly Comparison[], lives: OutageLives): readonly ReportFile[] {
  return [
    ...comparisons
      .filter(({ shape }) => shape.set === "held out")
      .map(({ shape, outcomes }) => ({
        path: pathOf(shape.name),
        text: drawn({
          title: `${shape.name}: ${shape.description}`,
          charts: [
            {
              axis: "instances",
              lines: [
                need(shape),
                { name: "HPA", kind: "other", values: outcomes.HPA.life.askedBySecond },
                { name: "Wherry", kind: "own", values: outcomes.Wherry.life.askedBySecond },
                {
                  name: "Wherry, narrow",
                  kind: "third",
                  values: outcomes["Wherry, narrow"].life.askedBySecond,
                },
              ],
            },
            {
              axis: "requests a second over target",
              lines: [
                { name: "HPA", kind: "other", values: outcomes.HPA.life.overTargetBySecond },
                { name: "Wherry", kind: "own", values: outcomes.Wherry.life.overTargetBySecond },
                {
                  name: "Wherry, narrow",
                  kind: "third",
                  values: outcomes["Wherry, narrow"].life.overTargetBySecond,
                },
              ],
            },
          ],
        }),
      })),
    { path: pathOf("outage"), text: outagePicture(lives) },
  ];
}

function outagePicture({ wherry, hpa, naive }: OutageLives): string {
  return drawn({
    title: "A Prometheus that is away at the peak and comes back empty",
    mark: { ...outage, name: "no answer" },
    charts: [
      {
        axis: "instances",
        lines: [
          need(outageShape),
          { name: "HPA", kind: "other", values: hpa.askedBySecond },
          { name: "no answer taken for 0", kind: "third", values: naive.askedBySecond },
          { name: "Wherry", kind: "own", values: wherry.askedBySecond },
        ],
      },
      {
        axis: "requests a second over target",
        lines: [
          { name: "HPA", kind: "other", values: hpa.overTargetBySecond },
          { name: "no answer taken for 0", kind: "third", values: naive.overTargetBySecond },
          { name: "Wherry", kind: "own", values: wherry.overTargetBySecond },
        ],
      },
    ],
  });
}

function need({ arrivals, perInstance }: Pick<LoadShape, "arrivals" | "perInstance">): Line {
  return {
    name: "needed for the target",
    kind: "need",
    values: arrivals.map((count) => count / perInstance),
  };
}

function pathOf(name: string): string {
  return `docs/pictures/autoscaling-${name}.svg`;
}

const begin = "<!-- made by npm run load-shapes -->";
const end = "<!-- end -->";

/** The page with this table in place of the one that it has. */
export function withTable(page: string, made: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`the page has no place between ${begin} and ${end}`);
  return `${page.slice(0, from)}${begin}\n\n${made}\n\n${page.slice(to)}`;
}
