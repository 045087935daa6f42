/** Many hollow nodes in one process. Each has a certificate and a connection of its own. */
import { readFileSync } from "node:fs";
import { LocalCertificates } from "../../cli/local/certificates.ts";
import { type Clock, sleep } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import { type Random, seededRandom, systemRandom } from "../../kit/random.ts";
import { HollowNode, type HollowTraits } from "./hollow-node.ts";
import { dialsAtOnceMax, firstSessionMsMax } from "./limits.ts";

export interface HollowClusterOptions {
  readonly traits: HollowTraits;
  /** Number of the first node, and how many there are from it on. */
  readonly first: number;
  readonly count: number;
  readonly prefix: string;
  readonly labels: Readonly<Record<string, string>>;
  /** 0: without. */
  readonly zones: number;
  /** Folder with the CA's certificate and key; the nodes' are put beside them. */
  readonly pki: string;
  readonly seed: number;
}

const zoneLabel = "topology.kubernetes.io/zone";

export class HollowCluster implements AsyncDisposable {
  /** Never: each node goes on by itself. */
  readonly failed = new Promise<never>(() => {});
  readonly #options: HollowClusterOptions;
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #certificates: LocalCertificates;
  readonly #nodes: HollowNode[] = [];

  constructor(options: HollowClusterOptions, clock: Clock, log: Log) {
    this.#options = options;
    this.#clock = clock;
    this.#log = log;
    this.#certificates = new LocalCertificates(options.pki, () => clock.now());
  }

  /** Resolves when every node has had a session, or has been given the time for one. Answers how many have. */
  async start(signal: AbortSignal): Promise<number> {
    let next = 0;
    let connected = 0;
    const work = async () => {
      while (next < this.#options.count && !signal.aborted) {
        const node = await this.#node(this.#options.first + next++);
        if (signal.aborted) return;
        this.#nodes.push(node);
        await node.start();
        if (await this.#hasConnected(node, signal)) connected++;
      }
    };
    await Promise.all(Array.from({ length: dialsAtOnceMax }, work));
    return connected;
  }

  /** Instances that have not ended. */
  get aliveCount(): number {
    return this.#nodes.reduce((sum, node) => sum + node.aliveCount, 0);
  }

  /** Ends everything, tells the scheduler, and ends the sessions. */
  async close(): Promise<void> {
    for (const node of this.#nodes) node.drain();
    await Promise.all(this.#nodes.map((node) => node.close()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #node(number: number): Promise<HollowNode> {
    const { prefix, labels, zones, traits, seed } = this.#options;
    const name = `${prefix}${number}`;
    const { ca, certificate, key } = await this.#certificates.node(name);
    return new HollowNode({
      name,
      labels: zones > 0 ? { ...labels, [zoneLabel]: `zone-${(number % zones) + 1}` } : labels,
      tls: { ca: readFileSync(ca), cert: readFileSync(certificate), key: readFileSync(key) },
      traits,
      clock: this.#clock,
      random: systemRandom,
      dice: diceOf(seed, number),
      log: this.#log,
    });
  }

  async #hasConnected(node: HollowNode, signal: AbortSignal): Promise<boolean> {
    const over = new AbortController();
    const tooLong = sleep(this.#clock, firstSessionMsMax, AbortSignal.any([signal, over.signal]));
    const outcome = await Promise.race([
      node.connected.then(() => "connected" as const),
      tooLong.then(
        () => "late" as const,
        () => "stopped" as const,
      ),
    ]);
    over.abort(new Error("connected"));
    if (outcome === "late")
      this.#log.warn("no session yet; the node goes on trying", {
        node: node.name,
        afterSeconds: firstSessionMsMax / 1000,
      });
    return outcome === "connected";
  }
}

/** Each node has dice of its own, so that what others do changes nothing for it. */
function diceOf(seed: number, number: number): Random {
  return seededRandom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b));
}
