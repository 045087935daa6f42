/**
 * The processes among which hollow nodes are divided. Each is this program again with a part of the nodes; it ends in
 * order when its channel to us closes, so also when we are killed.
 */
import { type ChildProcess, fork } from "node:child_process";
import { WherryError } from "../../kit/errors.ts";
import { workerEndMsMax } from "./limits.ts";

interface Ready {
  readonly kind: "ready";
  readonly nodes: number;
}

export interface Part {
  readonly first: number;
  readonly count: number;
}

/** As even as it goes. */
export function divide({ first, count }: Part, workers: number): readonly Part[] {
  return Array.from({ length: workers }, (_, worker) => {
    const from = Math.floor((count * worker) / workers);
    const to = Math.floor((count * (worker + 1)) / workers);
    return { first: first + from, count: to - from };
  });
}

export class Workers {
  /** Rejects when a process ends that nobody has asked to. */
  readonly failed: Promise<never>;
  readonly #children: readonly ChildProcess[];
  #closing = false;

  /** `args` are this program's own; those of each part come after them and win. */
  constructor(program: string, args: readonly string[], parts: readonly Part[]) {
    this.#children = parts.map(({ first, count }) =>
      fork(program, [...args, "--first", `${first}`, "--nodes", `${count}`, "--workers", "1"], {
        stdio: ["ignore", "inherit", "inherit", "ipc"],
      }),
    );
    this.failed = new Promise((_, reject) => {
      for (const child of this.#children)
        child.once("exit", (code, signal) => {
          if (this.#closing) return;
          reject(new WherryError("WorkerEnded", `a process of hollow nodes ended (${code ?? signal})`));
        });
    });
    this.failed.catch(() => {});
  }

  /** Answers how many nodes have connected, all together. */
  async start(): Promise<number> {
    const counts = await Promise.all(this.#children.map(readyOf));
    return counts.reduce((sum, nodes) => sum + nodes, 0);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#children.map(end));
  }
}

function readyOf(child: ChildProcess): Promise<number> {
  return new Promise((resolve) => {
    child.on("message", (message: Ready) => {
      if (message.kind === "ready") resolve(message.nodes);
    });
  });
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  const kill = setTimeout(() => child.kill("SIGKILL"), workerEndMsMax);
  if (child.connected) child.disconnect();
  await gone;
  clearTimeout(kill);
}
