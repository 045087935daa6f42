/**
 * Limits of the kernel for processes that host one instance, through cgroup v2, in a part of the hierarchy that is ours.
 *
 *   <the daemon's own cgroup>          delegated: nobody else is in it
 *     ├── daemon                       this process, and shims that many instances share
 *     └── shims
 *           └── <shim>                 memory.max, pids.max, cpu.max; cgroup.kill ends whatever is in it
 *
 * A cgroup with controllers for its children has no processes itself, so the daemon moves down a level. It does so only when
 * it is alone there: in the cgroup of a login session the others are none of our business. The next daemon finds the groups
 * as they are.
 */
import { mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { errorMessage } from "../../kit/errors.ts";
import { confinementLimits } from "./core/limits.ts";

export interface GroupLimits {
  readonly memoryBytesMax: number | undefined;
  readonly cpuMillisMax: number | undefined;
}

export interface CgroupTree {
  /** Makes the group, and answers the file that takes the id of the process which is to be in it. */
  open(name: string, limits: GroupLimits): string;
  /** Whether the kernel has ended it for its memory. */
  ranOutOfMemory(name: string): boolean;
  /** Ends what is left in it, and removes it as far as that is possible at once. */
  close(name: string): void;
  /** Removes groups that nobody is in any more. */
  sweep(): void;
}

export type CgroupOutcome =
  | { readonly kind: "works"; readonly tree: CgroupTree; readonly folder: string }
  | { readonly kind: "unavailable"; readonly reason: string; readonly message: string };

export interface CgroupSources {
  /** `/proc/self/cgroup`. */
  readonly membership: string;
  /** `/proc/self/mountinfo`. */
  readonly mounts: string;
  readonly pid: number;
}

const daemonGroup = "daemon";
const shimsGroup = "shims";

export function systemCgroupSources(): CgroupSources {
  const read = (path: string) => {
    try {
      return readFileSync(path, "utf8");
    } catch {
      return "";
    }
  };
  return { membership: read("/proc/self/cgroup"), mounts: read("/proc/self/mountinfo"), pid: process.pid };
}

/** The folder of the cgroup of this process in the v2 hierarchy. */
export function ownCgroup({ membership, mounts }: CgroupSources): string | undefined {
  const path = /^0::(\/.*)$/m.exec(membership)?.[1];
  for (const line of mounts.split("\n")) {
    const [fields = "", more = ""] = line.split(" - ");
    const mountPoint = fields.split(" ")[4];
    if (path !== undefined && mountPoint !== undefined && more.startsWith("cgroup2 "))
      return join(mountPoint, path);
  }
  return undefined;
}

/** Really makes the groups, and tries one. */
export function openCgroups(sources: CgroupSources): CgroupOutcome {
  const own = ownCgroup(sources);
  if (own === undefined) return unavailable("NoCgroup2", "this machine has no cgroup v2 hierarchy");
  try {
    return openIn(own, sources.pid);
  } catch (thrown) {
    const advice = "run the daemon as a systemd service with Delegate=yes (see docs/NODE.md)";
    return unavailable("NotDelegated", `cgroup ${own} cannot be used: ${errorMessage(thrown)}; ${advice}`);
  }
}

function unavailable(reason: string, message: string): CgroupOutcome {
  return { kind: "unavailable", reason, message };
}

function openIn(own: string, pid: number): CgroupOutcome {
  const controllers = words(join(own, "cgroup.controllers"));
  const missing = ["memory", "pids"].filter((name) => !controllers.includes(name));
  if (missing.length > 0) {
    const message = `cgroup ${own} has no controllers ${missing.join(" and ")}; boot with cgroup v2 alone, or delegate them`;
    return unavailable("NoControllers", message);
  }
  const others = words(join(own, "cgroup.procs")).filter((one) => one !== String(pid));
  if (others.length > 0) {
    const message =
      `${others.length} other processes are in cgroup ${own}; ` +
      "run the daemon as a systemd service with Delegate=yes (see docs/NODE.md)";
    return unavailable("NotDelegated", message);
  }
  const base = basename(own) === daemonGroup ? dirname(own) : own;
  const wanted = ["memory", "pids", "cpu"]
    .filter((name) => controllers.includes(name))
    .map((name) => `+${name}`);
  const shims = join(base, shimsGroup);
  mkdirSync(join(base, daemonGroup), { recursive: true });
  write(join(base, daemonGroup), "cgroup.procs", String(pid));
  write(base, "cgroup.subtree_control", wanted.join(" "));
  mkdirSync(shims, { recursive: true });
  write(shims, "cgroup.subtree_control", wanted.join(" "));
  const tree = treeIn(shims);
  // Of shims that ended without a daemon.
  tree.sweep();
  tree.open("trial", { memoryBytesMax: 2 ** 30, cpuMillisMax: undefined });
  tree.close("trial");
  return { kind: "works", tree, folder: shims };
}

/** `folder` exists, and its children have controllers. */
export function treeIn(folder: string): CgroupTree {
  const remove = (name: string) => {
    try {
      rmdirSync(join(folder, name));
    } catch {
      // Somebody is in it: a sweep comes.
    }
  };
  return {
    open(name, { memoryBytesMax, cpuMillisMax }) {
      const group = join(folder, name);
      mkdirSync(group, { recursive: true });
      write(group, "pids.max", String(confinementLimits.tasksMax));
      if (memoryBytesMax !== undefined) {
        write(group, "memory.max", String(memoryBytesMax));
        // A process that has lost a thread of its own is of no use.
        write(group, "memory.oom.group", "1");
      }
      if (cpuMillisMax !== undefined) write(group, "cpu.max", `${cpuMillisMax * 100} 100000`);
      return join(group, "cgroup.procs");
    },
    ranOutOfMemory(name) {
      try {
        const events = readFileSync(join(folder, name, "memory.events"), "utf8");
        return Number(/^oom_kill (\d+)$/m.exec(events)?.[1] ?? 0) > 0;
      } catch {
        // It has no limit, or there is no such group.
        return false;
      }
    },
    close(name) {
      try {
        write(join(folder, name), "cgroup.kill", "1");
      } catch {
        // Before Linux 5.14, or gone already.
      }
      remove(name);
    },
    sweep() {
      for (const entry of readdirSync(folder, { withFileTypes: true }))
        if (entry.isDirectory()) remove(entry.name);
    },
  };
}

function write(group: string, file: string, text: string): void {
  writeFileSync(join(group, file), text);
}

function words(path: string): readonly string[] {
  return readFileSync(path, "utf8").split(/\s+/).filter(Boolean);
}
