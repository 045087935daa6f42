import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { type InheritedSocket, ownLogName } from "../control.ts";

/**
 * Starts a gateway in its folder, in a session of its own, so that neither a signal to this process' group nor its end reaches it.
 * The sockets become its descriptors from 3 on. Throws when it cannot even be tried; a program that is missing is told to `onError`.
 */
export function startGateway(
  folder: string,
  [program = "", ...args]: readonly string[],
  sockets: readonly InheritedSocket[],
): ChildProcess {
  const log = openSync(join(folder, ownLogName), "a", 0o600);
  try {
    const inherited = sockets.map(({ address }, index): InheritedSocket => ({ address, fd: 3 + index }));
    const child = spawn(program, [...args, folder, JSON.stringify(inherited)], {
      detached: true,
      env: {},
      stdio: ["ignore", log, log, ...sockets.map(({ fd }) => fd)],
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}
