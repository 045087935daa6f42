/**
 * What this machine can hold a shim to beyond being a process: found out once, at the start, by really doing it.
 * Everything works without any of it; what is missing is said in the node's conditions, with what to install or allow.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type CgroupTree, openCgroups, systemCgroupSources } from "./cgroup.ts";
import type { NodeCondition } from "./core/condition.ts";
import { sandboxArguments } from "./core/sandbox-arguments.ts";
import { findProgram, tryProgram } from "./tools.ts";

export interface Confinement {
  /** bubblewrap, for shims that see nothing but what is theirs. */
  readonly sandbox: { readonly program: string; readonly sealsNamespaces: boolean } | undefined;
  /** A command that runs another without ways to more privileges. */
  readonly restriction: readonly string[] | undefined;
  readonly cgroups: CgroupTree | undefined;
  readonly conditions: readonly NodeCondition[];
}

/**
 * What a root's shim keeps: whatever mounts of files that belong to other users need, and ports below 1024. Without root
 * there is nothing to drop.
 */
const keptCapabilities = ["chown", "dac_override", "fowner", "fsetid", "net_bind_service"];

export async function detectConfinement(options: {
  readonly execPath: string;
  readonly searchPath: string;
}): Promise<Confinement> {
  const [sandbox, restriction] = await Promise.all([
    findSandbox(options),
    findRestriction(options.searchPath),
  ]);
  const cgroups = openCgroups(systemCgroupSources());
  return {
    sandbox: sandbox.found,
    restriction: restriction.found,
    cgroups: cgroups.kind === "works" ? cgroups.tree : undefined,
    conditions: [
      sandbox.condition,
      cgroups.kind === "works"
        ? condition("CgroupLimits", true, "Delegated", `limits are set below ${cgroups.folder}`)
        : condition("CgroupLimits", false, cgroups.reason, cgroups.message),
      restriction.condition,
    ],
  };
}

interface Found<T> {
  readonly found: T | undefined;
  readonly condition: NodeCondition;
}

async function findSandbox({
  execPath,
  searchPath,
}: {
  readonly execPath: string;
  readonly searchPath: string;
}): Promise<Found<NonNullable<Confinement["sandbox"]>>> {
  const program = findProgram("bwrap", searchPath);
  if (program === undefined) {
    const message = "isolation: confined needs bubblewrap; install the package bubblewrap";
    return { found: undefined, condition: condition("Confinement", false, "BubblewrapMissing", message) };
  }
  let why = "";
  // Versions before 0.8 cannot seal.
  for (const sealsNamespaces of [true, false]) {
    const trial = await tryInSandbox(program, sealsNamespaces, execPath);
    if (trial.kind === "works") {
      const message = `bubblewrap (${program}) confines a process`;
      return {
        found: { program, sealsNamespaces },
        condition: condition("Confinement", true, "BubblewrapWorks", message),
      };
    }
    why ||= trial.why;
  }
  const message = `${program} fails: ${why}; allow user namespaces to this user (sysctl user.max_user_namespaces, AppArmor)`;
  return { found: undefined, condition: condition("Confinement", false, "BubblewrapFails", message) };
}

/** Node itself, so that a library which is not where it is looked for shows here and not at the first instance. */
async function tryInSandbox(program: string, sealsNamespaces: boolean, execPath: string) {
  const folder = mkdtempSync(join(tmpdir(), "wherry-trial-"));
  try {
    const innerFolder = join(folder, "inner");
    mkdirSync(innerFolder);
    const args = sandboxArguments({
      folder,
      innerFolder,
      configFiles: [],
      programPaths: [execPath],
      readOnlyPaths: [],
      writablePaths: [],
      network: false,
      sealsNamespaces,
      infoFd: 1,
    });
    const script = "process.exit(process.pid < 10 ? 0 : 1)";
    return await tryProgram(program, [...args, execPath, "-e", script]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function findRestriction(searchPath: string): Promise<Found<readonly string[]>> {
  const program = findProgram("setpriv", searchPath);
  const cat = findProgram("cat", searchPath);
  if (program === undefined || cat === undefined) {
    const message =
      "shims may gain privileges through programs with the setuid bit; install the package util-linux";
    return { found: undefined, condition: condition("NoNewPrivileges", false, "SetprivMissing", message) };
  }
  const kept = keptCapabilities.map((name) => `,+${name}`).join("");
  const dropping = process.getuid?.() === 0 ? [`--bounding-set=-all${kept}`, "--inh-caps=-all"] : [];
  const command = [program, "--no-new-privs", ...dropping, "--"];
  const trial = await tryProgram(program, [...command.slice(1), cat, "/proc/self/status"]);
  if (trial.kind === "works" && /^NoNewPrivs:\s*1$/m.test(trial.output)) {
    const message = `${program} starts shims without a way to more privileges`;
    return { found: command, condition: condition("NoNewPrivileges", true, "SetprivWorks", message) };
  }
  const why = trial.kind === "fails" ? trial.why : "the process could still gain privileges";
  return {
    found: undefined,
    condition: condition("NoNewPrivileges", false, "SetprivFails", `${program} fails: ${why}`),
  };
}

function condition(type: string, status: boolean, reason: string, message: string): NodeCondition {
  return { type, status, reason, message };
}
