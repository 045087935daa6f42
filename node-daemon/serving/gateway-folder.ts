/** The folder of one gateway process, `<state>/gateway/processes/<id>`: its configuration, process, control socket and own log. */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { configName, type GatewayConfig, processName, socketName } from "../gateway/control.ts";
import type { ProcessIdentity } from "../shim/process-identity.ts";

/** Linux's O_PATH, which Node has no name for. */
const openPathOnly = 0o10000000;

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

/** Undefined when nobody listens. By way of a descriptor, as a path of a socket is short. */
export function connectToGateway(folder: string): Promise<Socket | undefined> {
  const file = openSocket(join(folder, socketName));
  if (file === undefined) return Promise.resolve(undefined);
  return new Promise((resolve) => {
    const socket = connect(`/proc/self/fd/${file}`);
    const settle = (outcome: Socket | undefined) => {
      socket.off("error", onError);
      closeSync(file);
      resolve(outcome);
    };
    const onError = () => {
      socket.destroy();
      settle(undefined);
    };
    socket.once("error", onError);
    socket.once("connect", () => settle(socket));
  });
}

function openSocket(path: string): number | undefined {
  let file: number;
  try {
    file = openSync(path, openPathOnly | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
  if (fstatSync(file).isSocket()) return file;
  closeSync(file);
  return undefined;
}
