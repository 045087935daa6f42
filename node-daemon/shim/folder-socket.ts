/** The sockets in a shim's folder, as whoever is outside connects to them. */
import { closeSync, constants, fstatSync, openSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { join } from "node:path";

/** Inside the shim's folder: what a confined shim sees as its folder. Nothing in it is to be believed. */
export const innerFolderName = "inner";

/** Linux's O_PATH, which Node has no name for. */
const openPathOnly = 0o10000000;

/**
 * Undefined when nobody listens. By way of a descriptor, as a path of a socket is short, and as a confined shim may have put a
 * symlink there, to a socket that it cannot reach itself.
 */
export function connectInFolder(folder: string, name: string): Promise<Socket | undefined> {
  const file = openSocket(join(folder, innerFolderName, name)) ?? openSocket(join(folder, name));
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
