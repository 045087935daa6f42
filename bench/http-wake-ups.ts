/**
 * How long a request takes that wakes a workload from zero, as its client sees it: through gateway, daemon, scheduler and back.
 * Warm: the node has run the workload before, and a shim of its namespace is there. Cold: the node has never seen the module.
 */
import { join } from "node:path";
import { checkout, eventually, TestCluster } from "../test/support/cluster.ts";
import { freePort } from "../test/support/free-port.ts";
import { Visitor } from "../test/support/visitor.ts";
import type { Figure } from "./figure.ts";
import { writeDistinct } from "./http/distinct-module.ts";
import { httpWorkload } from "../test/support/http-workload.ts";

const warmRounds = 100;
const coldRounds = 20;
const retryMs = 20;
const answerMsMax = 60_000;

const handlers = [
  { name: "WAGI, C", kind: "wagi", module: "tally.wasm" },
  { name: "wasi-http, C component", kind: "wasi-http", module: "hello.wasm" },
] as const;

type Handler = (typeof handlers)[number];

export async function* run(): AsyncIterable<Figure> {
  for (const handler of handlers) {
    await using bench = await WakeUpBench.start(handler);
    yield* figuresOf(`${handler.name}, awake`, await bench.awake());
    yield* figuresOf(`${handler.name}, from zero, warm`, await bench.warm());
    yield* figuresOf(`${handler.name}, from zero, cold`, await bench.cold());
  }
}

function* figuresOf(name: string, times: readonly number[]): Iterable<Figure> {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.ceil(sorted.length * part) - 1] ?? Number.NaN;
  yield { name: `${name}: p50`, value: at(0.5), unit: "ms" };
  if (sorted.length >= 100) yield { name: "  p99", value: at(0.99), unit: "ms" };
  yield { name: `  worst of ${sorted.length}`, value: sorted.at(-1) ?? Number.NaN, unit: "ms" };
}

class WakeUpBench implements AsyncDisposable {
  readonly #handler: Handler;
  readonly #cluster: TestCluster;
  readonly #visitor: Visitor;
  #modules = 0;

  /** The workload "warm" is awake, and stays for the process that it is in. */
  static async start(handler: Handler): Promise<WakeUpBench> {
    const port = await freePort();
    const nodeArgs = ["--gateway-http", `127.0.0.1:${port}`, "--gateway-debug-headers"];
    const cluster = await TestCluster.start(["one"], { nodeArgs });
    const bench = new WakeUpBench(handler, cluster, new Visitor(port));
    for (const name of ["first", "warm"]) {
      await bench.#apply(name, 1);
      await bench.#ask(name);
    }
    return bench;
  }

  private constructor(handler: Handler, cluster: TestCluster, visitor: Visitor) {
    this.#handler = handler;
    this.#cluster = cluster;
    this.#visitor = visitor;
  }

  async awake(): Promise<readonly number[]> {
    const times: number[] = [];
    for (let round = 0; round < warmRounds; round++) times.push((await this.#ask("warm")).tookMs);
    return times;
  }

  async warm(): Promise<readonly number[]> {
    const client = this.#cluster.client();
    const times: number[] = [];
    for (let round = 0; round < warmRounds; round++) {
      // A status that is behind would say that there is none while there still is one.
      await client.until("warm", ({ readyReplicas }) => readyReplicas === 1);
      await client.scale("warm", 0);
      await client.until("warm", ({ replicas = 0 }) => replicas === 0);
      // One that is stopping is not counted, and may still answer.
      await eventually(async () => {
        if ((await client.countInstances()) > 1) throw new Error("warm is stopping");
      });
      times.push(await this.#wake("warm"));
    }
    return times;
  }

  async cold(): Promise<readonly number[]> {
    const times: number[] = [];
    for (let round = 0; round < coldRounds; round++) {
      await this.#apply(`cold-${round}`, 0);
      times.push(await this.#wake(`cold-${round}`));
    }
    return times;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cluster[Symbol.asyncDispose]();
  }

  async #apply(name: string, replicas: number): Promise<void> {
    const module = join(this.#cluster.folder, `${name}.wasm`);
    writeDistinct(join(checkout, "examples/http", this.#handler.module), module, this.#modules++);
    const workload = { name, image: `file://${module}`, http: { handler: this.#handler.kind } };
    const spec = { replicas, wakeOnRequest: true };
    await this.#cluster.apply(httpWorkload({ ...workload, host: `${name}.localhost`, spec }));
  }

  async #wake(name: string): Promise<number> {
    const { tookMs, timing } = await this.#ask(name);
    if (!/wake;dur=(?!0\.0)/.test(timing)) throw new Error(`${name} was not asleep; its timing: ${timing}`);
    return tookMs;
  }

  /** Again while the gateway does not know the route yet; that does not count. */
  async #ask(name: string): Promise<{ readonly tookMs: number; readonly timing: string }> {
    const beganMs = performance.now();
    for (;;) {
      const askedMs = performance.now();
      const headers = { "wherry-debug": "timing" };
      const answer = await this.#visitor.ask(`${name}.localhost`, "/", { headers });
      const answeredMs = performance.now();
      if (answer.status === 200) {
        return { tookMs: answeredMs - askedMs, timing: String(answer.headers["server-timing"]) };
      }
      if (answer.status !== 404 || answeredMs - beganMs > answerMsMax)
        throw new Error(`${name} answered with ${answer.status}: ${answer.text}`);
      await new Promise((settle) => setTimeout(settle, retryMs));
    }
  }
}
