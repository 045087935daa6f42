import type {
  InstanceExplanation,
  InstanceExplanationStatus,
  PlacementScore,
} from "../../api/gen/kinds.gen.ts";
import { ageOf } from "../output/age.ts";
import { cellText, formatColumns } from "../output/table.ts";
import { wrapText } from "../output/wrap.ts";
import { refusedText } from "./refused-text.ts";

export interface ExplanationView {
  readonly now: number;
  /** With the rule behind each refusal, and what each node gets from each rule. */
  readonly wide: boolean;
}

type Decision = NonNullable<InstanceExplanationStatus["decision"]>;
type Waiting = NonNullable<InstanceExplanationStatus["waiting"]>;

/** Nodes shown of those that would take it, beside its own. */
const bestMax = 5;
const labelWidth = 11;

/** The whole answer, for a terminal of 100 columns. */
export function explanationText(explanation: InstanceExplanation, view: ExplanationView): string {
  const { metadata, spec, status } = explanation;
  if (!status) return "";
  const { decision, waiting, nodes } = status;
  const head = [
    line("Instance", `${metadata.namespace}/${metadata.name} of ${spec.owner.kind}/${spec.owner.name}`),
    line("Status", `${status.phase}: ${status.message}`),
    ...(waiting ? waitingLines(waiting, view.now) : []),
    ...(status.nominatedNodeName
      ? [line("Nominated", `room is made for it on ${status.nominatedNodeName}`)]
      : []),
    ...status.obstacles.flatMap(({ remedy }) => (remedy === undefined ? [] : [line("Remedy", remedy)])),
    ...(decision ? [line("Decided", decisionText(decision, view.now))] : []),
  ].join("");
  const parts = [
    head,
    decision ? scoreTable(decision.scores, decision.score) : "",
    nodes.feasible > 0 ? feasibleText(status, view) : "",
    refusedText(nodes.refused, nodes.total, view),
  ];
  return parts.filter((part) => part !== "").join("\n");
}

/** In a few lines, for a description, which has the message of one that waits already. */
export function shortExplanation({ status }: InstanceExplanation, now: number): readonly string[] {
  if (!status) return [];
  const { decision, waiting, nodes, obstacles } = status;
  const [nearest] = nodes.refused[0]?.nodes ?? [];
  const remedies = [
    ...obstacles.flatMap(({ remedy = [] }) => remedy),
    ...(nearest?.reasons.flatMap(({ remedy }) => (remedy ? [`${nearest.nodeName}: ${remedy}`] : [])) ?? []),
  ];
  return [
    ...(waiting
      ? [waitingText(waiting, now), ...remedies.map((remedy) => `-> ${remedy}`)]
      : [status.message]),
    ...(decision ? [`decided ${decisionText(decision, now)}`] : []),
  ];
}

function line(label: string, text: string): string {
  return wrapText(label.padEnd(labelWidth), text);
}

function waitingLines(waiting: Waiting, now: number): readonly string[] {
  return [line("Waiting", waitingText(waiting, now)), line("Waits for", waiting.waitsFor.join("; "))];
}

function waitingText({ state, since, until, attempts, alike }: Waiting, now: number): string {
  const time =
    since !== undefined ? ` for ${ageOf(since, now)}` : until !== undefined ? ` until ${until}` : "";
  const tried = attempts === 0 ? "" : `, after ${attempts} attempt${attempts === 1 ? "" : "s"}`;
  const others = alike <= 1 ? "" : `; ${alike - 1} more wait for the same`;
  return `${state.toLowerCase()}${time}${tried}${others}`;
}

function decisionText(
  { time, profile, feasibleNodes, nodes, runnerUp, score, nodeName }: Decision,
  now: number,
) {
  const next =
    runnerUp === undefined
      ? "; no other node took it"
      : `; the runner-up was ${runnerUp.nodeName} with ${points(runnerUp.score)}`;
  return (
    `${ageOf(time, now)} ago by profile ${profile}: ${nodeName} with ${points(score)} points, ` +
    `of ${feasibleNodes} feasible among ${nodes} nodes${next}`
  );
}

function scoreTable(scores: readonly PlacementScore[], total: number): string {
  if (scores.length === 0) return "";
  return formatColumns([
    ["RULE", "SCORE", "WEIGHT", "POINTS"],
    ...scores.map(({ plugin, score, weight }) => [
      plugin,
      points(score),
      String(weight),
      points(score * weight),
    ]),
    ["total", "", "", points(total)],
  ]);
}

function feasibleText(
  { nodes, nodeName, phase }: InstanceExplanationStatus,
  { wide }: ExplanationView,
): string {
  const shown = nodes.best.filter((node, place) => wide || place < bestMax || node.nodeName === nodeName);
  const rules = wide ? (nodes.best[0]?.scores.map(({ plugin }) => plugin) ?? []) : [];
  const rows = shown.map((node) => [
    String(node.rank),
    node.nodeName + (node.nodeName === nodeName ? " *" : ""),
    points(node.total),
    ...(wide ? node.scores.map(({ score, weight }) => points(score * weight)) : []),
  ]);
  const table = formatColumns([
    ["RANK", "NODE", "POINTS", ...rules.map((rule) => rule.toUpperCase())],
    ...rows,
  ]);
  const hidden = nodes.feasible - shown.length;
  const when = phase === "Pending" ? "Now" : "Now, as if it were not there";
  return [
    wrapText("", `${when}, ${nodes.feasible} of ${nodes.total} nodes would take it:`),
    table,
    hidden > 0 ? `and ${hidden} more\n` : "",
  ].join("");
}

/** A tenth of a point decides; more digits are noise. */
function points(value: number): string {
  return cellText(String(Math.round(value * 10) / 10));
}
