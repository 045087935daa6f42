import { readdirSync, readFileSync } from "node:fs";

/**
 * Bytes of memory that processes use together, each shared page divided by its users (PSS), so that the code all of
 * them share counts once.
 */
export function memoryBytesOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + proportionalBytes(pid), 0);
}

function proportionalBytes(pid: number): number {
  try {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
    return Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

/** Milliseconds of processor time that processes have used so far, in all their threads. */
export function cpuMsOf(pids: readonly number[]): number {
  return pids.reduce((sum, pid) => sum + usedCpuMs(pid), 0);
}

/** Linux counts in hundredths of a second, whatever the machine. */
const tickMs = 10;

function usedCpuMs(pid: number): number {
  const fields = statFields(pid);
  return fields.length === 0 ? 0 : (Number(fields[11]) + Number(fields[12])) * tickMs;
}

/** From the third on: after the program's name, which may hold anything but ends with the last bracket. Empty when it is gone. */
function statFields(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
  } catch {
    return [];
  }
}

/** A process and all that it has started, directly or not, and that have not lost their parent. */
export function processTree(root: number): readonly number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc")) {
    const pid = Number(name);
    const parent = Number(statFields(pid)[1]);
    if (Number.isInteger(pid) && parent > 0) children.set(parent, [...(children.get(parent) ?? []), pid]);
  }
  const found = [root];
  for (let next = 0; next < found.length; next++) found.push(...(children.get(found[next] ?? 0) ?? []));
  return found;
}
