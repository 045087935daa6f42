/** Reads how much the machine has left. */
import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { totalmem } from "node:os";

export interface MemoryRoom {
  readonly availableBytes: number;
  readonly capacityBytes: number;
  /** Part of the last ten seconds in which every task waited for memory; 0 where the kernel does not tell. */
  readonly stalledShare: number;
}

export interface DiskRoom {
  readonly availableBytes: number;
  readonly capacityBytes: number;
  /** 1 for a file system without a fixed number. */
  readonly inodesFreeShare: number;
}

export interface Room {
  memory(): MemoryRoom;
  /** Of the file system on which the daemon keeps its state. */
  disk(): Promise<DiskRoom>;
}

export function systemRoom(stateDir: string): Room {
  return {
    memory() {
      // Both know of the limits of a container.
      const constrained = process.constrainedMemory();
      const capacityBytes = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
      return { availableBytes: process.availableMemory(), capacityBytes, stalledShare: stalledShare() };
    },
    async disk() {
      const { bsize, blocks, bavail, files, ffree } = await statfs(stateDir);
      return {
        availableBytes: bavail * bsize,
        capacityBytes: blocks * bsize,
        inodesFreeShare: files > 0 ? ffree / files : 1,
      };
    },
  };
}

/** https://docs.kernel.org/accounting/psi.html */
function stalledShare(): number {
  try {
    return readStalledShare(readFileSync("/proc/pressure/memory", "utf8"));
  } catch {
    return 0;
  }
}

function readStalledShare(text: string): number {
  const percent = Number(/^full avg10=(\d+\.\d+)/m.exec(text)?.[1]);
  return Number.isFinite(percent) ? percent / 100 : 0;
}
