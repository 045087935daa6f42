/** The folder of one shim, `<state>/shims/<shimId>`: its configuration, process, socket and own log. */
import { constants } from "node:fs";
import { mkdir, open, readdir, rm, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { connectInFolder, innerFolderName } from "../../shim/folder-socket.ts";
import type { ShimLimits } from "../../shim/limits.ts";
import type { RunId } from "../runtime-driver.ts";
import type { ProcessIdentity } from "../../shim/process-identity.ts";
import {
  configName,
  ownLogName,
  ownRunName,
  type OwnRunRecord,
  processName,
  type ShimIdentity,
  socketName,
} from "../../shim/protocol.ts";
import { readSandbox } from "./sandbox-process.ts";

/** An abort of the engine takes some 3,000: its last collections, the reason, the native stack. */
const logTailBytes = 8_192;

/** Of the files that a shim and its daemon write for each other. */
const jsonBytesMax = 65_536;

/** What a shim is started with. */
export interface ShimConfig extends ShimIdentity {
  readonly limits: ShimLimits;
  /** Of the engine's heap, where it is another than the engine's own choice. */
  readonly heapMb?: number;
  /** Of a confined shim. */
  readonly onlyRun?: RunId;
}

export async function createShimFolder(folder: string, config: ShimConfig): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, configName), JSON.stringify(config), { mode: 0o600 });
}

export async function listShimFolders(root: string): Promise<string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(root, entry.name));
  } catch {
    return [];
  }
}

/** As it was started: who has claimed it since, it says itself. */
export async function readConfig(
  folder: string,
): Promise<(ShimIdentity & Pick<ShimConfig, "heapMb" | "onlyRun">) | undefined> {
  const config = (await readJson(join(folder, configName))) as ShimConfig | undefined;
  // One that the version before this one has started is shared.
  return config && { ...config, isolation: config.isolation ?? "shared" };
}

/** Of a shim for one run, once that has started: for when it cannot say so itself. */
export async function readOwnRun(folder: string): Promise<OwnRunRecord | undefined> {
  const inner = join(folder, innerFolderName, ownRunName);
  const found = ((await readJson(inner)) ?? (await readJson(join(folder, ownRunName)))) as
    | OwnRunRecord
    | undefined;
  // The version before this one has not written down listeners.
  return found && { ...found, report: { ...found.report, listeners: found.report.listeners ?? [] } };
}

export async function readProcess(folder: string): Promise<ProcessIdentity | undefined> {
  const sandbox = readSandbox(folder);
  if (sandbox.kind === "running") return sandbox.process;
  // What a confined shim says about its own process is true in its namespace only, if at all.
  if (sandbox.kind !== "none") return undefined;
  return (await readJson(join(folder, processName))) as ProcessIdentity | undefined;
}

/** A confined shim may have put anything there: a link, a pipe, a file without end. */
const noTricks = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

async function readJson(path: string): Promise<unknown> {
  try {
    await using file = await open(path, noTricks);
    const facts = await file.stat();
    if (!facts.isFile() || facts.size > jsonBytesMax) return undefined;
    return JSON.parse(await file.readFile("utf8"));
  } catch {
    return undefined;
  }
}

/** Undefined when nobody listens. */
export function connectTo(folder: string): Promise<Socket | undefined> {
  return connectInFolder(folder, socketName);
}

/** The last of what the shim wrote about itself: an abort of the engine says here why. */
export async function readLogTail(folder: string): Promise<string> {
  try {
    const file = await open(join(folder, ownLogName), "r");
    try {
      const { size } = await file.stat();
      const from = Math.max(0, size - logTailBytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(logTailBytes), 0, logTailBytes, from);
      return buffer.toString("utf8", 0, bytesRead).trim();
    } finally {
      await file.close();
    }
  } catch {
    return "";
  }
}

export function removeShimFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}
