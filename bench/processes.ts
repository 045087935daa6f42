import { readFileSync } from "node:fs";

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
  try {
    // After the program's name, which may hold anything but ends with the last bracket: utime and stime are 14 and 15.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)?.split(" ") ?? [];
    return (Number(fields[11]) + Number(fields[12])) * tickMs;
  } catch {
    return 0;
  }
}
