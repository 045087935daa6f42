/** Charts over time as SVG, one below the other, readable on light and on dark ground, and the same for the same numbers. */

export interface Line {
  readonly name: string;
  readonly kind: "need" | "own" | "other" | "third";
  /** By the second. */
  readonly values: readonly number[];
}

export interface Chart {
  /** With its unit. */
  readonly axis: string;
  readonly lines: readonly Line[];
}

export interface Picture {
  readonly title: string;
  readonly charts: readonly Chart[];
  /** Seconds that are marked, and what for. */
  readonly mark?: { readonly fromSecond: number; readonly toSecond: number; readonly name: string };
}

const width = 760;
const left = 56;
const right = 16;
const top = 76;
const chartHeight = 150;
const gap = 34;
const bottom = 40;
const columns = 340;

const style = `text{font:12px system-ui,sans-serif;fill:#24292f}.title{font-weight:600;font-size:14px}.grid{stroke:#d0d7de}
.need{fill:#8c959f;fill-opacity:.3}.own,.other,.third{fill:none;stroke-width:1.7;stroke-linejoin:round}
.own{stroke:#0969da}.other{stroke:#d1570a}.third{stroke:#8250df;stroke-dasharray:5 3}.mark{fill:#bf8700;fill-opacity:.13}.ground{fill:#fff}
@media(prefers-color-scheme:dark){text{fill:#e6edf3}.grid{stroke:#30363d}.own{stroke:#58a6ff}.other{stroke:#f0883e}.third{stroke:#bc8cff}
.need{fill:#8b949e}.ground{fill:#0d1117}}`;

export function drawn({ title, charts, mark }: Picture): string {
  const seconds = Math.max(...charts.flatMap(({ lines }) => lines.map(({ values }) => values.length)));
  const height = top + charts.length * chartHeight + (charts.length - 1) * gap + bottom;
  const x = (second: number) => round(left + (second / seconds) * (width - left - right));
  const floor = height - bottom;
  const marked =
    mark === undefined
      ? []
      : [
          `<rect class="mark" x="${x(mark.fromSecond)}" y="${top}" width="${round(x(mark.toSecond) - x(mark.fromSecond))}" height="${floor - top}"/>`,
          `<text x="${round((x(mark.fromSecond) + x(mark.toSecond)) / 2)}" y="${top + 13}" text-anchor="middle">${mark.name}</text>`,
        ];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${title}</title>`,
    `<style>${style}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    `<text class="title" x="${left}" y="20">${title}</text>`,
    ...legend(charts[0]?.lines ?? []),
    ...marked,
    ...charts.flatMap((chart, at) => drawnChart(chart, top + at * (chartHeight + gap), x, seconds)),
    ...timeAxis(seconds, x, floor),
    "</svg>",
    "",
  ].join("\n");
}

function legend(lines: readonly Line[]): readonly string[] {
  let at = left;
  return lines.flatMap(({ name, kind }) => {
    const sample =
      kind === "need"
        ? `<rect class="need" x="${at}" y="32" width="20" height="10"/>`
        : `<path class="${kind}" d="M${at} 37h20"/>`;
    const text = `<text x="${at + 26}" y="41">${name}</text>`;
    at += 26 + name.length * 6.6 + 22;
    at = Math.round(at);
    return [sample, text];
  });
}

const order: Readonly<Record<Line["kind"], number>> = { need: 0, third: 1, other: 2, own: 3 };

function drawnChart(
  { axis, lines }: Chart,
  topOf: number,
  x: (second: number) => number,
  seconds: number,
): readonly string[] {
  // What is drawn last is seen best.
  const reduced = lines
    .toSorted((a, b) => order[a.kind] - order[b.kind])
    .map((line) => ({ ...line, points: reduce(line, seconds) }));
  const most = Math.max(1, ...reduced.flatMap(({ points }) => points.map(({ value }) => value)));
  const unit = tickUnit(most);
  const max = Math.ceil(most / unit) * unit;
  const y = (value: number) => round(topOf + chartHeight * (1 - value / max));
  const ticks = Array.from({ length: Math.round(max / unit) + 1 }, (_, at) => at * unit);
  return [
    `<text x="${left}" y="${topOf - 7}">${axis}</text>`,
    ...ticks.flatMap((value) => [
      `<path class="grid" d="M${left} ${y(value)}H${width - right}"/>`,
      `<text x="${left - 7}" y="${round(y(value) + 4)}" text-anchor="end">${value.toLocaleString("en-US")}</text>`,
    ]),
    ...reduced.map(({ kind, points }) => {
      const steps = points.map(({ second, value }, at) =>
        at === 0 ? `M${x(second)} ${y(value)}` : `H${x(second)}V${y(value)}`,
      );
      const path = `${steps.join("")}H${x(seconds)}`;
      return kind === "need"
        ? `<path class="need" d="${path}V${y(0)}H${left}Z"/>`
        : `<path class="${kind}" d="${path}"/>`;
    }),
  ];
}

/** Means over columns, and only where they change: a picture has no more. */
function reduce(
  { values }: Line,
  seconds: number,
): readonly { readonly second: number; readonly value: number }[] {
  const span = Math.max(1, Math.round(seconds / columns));
  const points: { second: number; value: number }[] = [];
  for (let second = 0; second < values.length; second += span) {
    const part = values.slice(second, second + span);
    const value = Math.round((part.reduce((sum, one) => sum + one, 0) / part.length) * 10) / 10;
    if (points.at(-1)?.value !== value) points.push({ second, value });
  }
  return points;
}

function timeAxis(seconds: number, x: (second: number) => number, floor: number): readonly string[] {
  const isLong = seconds > 6 * 3_600;
  const unit = isLong ? 3 * 3_600 : seconds > 5_400 ? 1_200 : 600;
  const ticks = Array.from({ length: Math.floor(seconds / unit) + 1 }, (_, at) => at * unit);
  return [
    ...ticks.map(
      (second) =>
        `<text x="${x(second)}" y="${floor + 17}" text-anchor="middle">${isLong ? second / 3_600 : second / 60}</text>`,
    ),
    `<text x="${width - right}" y="${floor + 34}" text-anchor="end">${isLong ? "hours" : "minutes"}</text>`,
  ];
}

function tickUnit(most: number): number {
  const power = 10 ** Math.floor(Math.log10(most));
  const unit =
    [0.2, 0.5, 1, 2, 5].map((factor) => factor * power).find((one) => most / one <= 5) ?? power * 10;
  return Math.max(1, unit);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
