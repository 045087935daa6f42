/**
 * When a change of configuration becomes a change of the template (`rolloutOnConfigChange`).
 *
 *   changed ─▶ held: the template stays ──no change for a while, or too long──▶ due: it is another one, and rolls out
 *                └── the workload itself has changed: at once, so that both are one rollout
 *
 * Several objects are often changed by one command, one after the other: without the wait each would begin a rollout of its
 * own. What runs sees new files in the meantime, as always.
 */
import type { Clock } from "../../kit/clock.ts";
import { WakeUps } from "./wake-ups.ts";

export const configRolloutLimits = {
  /** Without a change, before it is rolled out. */
  quietMs: 2_000,
  /** After the first change, however many follow. */
  heldMsMax: 10_000,
} as const;

export interface ConfigRolloutsOptions {
  readonly clock: Clock;
  /** Lets the template of a workload stay as it is. False: it has none yet in which configuration is known. */
  readonly hold: (ownerUid: string) => boolean;
  /** Ends that. */
  readonly release: (ownerUid: string) => void;
  /** The template may be the first one now in which configuration is known. */
  readonly first: (ownerUid: string) => void;
  /** The template may be another one now. */
  readonly due: (ownerUid: string) => void;
}

export class ConfigRollouts {
  readonly #options: ConfigRolloutsOptions;
  readonly #wakeUps: WakeUps;
  /** When the first change came. Wall clock, as `WakeUps` has it. */
  readonly #heldSinceMs = new Map<string, number>();

  constructor(options: ConfigRolloutsOptions) {
    this.#options = options;
    this.#wakeUps = new WakeUps(options.clock, (uids) => {
      for (const uid of uids) {
        this.release(uid);
        options.due(uid);
      }
    });
  }

  /** Something that the workload reads has changed. */
  changed(ownerUid: string): void {
    const { clock, hold, first } = this.#options;
    if (!hold(ownerUid)) {
      first(ownerUid);
      return;
    }
    const nowMs = clock.now();
    const sinceMs = this.#heldSinceMs.get(ownerUid) ?? nowMs;
    this.#heldSinceMs.set(ownerUid, sinceMs);
    const { quietMs, heldMsMax } = configRolloutLimits;
    this.#wakeUps.set(ownerUid, Math.min(nowMs + quietMs, sinceMs + heldMsMax));
  }

  /** The workload is another one, or gone: nothing is held back any more. */
  release(ownerUid: string): void {
    if (!this.#heldSinceMs.delete(ownerUid)) return;
    this.#wakeUps.set(ownerUid, undefined);
    this.#options.release(ownerUid);
  }

  close(): void {
    this.#wakeUps.close();
  }
}
