import { readFileSync } from "node:fs";

export interface ThreadTime {
  readonly atMs: number;
  readonly cpuMs: number;
  /** It could have run and another had the processor. */
  readonly waitedMs: number;
}

/** Of a process's main thread, by the clock of the kernel. */
export function threadTime(pid: number): ThreadTime {
  const [cpuNs = 0, waitedNs = 0] = readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8")
    .split(" ")
    .map(Number);
  return { atMs: performance.now(), cpuMs: cpuNs / 1e6, waitedMs: waitedNs / 1e6 };
}
