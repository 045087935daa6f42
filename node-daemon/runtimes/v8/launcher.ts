/**
 * The port through which the driver starts the process of a shim. The plain launcher starts it as it is; a machine that can
 * confine processes further gives the driver another one.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import type { Isolation } from "../../../api/isolation.ts";
import { ownLogName } from "../../shim/protocol.ts";

/** Everything that the new process needs, and all that it may see. */
export interface LaunchPlan {
  /** Exists. The process gets it as its one argument, writes in it, and finds its configuration there. */
  readonly folder: string;
  readonly execPath: string;
  readonly nodeFlags: readonly string[];
  readonly mainFile: string;
  /** Everything that it imports. */
  readonly programPaths: readonly string[];
  /** `confined`: only with a launcher that has it in its tiers. */
  readonly isolation: Isolation;
  /** Beside the program itself. Absolute. */
  readonly readOnlyPaths: readonly string[];
  /** Beside the folder. Absolute. */
  readonly writablePaths: readonly string[];
  /** Whether its guests may use the machine's network at all. */
  readonly network: boolean;
  /** Of the whole process, where the machine can hold it to that. */
  readonly memoryBytesMax?: number;
  /** Thousandths of a core, likewise. */
  readonly cpuMillisMax?: number;
}

export interface ShimLauncher {
  /** Tiers that it can give, the one that shares least last. */
  readonly tiers: readonly Isolation[];
  /**
   * The process outlives this one, and writes its standard output and error to the folder's own log. A confined shim is found
   * and signalled by way of sandbox-process.ts, any other by its id. Throws when it cannot even be tried; a program that is
   * missing is told by `error`.
   */
  launch(plan: LaunchPlan): ChildProcess;
  /** A process that was launched for nobody is one instance's from now on, and is held to its limits. Throws if it cannot be. */
  hold(folder: string, pid: number, limits: ProcessLimits): void;
  /** The process is gone. `memory`: the system has ended it for taking more than it may. */
  letGo(folder: string): { readonly endedFor: "memory" | undefined };
}

export type ProcessLimits = Pick<LaunchPlan, "memoryBytesMax" | "cpuMillisMax">;

export const plainLauncher: ShimLauncher = {
  tiers: ["shared", "process"],
  launch: (plan) =>
    spawnDetached(plan.folder, [plan.execPath, ...plan.nodeFlags, plan.mainFile, plan.folder]),
  hold() {},
  letGo: () => ({ endedFor: undefined }),
};

/**
 * In a session of its own, so that neither a signal to the daemon's group nor the daemon's end reaches it. `extra` is the
 * process' descriptor 3.
 */
export function spawnDetached(folder: string, command: readonly string[], extra?: number): ChildProcess {
  const [program = "", ...args] = command;
  const log = openSync(join(folder, ownLogName), "a", 0o600);
  try {
    const child = spawn(program, args, {
      detached: true,
      // What the daemon was given is none of the guests' business.
      env: {},
      stdio: ["ignore", log, log, ...(extra === undefined ? [] : [extra])],
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}
