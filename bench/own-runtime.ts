import { readdirSync, readFileSync } from "node:fs";
import {
  type PreparedModule,
  type RunEnd,
  type RuntimeDriver,
} from "../node-daemon/runtimes/runtime-driver.ts";
import { type Recorder, TestNode } from "../node-daemon/runtimes/v8/test-driver.ts";
import type { Sample } from "./timed-program.ts";

const memoryBytesMax = 512 * 2 ** 20;

/** Runs modules as instances, each translated once, in shims of this runtime's own. */
export class OwnRuntime implements AsyncDisposable {
  readonly #node: TestNode;
  readonly #driver: RuntimeDriver;
  readonly #told: Recorder;
  readonly #prepared = new Map<string, PreparedModule>();
  #runs = 0;
  #shims = 0;

  static async open(): Promise<OwnRuntime> {
    const node = new TestNode();
    const { driver, told } = await node.open();
    return new OwnRuntime(node, driver, told);
  }

  private constructor(node: TestNode, driver: RuntimeDriver, told: Recorder) {
    this.#node = node;
    this.#driver = driver;
    this.#told = told;
  }

  /** In a process of its own, whose start counts, or in the one that the last run has left. */
  async run(file: string, shim: "new" | "same"): Promise<Sample> {
    const module = this.#prepared.get(file) ?? (await this.#node.prepared(this.#driver, readFileSync(file)));
    this.#prepared.set(file, module);
    if (shim === "new") {
      this.#endShims();
      this.#shims++;
    }
    const uid = `run-${this.#runs++}`;
    const usedBefore = this.#usedMs();
    const beganMs = performance.now();
    this.#driver.start(
      this.#node.spec(uid, module, { namespace: `speed-${this.#shims}`, memoryBytesMax, args: [file] }),
    );
    const end = await this.#told.endOf(uid);
    const wallMs = performance.now() - beganMs;
    const cpuMs = this.#usedMs() - usedBefore;
    return { wallMs, cpuMs, output: this.#outputOf(uid, end) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node[Symbol.asyncDispose]();
  }

  /** They have nothing to do any more, and would be kept for others of their namespace. */
  #endShims(): void {
    for (const pid of this.#node.shimPids()) process.kill(pid, "SIGTERM");
  }

  #outputOf(uid: string, end: RunEnd): string {
    if (end.kind !== "exited" || end.exitCode !== 0) throw new Error(`${uid}: ${JSON.stringify(end)}`);
    // Each line has its time, its stream and a letter before it.
    const lines = this.#node.log(uid).trim().split("\n");
    return lines.map((line) => line.split(" ").slice(3).join(" ")).join("\n");
  }

  /** Of all threads of the last shim. The kernel counts in nanoseconds here, and in hundredths of a second elsewhere. */
  #usedMs(): number {
    const owned = [...this.#node.owners()].find(([, namespace]) => namespace === `speed-${this.#shims}`);
    if (owned === undefined) return 0;
    const threads = `/proc/${owned[0]}/task`;
    const used = readdirSync(threads).map((thread) =>
      Number(readFileSync(`${threads}/${thread}/schedstat`, "utf8").split(" ")[0]),
    );
    return used.reduce((sum, ns) => sum + ns, 0) / 1e6;
  }
}
