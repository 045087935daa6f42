import { readFileSync } from "node:fs";

/** When a process started, in ticks since boot: with its id it names a process for good, as ids are used again. */
export function processStartTicks(pid: number): number | undefined {
  return statOf(pid)?.startTicks;
}

/** Whether that very process still runs. A zombie does not, even if nobody ever reaps it. */
export function isProcessAlive(identity: ProcessIdentity): boolean {
  const stat = statOf(identity.pid);
  if (!stat || stat.state === "Z" || stat.state === "X") return false;
  return identity.startTicks === undefined || stat.startTicks === identity.startTicks;
}

export interface ProcessIdentity {
  readonly pid: number;
  readonly startTicks: number | undefined;
}

function statOf(pid: number): { readonly state: string; readonly startTicks: number } | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "latin1");
  } catch {
    return undefined;
  }
  // The second field is the name in parentheses, which may hold anything.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "", startTicks: Number(fields[19]) };
}
