import { humanDuration } from "../../kit/human-duration.ts";
import { oneLine } from "../output/table.ts";
import type { RevisionCensus, Trouble } from "./instance-census.ts";
import type { Idleness, Progress } from "./progress.ts";

/** All that the picture of a rollout shows. */
export interface RolloutView {
  /** `wasmdeployment.wherry.dev/web` */
  readonly reference: string;
  readonly progress: Progress;
  /** Those that have instances, and the current one. undefined: there are too many instances to count them one by one. */
  readonly revisions: readonly RevisionView[] | undefined;
  /** The number of the current one, when it is known. */
  readonly current: number | undefined;
  readonly troubles: readonly string[];
  readonly elapsedMs: number;
  /** undefined: nobody says. */
  readonly idleness: Idleness | undefined;
}

export interface RevisionView extends RevisionCensus {
  /** undefined: not known yet. */
  readonly number: number | undefined;
  readonly isCurrent: boolean;
}

export interface PictureStyle {
  readonly colours: boolean;
  /** Whether blocks can be shown; otherwise letters are. */
  readonly unicode: boolean;
  readonly columns: number;
}

const barWidth = 30;
const revisionsMax = 6;
const troublesMax = 4;
const bulletLinesMax = 3;

/** The lines of one moment. They are as many as there is something to say, and short enough for a terminal after the bars. */
export function pictureLines(view: RolloutView, style: PictureStyle): readonly string[] {
  const { reference, progress, troubles, elapsedMs } = view;
  const state = { waiting: "rolling out", done: "rolled out", failed: "failed" }[progress.kind];
  const head = `${reference}   ${state}   ${humanDuration(elapsedMs)}`;
  const rows = view.revisions ? revisionRows(view, view.revisions) : summaryRows(view);
  const labelWidth = Math.max(0, ...rows.map(({ label }) => label.length));
  const bars = rows.map((row) => `  ${row.label.padEnd(labelWidth)}  ${bar(row, style)}  ${row.text}`);
  const left = progress.kind === "waiting" ? [`  waiting: ${progress.left}${idleText(view.idleness)}`] : [];
  const reasons = troubles.slice(0, troublesMax).flatMap((trouble) => bullet(trouble, style.columns));
  const more = troubles.length - troublesMax;
  if (more > 0) reasons.push(`  ! and ${more} more`);
  return [
    paint(head, "1", style),
    ...bars,
    ...left,
    ...reasons.map((line) => paint(line, progress.kind === "failed" ? "31" : "33", style)),
  ];
}

/** A rollout that goes on needs no such words. */
const idleMsMin = 10_000;

function idleText(idleness: Idleness | undefined): string {
  if (!idleness || idleness.idleMs < idleMsMin) return "";
  const { idleMs, deadlineMs } = idleness;
  const end = deadlineMs === undefined ? "" : `; fails after ${humanDuration(deadlineMs)}`;
  return ` (no progress for ${humanDuration(idleMs)}${end})`;
}

/** A reason in a few lines, for it says at its end what to do. */
function bullet(text: string, columns: number): readonly string[] {
  const width = Math.max(20, columns - 6);
  const lines: string[] = [];
  for (const word of oneLine(text).split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  const shown = lines.slice(0, bulletLinesMax);
  if (lines.length > shown.length) shown[shown.length - 1] += " …";
  return shown.map((line, index) => `${index === 0 ? "  ! " : "    "}${line}`);
}

interface Row {
  readonly label: string;
  readonly isCurrent: boolean;
  readonly ready: number;
  readonly starting: number;
  /** The whole bar. */
  readonly whole: number;
  readonly text: string;
}

function revisionRows({ progress }: RolloutView, revisions: readonly RevisionView[]): readonly Row[] {
  const { wanted } = progress.counts;
  // The current one first, then the newest.
  const order = revisions.toSorted(
    (one, other) =>
      Number(other.isCurrent) - Number(one.isCurrent) || (other.number ?? 0) - (one.number ?? 0),
  );
  const rows = order.slice(0, revisionsMax).map((revision) => {
    const { number, isCurrent, ready, starting, waiting, stopping } = revision;
    const parts = [`${ready} ready`];
    if (starting > 0) parts.push(`${starting} starting`);
    if (waiting > 0) parts.push(`${waiting} waiting for a node`);
    if (stopping > 0) parts.push(`${stopping} stopping`);
    if (isCurrent) parts.push(`of ${wanted}`);
    return {
      label: number === undefined ? "revision ?" : `revision ${number}`,
      isCurrent,
      ready,
      starting: starting + waiting + stopping,
      whole: wanted,
      text: parts.join(", "),
    };
  });
  return rows;
}

function summaryRows({ progress, current: number }: RolloutView): readonly Row[] {
  const { wanted, updated, available, old } = progress.counts;
  const current: Row = {
    label: number === undefined ? "new" : `revision ${number}`,
    isCurrent: true,
    ready: Math.min(available, updated),
    starting: Math.max(0, updated - available),
    whole: wanted,
    text:
      updated < wanted
        ? `${updated} of ${wanted} made`
        : `${Math.min(available, updated)} of ${wanted} available`,
  };
  const before: Row = {
    label: "earlier",
    isCurrent: false,
    ready: old,
    starting: 0,
    whole: wanted,
    text: `${old} left`,
  };
  return old > 0 ? [current, before] : [current];
}

function bar({ isCurrent, ready, starting, whole }: Row, style: PictureStyle): string {
  const total = Math.max(whole, ready + starting, 1);
  // Whatever is there at all is seen.
  const cells = (count: number) => (count === 0 ? 0 : Math.max(1, Math.floor((count / total) * barWidth)));
  const full = Math.min(cells(ready), barWidth);
  const half = Math.min(cells(starting), barWidth - full);
  const rest = barWidth - full - half;
  const [fullMark, halfMark, restMark] = style.unicode
    ? ["█", "▒", isCurrent ? "░" : " "]
    : ["#", "+", isCurrent ? "." : " "];
  return (
    paint(fullMark.repeat(full), isCurrent ? "32" : "2", style) +
    paint(halfMark.repeat(half), isCurrent ? "33" : "2", style) +
    paint(restMark.repeat(rest), "2", style)
  );
}

function paint(text: string, code: string, { colours }: PictureStyle): string {
  return colours && text !== "" ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** A reason with how many instances it holds back. */
export function troubleText({ example, reason, message, count }: Trouble): string {
  const who = count === 1 ? example : `${count} instances, such as ${example}`;
  return `${who}: ${reason}${message === "" ? "" : `: ${message}`}`;
}
