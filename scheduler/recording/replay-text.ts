import type { ReplayReport } from "./replay.ts";

/** A report for people. */
export function replayText(report: ReplayReport, profile: string | undefined): string {
  const { recorded, replayed, startMs, endMs } = report;
  const rows: readonly (readonly [string, number, number, (value: number) => string])[] = [
    ["placed", recorded.placed, replayed.placed, count],
    ["waiting at the end", recorded.waiting, replayed.waiting, count],
    ["nodes in use, on average", recorded.meanNodes, replayed.meanNodes, tenths],
    ["nodes in use, at most", recorded.mostNodes, replayed.mostNodes, count],
    ["cpu requested of nodes in use", recorded.cpuShare, replayed.cpuShare, percent],
    ["memory requested of nodes in use", recorded.memoryShare, replayed.memoryShare, percent],
    ["most against fewest instances of a node, at the end", recorded.endSkew, replayed.endSkew, count],
  ];
  const cells = [
    ["", "RECORDED", "REPLAYED"],
    ...rows.map(([name, was, is, text]) => [name, text(was), text(is)]),
  ];
  const by = profile === undefined ? "the profiles that were named" : `profile ${profile}`;
  const lost =
    report.lost > 0
      ? `\n${report.lost} lines of the recording were lost; what follows them stands by itself.\n`
      : "";
  return (
    `${report.decided} instances from ${iso(startMs)} to ${iso(endMs)} on ${report.nodes} nodes, replayed with ${by}.\n` +
    `${lost}\n${columns(cells)}\n${differencesText(report)}`
  );
}

function differencesText({ differing, differences, decided }: ReplayReport): string {
  if (differing === 0) return `All ${decided} decisions are the same.\n`;
  const head = `${differing} of ${decided} decisions differ`;
  if (differences.length === 0) return `${head}.\n`;
  const rows = differences.map(({ atMs, uid, workload, recorded = "-", replayed = "-" }) => [
    iso(atMs),
    workload,
    uid,
    recorded,
    replayed,
  ]);
  const which = differences.length < differing ? `; the first ${differences.length}` : "";
  return `${head}${which}:\n\n${columns([["TIME", "WORKLOAD", "INSTANCE", "RECORDED", "REPLAYED"], ...rows])}`;
}

function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const row of rows)
    for (const [place, cell] of row.entries()) widths[place] = Math.max(widths[place] ?? 0, cell.length);
  const line = (row: readonly string[]) =>
    row
      .map((cell, place) => (place === row.length - 1 ? cell : cell.padEnd((widths[place] ?? 0) + 3)))
      .join("");
  return rows.map((row) => `${line(row)}\n`).join("");
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}

function count(value: number): string {
  return Number.isFinite(value) ? String(value) : "-";
}

function tenths(value: number): string {
  return value.toFixed(1);
}

function percent(value: number): string {
  return `${(value * 100).toFixed(1)}%`;
}
