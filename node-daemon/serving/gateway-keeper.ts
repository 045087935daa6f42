/**
 * Keeps as many gateway processes as are wanted, of this daemon's build, all at the same addresses.
 *
 *   too few ── somebody listens ─▶ that one starts another, which inherits the sockets ─┐
 *      └────── nobody does ──────▶ one is started here, and binds the addresses ────────┴─▶ told everything ─▶ listening
 *   all that are wanted listen ─▶ those of another build, and those too many, finish and go
 *
 * Invariants:
 * - One is started at a time.
 * - Nobody is told to finish before as many as are wanted listen in its place.
 * - What an earlier daemon left is found by its folder, whatever it was doing.
 */
import { join } from "node:path";
import { backoffMs } from "../../kit/backoff.ts";
import { type Clock, sleep, type Timer } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { BoundAddress, GatewayConfig, ListenAddress, ToGateway } from "../gateway/control.ts";
import { startGateway } from "../gateway/process/successor.ts";
import {
  createGatewayFolder,
  listGatewayFolders,
  readGatewayConfig,
  removeGatewayFolder,
} from "./gateway-folder.ts";
import { GatewayHandle, type GatewayMessage } from "./gateway-handle.ts";
import { servingLimits } from "./limits.ts";

export interface KeeperEvents {
  /** Everything that a gateway has to know. */
  teach(gateway: GatewayHandle): Iterable<ToGateway>;
  /** Of any of them. */
  message(gateway: GatewayHandle, message: GatewayMessage): void;
  /** It is forgotten already. */
  died(gateway: GatewayHandle): void;
  /** Where clients are accepted, or why nowhere. */
  addresses(addresses: readonly BoundAddress[], trouble: string): void;
}

export interface KeeperOptions {
  /** Has a folder for each process. */
  readonly processesRoot: string;
  /** Runs a gateway; its folder follows. */
  readonly command: readonly string[];
  /** What each is started with, beside an id. `listen` empty: there is to be none. */
  readonly config: Omit<GatewayConfig, "gatewayId">;
  readonly workers: number;
  /** Where clients found the gateway before: of an earlier daemon. */
  readonly lastAddresses: readonly BoundAddress[];
  readonly events: KeeperEvents;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

export class GatewayKeeper {
  readonly #options: KeeperOptions;
  readonly #gateways = new Set<GatewayHandle>();
  #failures = 0;
  #retry: Timer | undefined;
  /** As it was last, for the next one that has to bind by itself. */
  #lastAddresses: readonly BoundAddress[];
  #toldText = "";
  readonly #empty: (() => void)[] = [];
  #mode: "finding" | "keeping" | "ending" | "closed" = "finding";

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#lastAddresses = options.lastAddresses;
  }

  /** What an earlier daemon left is not all known yet. */
  get isFinding(): boolean {
    return this.#mode === "finding";
  }

  /** All that are there, those included that finish. */
  get gateways(): Iterable<GatewayHandle> {
    return this.#gateways;
  }

  get buildIds(): readonly string[] {
    return Array.from(this.#gateways, ({ config }) => config.buildId);
  }

  get addresses(): readonly BoundAddress[] {
    return this.#listening()[0]?.addresses ?? [];
  }

  /** Takes over what an earlier daemon left, and starts what is missing. Resolves once those found are told everything, or are gone. */
  async start(): Promise<void> {
    const folders = await listGatewayFolders(this.#options.processesRoot);
    await Promise.all(folders.map((folder) => this.#find(folder)));
    if (this.#mode !== "finding") return;
    this.#mode = "keeping";
    this.#review();
  }

  tell(message: ToGateway): void {
    for (const gateway of this.#gateways) gateway.send(message);
  }

  /** Ends all of them. */
  async end(graceMs: number): Promise<void> {
    this.#mode = "ending";
    this.#retry?.cancel();
    for (const gateway of this.#gateways) gateway.finish(graceMs);
    if (this.#gateways.size > 0) {
      const over = new AbortController();
      const gone = new Promise<void>((resolve) => this.#empty.push(resolve));
      const late = sleep(this.#options.clock, graceMs + servingLimits.overdueMs, over.signal);
      await Promise.race([gone, late.catch(() => {})]);
      over.abort(new Error("all are gone"));
    }
    this.close();
  }

  /** Lets go of them. */
  close(): void {
    this.#mode = "closed";
    this.#retry?.cancel();
    for (const gateway of this.#gateways) gateway.close();
    this.#gateways.clear();
  }

  async #find(folder: string): Promise<void> {
    const config = await readGatewayConfig(folder);
    if (!config) return removeGatewayFolder(folder);
    const gateway = this.#add(folder, config, true);
    this.#options.log.info("a gateway of an earlier daemon", { gateway: config.gatewayId });
    await gateway.connect(servingLimits.findMs);
  }

  #add(folder: string, config: GatewayConfig, isFound: boolean): GatewayHandle {
    const { clock, log, events } = this.#options;
    const gateway = new GatewayHandle({
      folder,
      config,
      isFound,
      clock,
      log,
      events: {
        teach: (of) => events.teach(of),
        changed: () => this.#review(),
        message: (of, message) => events.message(of, message),
        died: (of) => this.#onDied(of),
      },
    });
    this.#gateways.add(gateway);
    return gateway;
  }

  // What is there, and what is missing.

  #listening(): readonly GatewayHandle[] {
    return [...this.#gateways].filter(({ addresses, finishing }) => addresses.length > 0 && !finishing);
  }

  #isCurrent({ config }: GatewayHandle): boolean {
    return config.buildId === this.#options.config.buildId;
  }

  #review(): void {
    if (this.#mode !== "keeping") return;
    this.#tellAddresses();
    const wanted = this.#options.config.listen.length === 0 ? 0 : this.#options.workers;
    const current = [...this.#gateways].filter((one) => this.#isCurrent(one) && !one.finishing);
    const listening = this.#listening().filter((one) => this.#isCurrent(one));
    if (listening.length >= wanted) return this.#retire(new Set(listening.slice(0, wanted)));
    // One that is not known yet may be all that is wanted; one that does not listen yet is to hand its sockets on.
    const unknown = [...this.#gateways].some((one) => !one.isReady && !one.finishing);
    if (current.length > listening.length || unknown || this.#retry) return;
    const delayMs = this.#failures === 0 ? 0 : backoffMs(this.#failures - 1, servingLimits.restart);
    this.#retry = this.#options.clock.setTimer(delayMs, () => {
      this.#retry = undefined;
      void this.#startOne();
    });
  }

  #retire(keep: ReadonlySet<GatewayHandle>): void {
    for (const gateway of this.#gateways) {
      // One that is not ready is told when it is.
      if (keep.has(gateway) || gateway.finishing || !gateway.isReady) continue;
      const { gatewayId, buildId } = gateway.config;
      this.#options.log.info("a gateway is replaced", { gateway: gatewayId, build: buildId });
      gateway.finish(servingLimits.handOverMs);
    }
  }

  async #startOne(): Promise<void> {
    const { processesRoot, command, config, random, log } = this.#options;
    if (this.#mode !== "keeping") return;
    const gatewayId = random.uuid();
    const folder = join(processesRoot, gatewayId);
    const own = { ...config, gatewayId, listen: config.listen.map((address) => this.#preferred(address)) };
    const gateway = this.#add(folder, own, false);
    try {
      await createGatewayFolder(folder, own);
      const by = this.#listening().find(({ isReady }) => isReady);
      log.info("starting a gateway", { gateway: gatewayId, by: by?.config.gatewayId ?? "the daemon" });
      if (by) by.send({ kind: "spawn", folder, command });
      else this.#launch(gateway, folder, command);
    } catch (thrown) {
      gateway.exited(`it could not be started: ${errorMessage(thrown)}`);
      return;
    }
    await gateway.connect();
  }

  #launch(gateway: GatewayHandle, folder: string, command: readonly string[]): void {
    const child = startGateway(folder, command, []);
    child.once("error", (error) => gateway.exited(`it could not be started: ${error.message}`));
    child.once("exit", (code, signal) => gateway.exited(`it ended with ${code ?? signal}`));
  }

  /** Clients know where the one before was. */
  #preferred(address: ListenAddress): ListenAddress {
    const last = this.#lastAddresses.find(
      ({ kind, host, wantedPort }) =>
        kind === address.kind && host === address.host && wantedPort === address.port,
    );
    return last ? { ...address, preferredPort: last.port } : address;
  }

  #onDied(gateway: GatewayHandle): void {
    if (!this.#gateways.delete(gateway)) return;
    const { clock, events } = this.#options;
    if (!gateway.finishing) {
      const sinceMs = gateway.listeningSinceMs ?? clock.monotonic();
      const wasWell = clock.monotonic() - sinceMs >= servingLimits.restartResetMs;
      this.#failures = wasWell ? 0 : this.#failures + 1;
    }
    events.died(gateway);
    if (this.#gateways.size === 0) for (const resolve of this.#empty.splice(0)) resolve();
    this.#review();
  }

  #tellAddresses(): void {
    const { addresses } = this;
    if (addresses.length > 0) this.#lastAddresses = addresses;
    const trouble =
      addresses.length > 0 ? "" : ([...this.#gateways].find((one) => one.trouble !== "")?.trouble ?? "");
    const text = JSON.stringify([addresses, trouble]);
    if (text === this.#toldText) return;
    this.#toldText = text;
    this.#options.events.addresses(addresses, trouble);
  }
}
