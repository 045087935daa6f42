import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { errorMessage } from "../../kit/errors.ts";
import { freePort } from "../../test/support/free-port.ts";
import { processTree } from "../processes.ts";

/** Something that answers every GET with a short greeting, and how to start it. */
export interface Server {
  readonly name: string;
  /** Resolves once it answers. Rejects with the reason when it is not on this machine. */
  readonly start: () => Promise<RunningServer>;
}

export interface RunningServer {
  readonly url: string;
  /** All its processes; their memory counts. */
  readonly pids: () => readonly number[];
  readonly stop: () => Promise<void>;
}

const startMsMax = 60_000;
const pollMs = 20;
const messageLengthMax = 2_000;

/** Starts a program that listens on a port of the loopback address, and waits until it answers there. */
export async function startProgram(
  program: string,
  argumentsAt: (port: number) => readonly string[],
): Promise<RunningServer> {
  const port = await freePort();
  const child = spawn(program, argumentsAt(port), { stdio: ["ignore", "ignore", "pipe"] });
  const url = `http://127.0.0.1:${port}/`;
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    said = `${said}${text}`.slice(-messageLengthMax);
  });
  try {
    await Promise.race([once(child, "spawn"), once(child, "error").then(([error]) => Promise.reject(error))]);
    await untilAnswered(url, () => child.exitCode === null && child.signalCode === null);
  } catch (thrown) {
    await end(child);
    if (child.pid === undefined)
      throw new Error(`${program} cannot be started: ${errorMessage(thrown)}`, { cause: thrown });
    throw new Error(`${program} did not answer at ${url}; it said: ${said.trim() || "nothing"}`, {
      cause: thrown,
    });
  }
  return {
    url,
    pids: () => (child.pid === undefined ? [] : processTree(child.pid)),
    stop: () => end(child),
  };
}

/** `isAlive`: whether there is still something to wait for. */
export async function untilAnswered(url: string, isAlive: () => boolean): Promise<void> {
  const beganMs = performance.now();
  for (;;) {
    if (!isAlive()) throw new Error("it ended");
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(15_000) });
      const text = await response.text();
      if (response.status === 200 && text.length > 0) return;
      throw new Error(`it answered with ${response.status} ${text}`);
    } catch (thrown) {
      if (performance.now() - beganMs > startMsMax) throw thrown;
    }
    await new Promise((settle) => setTimeout(settle, pollMs));
  }
}

/** With the processes that it has started: jco serve works in one of these, and would leave it behind. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const gone = once(child, "exit");
  for (const pid of processTree(child.pid)) kill(pid);
  await gone;
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
  }
}
