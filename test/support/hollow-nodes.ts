import { type ChildProcess, fork } from "node:child_process";
import { join } from "node:path";
import { checkout, type TestCluster } from "./cluster.ts";

/** A process of hollow nodes beside a cluster. `await using` ends it. */
export class HollowNodes implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Resolves when every node has a session. */
  static async start(
    cluster: TestCluster,
    nodes: number,
    args: readonly string[] = [],
  ): Promise<HollowNodes> {
    const { nodesAddress, directory } = cluster;
    const own = [
      "--nodes",
      `${nodes}`,
      "--join",
      nodesAddress,
      "--pki",
      directory.pki,
      "--log-level",
      "error",
    ];
    const child = fork(join(checkout, "tools/hollow-nodes/main.ts"), [...own, ...args], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    const hollow = new HollowNodes(child);
    const connected = await new Promise<number>((resolve, reject) => {
      child.on("message", (message: { kind: string; nodes: number }) => resolve(message.nodes));
      child.once("exit", (code, signal) => reject(new Error(`hollow nodes ended (${code ?? signal})`)));
    });
    if (connected === nodes) return hollow;
    await hollow.end("SIGKILL");
    throw new Error(`${connected} of ${nodes} hollow nodes have connected`);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Answers its exit code. */
  async end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill(signal);
      await gone;
    }
    return child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end("SIGKILL");
  }
}
