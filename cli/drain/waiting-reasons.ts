import { oneLine } from "../output/table.ts";
import { drainLimits } from "./drain-limits.ts";

/** What instances wait for, in lines of text: the same for several in one, the most frequent first. */
export function waitingLines(reasons: Iterable<string>, from: string): readonly string[] {
  const counts = new Map<string, number>();
  for (const text of reasons) {
    const reason = oneLine(text);
    counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const sorted = [...counts].sort(([a, of], [b, other]) => other - of || (a < b ? -1 : 1));
  const hidden = sorted.slice(drainLimits.reasonsMax).reduce((sum, [, count]) => sum + count, 0);
  const lines = sorted
    .slice(0, drainLimits.reasonsMax)
    .map(([reason, count]) => `${instances(count)} on ${from}: ${reason}`);
  return hidden === 0 ? lines : [...lines, `${instances(hidden)} on ${from}: for other reasons`];
}

/** Lets through what is new, and the same again only after a while. */
export class CalmVoice {
  #said = "";
  #saidMs = Number.NEGATIVE_INFINITY;

  /** undefined: it has been said. */
  say(lines: readonly string[], nowMs: number): string | undefined {
    const text = lines.map((line) => `${line}\n`).join("");
    if (text === "" || (text === this.#said && nowMs - this.#saidMs < drainLimits.repeatMs)) return undefined;
    this.#said = text;
    this.#saidMs = nowMs;
    return text;
  }
}

function instances(count: number): string {
  return `${count} ${count === 1 ? "instance" : "instances"}`;
}
