/**
 * Starts shims with all the confinement that this machine has. A command is put together from the outside in:
 *
 *   sh (enters the cgroup) ─▶ setpriv (no new privileges) ─▶ node                        shared, process
 *   sh (enters the cgroup) ─▶ bwrap ─▶ node, which sees only its own files                confined
 *
 * Each replaces itself by the next, except bwrap (see sandbox-process.ts).
 */
import type { ChildProcess } from "node:child_process";
import { closeSync, mkdirSync, openSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Isolation } from "../../api/isolation.ts";
import { WherryError } from "../../kit/errors.ts";
import {
  type LaunchPlan,
  type ProcessLimits,
  type ShimLauncher,
  spawnDetached,
} from "../runtimes/v8/launcher.ts";
import { sandboxName } from "../runtimes/v8/sandbox-process.ts";
import { innerFolderName } from "../shim/folder-socket.ts";
import { configName } from "../shim/protocol.ts";
import type { Confinement } from "./confinement.ts";
import { sandboxArguments } from "./core/sandbox-arguments.ts";

/** In the child, after standard input, output and error. */
const infoFd = 3;

const enterGroup = 'echo $$ > "$0" && exec "$@"';

export function confiningLauncher(confinement: Confinement): ShimLauncher {
  const { sandbox, cgroups } = confinement;
  const tiers: Isolation[] = sandbox ? ["shared", "process", "confined"] : ["shared", "process"];
  return {
    tiers,
    launch(plan) {
      const group = basename(plan.folder);
      // Shims of many instances are held to nothing: what one takes would be taken from the others.
      const procs = plan.isolation === "shared" ? undefined : cgroups?.open(group, limitsOf(plan));
      return launchIn(plan, confinement, procs);
    },
    hold(folder, pid, limits) {
      const procs = cgroups?.open(basename(folder), limitsOf(limits));
      if (procs !== undefined) writeFileSync(procs, String(pid));
    },
    letGo(folder) {
      const group = basename(folder);
      const endedFor = cgroups?.ranOutOfMemory(group) === true ? "memory" : undefined;
      cgroups?.close(group);
      return { endedFor };
    },
  };
}

function limitsOf({ memoryBytesMax, cpuMillisMax }: ProcessLimits) {
  return { memoryBytesMax, cpuMillisMax };
}

function launchIn(
  plan: LaunchPlan,
  { sandbox, restriction }: Confinement,
  procs: string | undefined,
): ChildProcess {
  const enter = procs === undefined ? [] : ["/bin/sh", "-c", enterGroup, procs];
  const node = [plan.execPath, ...plan.nodeFlags, plan.mainFile, plan.folder];
  if (plan.isolation !== "confined")
    return spawnDetached(plan.folder, [...enter, ...(restriction ?? []), ...node]);
  if (!sandbox) {
    throw new WherryError(
      "IsolationUnavailable",
      "start a confined process: bubblewrap does not work on this machine",
    );
  }
  const innerFolder = join(plan.folder, innerFolderName);
  // A log folder is made when its first line is written; here it must be there to be seen.
  for (const path of [innerFolder, ...plan.writablePaths]) mkdirSync(path, { recursive: true, mode: 0o700 });
  const args = sandboxArguments({
    ...plan,
    innerFolder,
    configFiles: [join(plan.folder, configName)],
    programPaths: [plan.execPath, ...plan.programPaths],
    sealsNamespaces: sandbox.sealsNamespaces,
    infoFd,
  });
  const info = openSync(join(plan.folder, sandboxName), "w", 0o600);
  try {
    return spawnDetached(plan.folder, [...enter, sandbox.program, ...args, ...node], info);
  } finally {
    closeSync(info);
  }
}
