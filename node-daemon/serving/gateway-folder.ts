/** The folder of one gateway process, `<state>/gateway/processes/<id>`: its configuration, process, control socket and own log. */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import type { Socket } from "node:net";
import { join } from "node:path";
import { configName, type GatewayConfig, processName, socketName } from "../gateway/control.ts";
import { connectInFolder } from "../shim/folder-socket.ts";
import type { ProcessIdentity } from "../shim/process-identity.ts";

export async function createGatewayFolder(folder: string, config: GatewayConfig): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(join(folder, configName), JSON.stringify(config), { mode: 0o600 });
}

export async function listGatewayFolders(root: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(root, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => join(root, entry.name));
  } catch {
    return [];
  }
}

export async function readGatewayConfig(folder: string): Promise<GatewayConfig | undefined> {
  return (await readJson(join(folder, configName))) as GatewayConfig | undefined;
}

export async function readGatewayProcess(folder: string): Promise<ProcessIdentity | undefined> {
  return (await readJson(join(folder, processName))) as ProcessIdentity | undefined;
}

export function removeGatewayFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}

async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch {
    return undefined;
  }
}

/** Undefined when nobody listens. */
export function connectToGateway(folder: string): Promise<Socket | undefined> {
  return connectInFolder(folder, socketName);
}
