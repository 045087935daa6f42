import type { NodeReport } from "../placement/explanation.ts";

export type MoveVerdict =
  | { readonly kind: "stay" }
  | {
      readonly kind: "move";
      readonly nodeName: string;
      /** In hundredths of what its own node lacks of the highest score; Infinity where that would refuse it. */
      readonly gain: number;
      /** For people: what is better there. */
      readonly why: string;
    };

type Feasible = NodeReport & { readonly kind: "feasible" };

/**
 * Rules about where instances are in relation to others, which change under an instance that stays. What else a node would
 * refuse it for (it is cordoned, silent, under pressure) is for others to act on.
 */
const repaired: ReadonlySet<string> = new Set([
  "topology-spread",
  "instance-affinity",
  "node-affinity",
  "node-selector",
]);

/** What passes by itself, or comes with the instance, is no reason to move. */
const passing: ReadonlySet<string> = new Set(["actual-usage", "module-locality"]);

const stay: MoveVerdict = { kind: "stay" };
/** As many differences as a person reads. */
const shownScoresMax = 3;

/**
 * Whether an instance would be clearly better on another node. `reports` judge every node as if it were nowhere; `accepts`
 * says of a node whether it takes one more as things are, while the instance is still where it is.
 */
export function weighMove(
  reports: readonly NodeReport[],
  ownNode: string,
  gainMin: number,
  accepts: (nodeName: string) => boolean,
): MoveVerdict {
  const own = reports.find(({ nodeName }) => nodeName === ownNode);
  if (own === undefined) return stay;
  if (own.kind === "rejected" && !own.rejections.every(({ plugin }) => repaired.has(plugin))) return stay;
  const better = reports
    .filter((report): report is Feasible => report.kind === "feasible" && report.nodeName !== ownNode)
    .map((report) => ({
      report,
      gain: own.kind === "feasible" ? gainOf(report, own) : Number.POSITIVE_INFINITY,
    }))
    .filter(({ gain }) => gain >= gainMin)
    .sort((a, b) => b.report.total - a.report.total || (a.report.nodeName < b.report.nodeName ? -1 : 1));
  const chosen = better.find(({ report }) => accepts(report.nodeName));
  if (chosen === undefined) return stay;
  const { report, gain } = chosen;
  return { kind: "move", nodeName: report.nodeName, gain, why: reasonFor(report, own) };
}

function gainOf(candidate: Feasible, own: Feasible): number {
  if (candidate.total <= own.total) return 0;
  const here = lasting(own);
  const lacking = here.highest - here.total;
  return lacking <= 0 ? 0 : ((lasting(candidate).total - here.total) / lacking) * 100;
}

function lasting({ scores }: Feasible): { readonly total: number; readonly highest: number } {
  let total = 0;
  let highest = 0;
  for (const { plugin, weight, score } of scores) {
    if (passing.has(plugin)) continue;
    total += weight * score;
    highest += weight * 100;
  }
  return { total, highest };
}

function reasonFor(candidate: Feasible, own: NodeReport): string {
  const there = candidate.nodeName;
  if (own.kind === "rejected") {
    const [first] = own.rejections.flatMap(({ reasons }) => reasons);
    return `${own.nodeName} would refuse it now (${first?.detail ?? "no reason given"}), and ${there} takes it`;
  }
  const before = new Map(own.scores.map(({ plugin, score }) => [plugin, score]));
  const differences = candidate.scores
    .map(({ plugin, weight, score }) => ({ plugin, score, was: before.get(plugin) ?? 0, weight }))
    .map((one) => ({ ...one, difference: one.weight * (one.score - one.was) }))
    .filter(({ difference }) => Math.abs(difference) >= 0.5)
    .sort((a, b) => Math.abs(b.difference) - Math.abs(a.difference))
    .slice(0, shownScoresMax)
    .map(({ plugin, score, was }) => `${plugin} ${Math.round(score)} instead of ${Math.round(was)}`);
  const shown = differences.length === 0 ? "" : `: ${differences.join(", ")}`;
  return `${there} scores ${candidate.total.toFixed(0)}, ${own.nodeName} ${own.total.toFixed(0)}${shown}`;
}
