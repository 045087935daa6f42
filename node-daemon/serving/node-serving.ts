/**
 * The daemon's part in answering requests, put together: what the gateways of this node are to know, and what they say.
 *
 *   session ── updates ──▶ told facts (on disk) ──┐                       ┌── wake ────▶ session
 *   agent ──── instances ─▶ endpoint board ───────┼─▶ gateway processes ──┼── drained ─▶ agent
 *   options ── identity ──────────────────────────┘                       └── figures ─▶ metrics
 *
 * Invariant: each gateway is told the same, in the same order, and all of it anew with each connection.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, sleep } from "../../kit/clock.ts";
import { errorMessage, WherryError } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { TracingOptions } from "../../kit/tracing/tracing-options.ts";
import type { RunId } from "../core/run.ts";
import type {
  BoundAddress,
  GatewayWorkload,
  RequestFigures,
  ToGateway,
  WorkloadFigures,
} from "../gateway/control.ts";
import { configOf, type HeldInstance } from "../held-instance.ts";
import { Ledger } from "../ledger.ts";
import { removeUnusedPrograms } from "../own-program.ts";
import type { ConditionBoard } from "../machine/condition-board.ts";
import type { Checkpoint } from "../session/checkpoint.ts";
import type { TrafficSource, WorkloadTraffic } from "../session/traffic-news.ts";
import { DirectRuns } from "./direct-runs.ts";
import { Drains } from "./drains.ts";
import { EndpointBoard } from "./endpoint-board.ts";
import { Figures, type SummedFigures, wholeFigures } from "./figures.ts";
import type { GatewayHandle, GatewayMessage } from "./gateway-handle.ts";
import { GatewayKeeper } from "./gateway-keeper.ts";
import { buildIdOf, type GatewayProgram } from "./gateway-program.ts";
import { type GatewayUpdate, joined } from "./gateway-update.ts";
import { servingLimits } from "./limits.ts";
import { SavedFiguresFile } from "./saved-figures.ts";
import { type GatewayProcesses, ProcessBook } from "./process-figures.ts";
import { peerAddressOf, type ServingOptions, urlsOf } from "./serving-options.ts";
import { ToldFacts } from "./told-facts.ts";

export interface NodeServingOptions {
  readonly options: ServingOptions;
  readonly nodeName: string;
  /** Has a folder for each process, and where they listened last. */
  readonly folder: string;
  /** Undefined if there is to be no gateway. */
  readonly program: GatewayProgram | undefined;
  readonly orphanMs: number | undefined;
  /** undefined: there are no traces. */
  readonly tracing: TracingOptions | undefined;
  readonly tls: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
  readonly checkpoint: Pick<Checkpoint, "commit" | "loadGatewayFacts">;
  readonly conditions: Pick<ConditionBoard, "set">;
  readonly requestFolderOf: (held: HeldInstance) => string | undefined;
  readonly boundPortOf: (held: HeldInstance, listener: string) => number | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export interface ServedWorkload {
  readonly workload: GatewayWorkload;
  readonly figures: SummedFigures;
}

export class NodeServing implements TrafficSource {
  readonly #options: NodeServingOptions;
  readonly #facts = new ToldFacts();
  readonly #ledger: Ledger;
  readonly #board: EndpointBoard;
  readonly #keeper: GatewayKeeper;
  readonly #direct = new DirectRuns();
  /** Of gateways, and of runs that take requests themselves. */
  readonly #figures = new Figures<GatewayHandle | string>({
    hasPast: (source) => (typeof source === "string" ? this.#direct.isAdopted(source) : source.isFound),
    idOf: (source) => (typeof source === "string" ? source : source.config.gatewayId),
  });
  readonly #savedFigures: SavedFiguresFile;
  readonly #processes = new ProcessBook<GatewayHandle>();
  readonly #drains: Drains<GatewayHandle>;
  #part: GatewayUpdate | undefined;
  #addresses: readonly BoundAddress[] = [];
  #trouble = "";
  #settled = Promise.withResolvers<void>();
  #onWake: (workloads: readonly string[]) => void = () => {};
  #onAddresses: () => void = () => {};
  #onTraffic: (uid: string) => void = () => {};
  #onWorkloads: () => void = () => {};

  constructor(options: NodeServingOptions) {
    this.#options = options;
    const { checkpoint, clock, log, requestFolderOf, boundPortOf } = options;
    this.#ledger = new Ledger({ checkpoint, instanceOf: () => undefined, clock, log });
    this.#keeper = new GatewayKeeper({ ...keeperOptions(options), events: this.#keeperEvents() });
    this.#drains = new Drains({
      // One that is still starting has no requests.
      gateways: () => [...this.#keeper.gateways].filter(({ wasReady }) => wasReady),
      ask: (gateway, uid) => gateway.send({ kind: "drain", uid }),
    });
    this.#board = new EndpointBoard({
      requestFolderOf,
      boundPortOf,
      told: (endpoint) => this.#keeper.tell({ kind: "endpoint", endpoint }),
      gone: (uid, drains) => {
        if (drains) void this.#drains.begin(uid);
        else this.#keeper.tell({ kind: "endpointGone", uid });
      },
    });
    this.#facts.load(checkpoint.loadGatewayFacts());
    this.#savedFigures = new SavedFiguresFile({ folder: options.folder, clock, log });
    this.#figures.load(this.#savedFigures.read());
  }

  /** Whether this node is to have a gateway. */
  get isWanted(): boolean {
    return this.#options.options.listen.length > 0;
  }

  /** For gateways of other nodes; empty as long as there is none. */
  get peerAddress(): string {
    return peerAddressOf(this.#addresses, this.#options.options);
  }

  /** For clients. */
  get urls(): readonly string[] {
    return urlsOf(this.#addresses, this.#options.options);
  }

  /**
   * Once the instances are known. Resolves when the gateway listens, or does not in good time. Throws a {@link WherryError}
   * AddressUnavailable when there was none before, and an address cannot be had.
   */
  async start(): Promise<void> {
    const over = new AbortController();
    const late = sleep(this.#options.clock, servingLimits.readyMs, over.signal).catch(() => {});
    const found = this.#keeper.start().then(() => {
      const gateways = Array.from(this.#keeper.gateways, ({ config }) => config.gatewayId);
      this.#figures.loadedOnly(new Set([...gateways, ...this.#direct.adoptedKeys]));
      return this.#removePrograms();
    });
    await Promise.race([this.isWanted ? this.#settled.promise : found, late]);
    over.abort(new Error("it listens"));
    if (!this.isWanted) return;
    if (this.#addresses.length > 0 || this.#trouble === "") return;
    // It would go on trying, and nobody would know of it.
    await this.#keeper.end(0);
    throw new WherryError(
      "AddressUnavailable",
      `${this.#trouble}; choose another address (--gateway-http, --gateway-https and --gateway-peer of wherry-node, --http-port and --https-port of wherry up)`,
    );
  }

  // What the agent tells.

  follow(held: HeldInstance): void {
    this.#board.follow(held);
    const over = this.#direct.over(held);
    if (over === undefined) return;
    for (const uid of this.#figures.died(over)) {
      if (this.#workload(uid) === undefined) this.#figures.forget(uid);
      this.#onTraffic(uid);
    }
  }

  /** A run that an earlier daemon has left. */
  adopted(id: RunId): void {
    this.#direct.adopted(id);
  }

  /** What its present run was asked at a listener of its own, since that began. */
  requests(held: HeldInstance, requests: RequestFigures): void {
    const { uid, owner } = held.assignment;
    const { inFlight, waiting } = requests;
    // What is not held is with the one instance that there is.
    const load = {
      uid,
      inFlight: Math.max(0, inFlight - waiting),
      concurrency: configOf(held)?.serving?.concurrency ?? 0,
    };
    // Its process may say that they are another workload's.
    this.#note(this.#direct.note(held), [{ ...requests, uid: owner.uid, instances: [load] }]);
  }

  /** Of an endpoint that was told to be gone: resolves once nothing is under way there. */
  drained(uid: string): Promise<void> {
    return this.#drains.begin(uid);
  }

  /** It is not waited for any more. */
  forgetDrain(uid: string): void {
    this.#drains.forget(uid);
  }

  // What the session tells.

  beginSession(): void {
    this.#part = undefined;
  }

  /** `more`: the next one is another part of the same update. */
  update(part: GatewayUpdate, more: boolean): void {
    const update = this.#part ? joined(this.#part, part) : part;
    this.#part = more ? update : undefined;
    if (more) return;
    const { teachings, stored } = this.#facts.apply(update);
    this.#ledger.add(...stored);
    for (const teaching of teachings) {
      this.#keeper.tell(teaching);
      if (teaching.kind !== "workloadGone" || this.#direct.workload(teaching.uid) !== undefined) continue;
      this.#figures.forget(teaching.uid);
      this.#onTraffic(teaching.uid);
    }
    if (teachings.some(({ kind }) => kind === "workload" || kind === "workloadGone")) this.#onWorkloads();
  }

  workload(uid: string): GatewayWorkload | undefined {
    return this.#facts.workload(uid);
  }

  onWake(listener: (workloads: readonly string[]) => void): void {
    this.#onWake = listener;
  }

  /** Some have changed. */
  onWorkloads(listener: () => void): void {
    this.#onWorkloads = listener;
  }

  /** Where it listens has changed. */
  onAddresses(listener: () => void): void {
    this.#onAddresses = listener;
  }

  figures(): readonly ServedWorkload[] {
    return this.#figures.all().flatMap((figures) => {
      const workload = this.#workload(figures.uid);
      return workload ? [{ workload, figures }] : [];
    });
  }

  /** Workloads that gateways of this node know, and have counted nothing of. */
  uncounted(): readonly string[] {
    if (!this.isWanted || !this.#isPastKnown) return [];
    const counted = this.#figures.uids();
    return this.#facts.workloadUids.filter((uid) => !counted.has(uid));
  }

  /** How the gateway processes are; undefined: there is none. */
  processes(): GatewayProcesses | undefined {
    return this.#processes.all();
  }

  // What the scheduler is told of requests.

  uids(): readonly string[] {
    return this.figures().map(({ workload }) => workload.uid);
  }

  trafficOf(uid: string): WorkloadTraffic | undefined {
    return this.#workload(uid) && this.#figures.traffic(uid);
  }

  onTraffic(listener: (uid: string) => void): void {
    this.#onTraffic = listener;
  }

  /** The instances have ended, and the node goes. */
  async end(): Promise<void> {
    this.#ledger.close();
    await this.#keeper.end(servingLimits.stopGraceMs);
    this.#savedFigures.close();
  }

  /** The gateways go on, for the next daemon. */
  leave(): void {
    this.#ledger.close();
    this.#savedFigures.close();
    this.#keeper.close();
  }

  /** A gateway of an earlier daemon has counted what it has not said yet: 0 until then would be a counter that begins anew. */
  get #isPastKnown(): boolean {
    const { isFinding, gateways } = this.#keeper;
    return !isFinding && [...gateways].every((one) => !one.isFound || this.#processes.has(one));
  }

  #workload(uid: string): GatewayWorkload | undefined {
    return this.#facts.workload(uid) ?? this.#direct.workload(uid);
  }

  async #removePrograms(): Promise<void> {
    const { program, log } = this.#options;
    if (!program) return;
    await removeUnusedPrograms(program.program, this.#keeper.buildIds).catch((thrown: unknown) =>
      log.warn("programs of earlier gateways were not removed", { err: errorMessage(thrown) }),
    );
  }

  #keeperEvents() {
    return {
      teach: (gateway: GatewayHandle) => this.#snapshot(gateway),
      message: (gateway: GatewayHandle, message: GatewayMessage) => this.#onMessage(gateway, message),
      died: (gateway: GatewayHandle) => {
        this.#processes.died(gateway);
        for (const uid of this.#figures.died(gateway)) this.#onTraffic(uid);
        this.#drains.died(gateway);
      },
      addresses: (addresses: readonly BoundAddress[], trouble: string) => {
        // Between one gateway and the next it is where it was.
        if (addresses.length > 0) this.#addresses = addresses;
        this.#trouble = trouble;
        if (addresses.length === 0) {
          if (trouble !== "") this.#say(false, "NotListening", trouble);
          return;
        }
        this.#say(true, "Listening", `the gateway accepts requests at ${this.urls.join(", ")}`);
        this.#settled.resolve();
        this.#keep(addresses);
        this.#onAddresses();
      },
    };
  }

  #say(status: boolean, reason: string, message: string): void {
    if (this.isWanted) this.#options.conditions.set({ type: "GatewayListening", status, reason, message });
  }

  /** After a crash of everything clients find the gateway where it was. A disk that is full is no reason not to serve them. */
  #keep(addresses: readonly BoundAddress[]): void {
    try {
      writeFileSync(join(this.#options.folder, addressesName), JSON.stringify(addresses));
    } catch (thrown) {
      this.#options.log.warn("where the gateway listens was not written down", { err: errorMessage(thrown) });
    }
  }

  *#snapshot(gateway: GatewayHandle): Iterable<ToGateway> {
    const { ca, cert, key } = this.#options.tls;
    yield { kind: "snapshotBegin" };
    yield {
      kind: "identity",
      caPem: ca.toString("utf8"),
      certPem: cert.toString("utf8"),
      keyPem: key.toString("utf8"),
    };
    for (const endpoint of this.#board.all()) yield { kind: "endpoint", endpoint };
    yield* this.#facts.all();
    yield { kind: "snapshotEnd" };
    for (const uid of this.#drains.askedOf(gateway)) yield { kind: "drain", uid };
  }

  #onMessage(gateway: GatewayHandle, message: GatewayMessage): void {
    if (message.kind === "drained") this.#drains.drained(gateway, message.uid);
    else if (message.kind === "process") this.#processes.note(gateway, message.figures);
    else if (message.kind === "figures") this.#note(gateway, message.workloads.map(wholeFigures));
    else this.#onWake(message.workloads);
  }

  #note(source: GatewayHandle | string, workloads: readonly WorkloadFigures[]): void {
    for (const uid of this.#figures.note(source, workloads)) this.#onTraffic(uid);
    this.#savedFigures.changed(() => this.#figures.toSave((uid) => this.#workload(uid) !== undefined));
  }
}

function keeperOptions(options: NodeServingOptions) {
  const { folder, program, nodeName, orphanMs, tracing, clock, random, log } = options;
  const { workers, advertise: _advertise, ...own } = options.options;
  const packagesFrom = import.meta.filename;
  const common = { nodeName, orphanMs, ...own, ...(tracing && { tracing: { ...tracing, packagesFrom } }) };
  const command = program?.command ?? [];
  const buildId = buildIdOf(program?.program.version ?? "none", command, common);
  return {
    processesRoot: join(folder, "processes"),
    command,
    config: { ...common, buildId },
    workers,
    lastAddresses: readAddresses(join(folder, addressesName)),
    clock,
    random,
    log,
  };
}

const addressesName = "addresses.json";

function readAddresses(file: string): readonly BoundAddress[] {
  try {
    const addresses: unknown = JSON.parse(readFileSync(file, "utf8"));
    // Of our own writing.
    return Array.isArray(addresses) ? (addresses as readonly BoundAddress[]) : [];
  } catch {
    return [];
  }
}
