/**
 * A confined shim as the machine sees it.
 *
 *   daemon ─▶ bwrap, in front ─▶ bwrap, first process of a pid namespace ─▶ the shim
 *              passes on the end   ends, and everything in it ends            knows itself as pid 2
 *
 * The process in front passes no signal on, and the shim outlives its death. The first process of the namespace is the one to
 * watch and to kill: the kernel then ends all others in it, whatever they have become. bubblewrap itself writes its pid into a
 * file that the shim cannot see, so that neither a daemon that died nor a shim that lies can hide the process or put another in
 * its place.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { isProcessAlive, type ProcessIdentity, processStartTicks } from "../../shim/process-identity.ts";

/** Made, empty, by whoever starts a confined shim. */
export const sandboxName = "sandbox.json";

export type Sandbox =
  | { readonly kind: "none" }
  /** bubblewrap has not said anything yet. */
  | { readonly kind: "starting" }
  | { readonly kind: "gone" }
  | { readonly kind: "running"; readonly process: ProcessIdentity };

export function readSandbox(folder: string): Sandbox {
  let text: string;
  try {
    text = readFileSync(join(folder, sandboxName), "utf8");
  } catch {
    return { kind: "none" };
  }
  const said = parse(text);
  if (!said) return { kind: "starting" };
  try {
    // Ids of processes are used again. That another process has both the id and the namespace is not to be feared.
    const namespace = readlinkSync(`/proc/${said.pid}/ns/pid`);
    if (namespace !== `pid:[${said.namespace}]`) return { kind: "gone" };
  } catch {
    return { kind: "gone" };
  }
  const process = { pid: said.pid, startTicks: processStartTicks(said.pid) };
  return isProcessAlive(process) ? { kind: "running", process } : { kind: "gone" };
}

function parse(text: string): { readonly pid: number; readonly namespace: number } | undefined {
  try {
    const said = JSON.parse(text) as Readonly<Record<string, unknown>>;
    const pid = said["child-pid"];
    const namespace = said["pid-namespace"];
    return typeof pid === "number" && typeof namespace === "number" ? { pid, namespace } : undefined;
  } catch {
    return undefined;
  }
}

/** `front`: the process that was started, or that an earlier daemon's files name. */
export function isShimAlive(folder: string, front: ProcessIdentity | undefined): boolean {
  const sandbox = readSandbox(folder);
  if (sandbox.kind === "running") return true;
  return sandbox.kind !== "gone" && front !== undefined && isProcessAlive(front);
}

/** A confined shim is always killed: no other signal passes into its namespace. Throws what `kill` throws. */
export function signalShim(
  folder: string,
  front: ProcessIdentity | undefined,
  signal: "SIGKILL" | "SIGTERM",
): void {
  const sandbox = readSandbox(folder);
  const alive = front !== undefined && isProcessAlive(front);
  if (sandbox.kind === "none") {
    if (alive) process.kill(front.pid, signal);
    return;
  }
  // With its group: between its start and what it says about itself it has a child that nobody else knows of.
  if (sandbox.kind === "starting" && alive) process.kill(-front.pid, "SIGKILL");
  if (sandbox.kind === "running") process.kill(sandbox.process.pid, "SIGKILL");
}
