/**
 * Keeps a session with the scheduler, for as long as the daemon lives.
 *
 *   dial ──▶ session ──ended──▶ wait (jittered, 100 ms to 10 s; none after a good session) ──▶ dial …
 *
 *   heard ──stopDisconnectedAfter──▶ `onCutOff`, once, until it is heard again
 *
 * How long it has been cut off is counted by the monotonic clock from when the scheduler last heard this daemon for
 * certain (a hello that was welcomed, a heartbeat that was answered), or from the daemon's start when instances were
 * taken over. Not from the session's end: where packets just vanish the scheduler may notice that first, and would give
 * what runs here to another node. Nothing else happens to instances while the scheduler is away.
 */
import { status as grpcStatus } from "@grpc/grpc-js";
import { backoffMs, jittered } from "../../kit/backoff.ts";
import { type Clock, sleep, type Timer } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { Random } from "../../kit/random.ts";
import type { Hello } from "../../proto/gen/wherry/v1/Hello.ts";
import type { NodeServiceClient } from "../../proto/gen/wherry/v1/NodeService.ts";
import { reconnectBackoff } from "../core/limits.ts";
import type { Checkpoint, StoredMeta } from "./checkpoint.ts";
import type { ConditionSource } from "./condition-source.ts";
import type { LogSender } from "./log-sender.ts";
import type { ModuleInventory } from "./module-inventory.ts";
import type { TrafficSource } from "./traffic-news.ts";
import {
  NodeSession,
  type SessionEnd,
  type SessionInstances,
  type SessionServing,
  type Welcome,
} from "./node-session.ts";

export interface LinkOptions {
  /** HOST:PORT, for the log. */
  readonly address: string;
  /** A new channel to it; closed when its session has ended. */
  readonly dial: () => NodeServiceClient;
  /** As the next session is to begin. */
  readonly hello: () => Hello;
  readonly instances: SessionInstances;
  readonly serving: SessionServing;
  readonly traffic: TrafficSource;
  readonly conditions: ConditionSource;
  readonly modules: ModuleInventory;
  readonly logs: Pick<LogSender, "send">;
  readonly checkpoint: Pick<Checkpoint, "loadMeta" | "saveMeta">;
  /** Told when the scheduler last heard this node for certain, by the monotonic clock. */
  readonly onHeard: (atMs: number) => void;
  /** Told after what time without the scheduler instances stop: at each welcome. */
  readonly onStopAfter: (afterMs: number) => void;
  /** Told how long it had been disconnected when it gave up waiting. */
  readonly onCutOff: (afterMs: number) => void;
  readonly onConnected: () => void;
  readonly usageIntervalMs: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What was written has left by then; only the scheduler's own end is still awaited. */
const endMsMax = 300;

/** A session that lived shorter than this was refused, whatever it said. */
const goodSessionMs = 1000;

export class SchedulerLink {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  #meta: StoredMeta;
  #session: NodeSession | undefined;
  #cutOffTimer: Timer | undefined;
  #welcomed = false;
  #awaySinceMs: number;
  #running: Promise<void> | undefined;

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#meta = options.checkpoint.loadMeta();
    this.#awaySinceMs = options.clock.monotonic();
  }

  start(): void {
    this.#armCutOff(this.#options.clock.monotonic());
    this.#running ??= this.#run();
  }

  /** Since when there has been no session; 0 if there is one, as far as anyone here knows. */
  get awayMs(): number {
    if (this.#session !== undefined && this.#welcomed) return 0;
    return Math.max(1, this.#options.clock.monotonic() - this.#awaySinceMs);
  }

  /** Requests wait for these workloads. */
  wake(workloads: readonly string[]): void {
    this.#session?.wake(workloads);
  }

  /** What a session begins with has changed. */
  renew(reason: string): void {
    this.#session?.abort(reason);
  }

  /** Sends what is pending and ends the session in order, within `farewellMsMax`. */
  async close(farewellMsMax: number): Promise<void> {
    const { clock } = this.#options;
    this.#cutOffTimer?.cancel();
    this.#stop.abort(new Error("the node daemon is closing"));
    const session = this.#session;
    await within(clock, farewellMsMax, session?.flush());
    session?.close();
    await within(clock, endMsMax, this.#running);
    session?.abort("the scheduler did not end the session");
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, random, log, address } = this.#options;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      const dialledMs = clock.monotonic();
      const end = await this.#runSession();
      const good = this.#welcomed && clock.monotonic() - dialledMs >= goodSessionMs;
      if (this.#stop.signal.aborted) return;
      if (this.#welcomed) this.#awaySinceMs = clock.monotonic();
      this.#welcomed = false;
      failures = good ? 0 : failures + 1;
      const fields = { address, code: grpcStatus[end.code], reason: end.message, failures };
      // One line when it begins and one a minute or so, not one per attempt.
      if (failures <= 1 || failures % 8 === 0) log.warn("no session with the scheduler", fields);
      else log.debug("no session with the scheduler", fields);
      const delayMs = good ? 0 : jittered(backoffMs(failures - 1, reconnectBackoff), random.fraction());
      await sleep(clock, delayMs, this.#stop.signal).catch(() => {});
    }
  }

  async #runSession(): Promise<SessionEnd> {
    const { dial, hello, instances, serving, traffic, conditions, modules, logs } = this.#options;
    const { usageIntervalMs, clock, log } = this.#options;
    const client = dial();
    try {
      this.#session = new NodeSession({
        client,
        hello: hello(),
        instances,
        serving,
        traffic,
        conditions,
        modules,
        admitEpoch: (epoch) => this.#admitEpoch(epoch),
        onWelcome: (welcome) => this.#onWelcome(welcome),
        onHeard: (atMs) => {
          this.#armCutOff(atMs);
          this.#options.onHeard(atMs);
        },
        openLog: (request) => logs.send(client, request),
        usageIntervalMs,
        clock,
        log,
      });
      return await this.#session.ended;
    } finally {
      this.#session = undefined;
      client.close();
    }
  }

  #admitEpoch(epoch: number): boolean {
    if (epoch < this.#meta.epoch) return false;
    if (epoch > this.#meta.epoch) this.#saveMeta({ ...this.#meta, epoch });
    return true;
  }

  #onWelcome({ stopDisconnectedAfterMs, heartbeatIntervalMs }: Welcome): void {
    this.#welcomed = true;
    if (stopDisconnectedAfterMs !== this.#meta.stopDisconnectedAfterMs) {
      this.#saveMeta({ ...this.#meta, stopDisconnectedAfterMs });
    }
    const { log, address, onConnected, onStopAfter } = this.#options;
    onStopAfter(stopDisconnectedAfterMs);
    log.info("session with the scheduler", { address, epoch: this.#meta.epoch, heartbeatIntervalMs });
    onConnected();
  }

  #saveMeta(meta: StoredMeta): void {
    this.#options.checkpoint.saveMeta(meta);
    this.#meta = meta;
  }

  #armCutOff(heardMs: number): void {
    const { clock } = this.#options;
    const afterMs = this.#meta.stopDisconnectedAfterMs;
    this.#cutOffTimer?.cancel();
    if (!afterMs || this.#stop.signal.aborted) return;
    this.#cutOffTimer = clock.setTimer(Math.max(0, heardMs + afterMs - clock.monotonic()), () => {
      this.#options.log.warn("cut off from the scheduler; instances with onDisconnect stop are stopped", {
        afterMs,
      });
      this.#options.onCutOff(afterMs);
    });
  }
}

/** Waits for `work`, but no longer than `limitMs`. */
async function within(clock: Clock, limitMs: number, work: Promise<unknown> | undefined): Promise<void> {
  if (!work) return;
  const over = new AbortController();
  await Promise.race([work, sleep(clock, limitMs, over.signal).catch(() => {})]);
  over.abort(new Error("done"));
}
