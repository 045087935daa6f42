/**
 * Looks after the machine: says when memory, disk or room for instances is short, and evicts before the machine suffers.
 *
 *   timer ─▶ look ─▶ judge (pure) ─▶ conditions
 *                        │ wanted
 *                        └─▶ disk only: collect garbage ─▶ still short? ─▶ choose (pure) ─▶ evict a few ─▶ look again
 *
 * A timer and no event: of what is available the kernel tells nobody, and of stalls (PSI) it tells by a poll for priority
 * events, which Node has no means to wait for. A look is three reads of files that the kernel makes up.
 *
 * Invariants: one look at a time. Who was evicted is waited for, within a bound, before others are: what it had is not
 * available before it has ended.
 *
 * Beside that it sees how many instances there are: when many have come or gone, the daemon gives back the memory that it
 * used for it.
 */
import type { Clock, Timer } from "../../kit/clock.ts";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { ConditionBoard } from "./condition-board.ts";
import { Burst } from "./core/burst.ts";
import { chooseVictims, type EvictionCandidate } from "./core/eviction-order.ts";
import { judgePressure, noPressure, type Pressure } from "./core/pressure.ts";
import { pressureLimits } from "./core/limits.ts";
import { bytesOf, type MachineOptions } from "./machine-options.ts";
import type { Room } from "./room.ts";

/** The instances of the node, in the words of whoever evicts. */
export interface EvictableInstances {
  /** Those that have not ended, with what they use of memory. */
  memoryCandidates(): readonly EvictionCandidate[];
  /** The same with what they use of the disk. Counting it costs file calls. */
  diskCandidates(): Promise<readonly EvictionCandidate[]>;
  /** Those that have not ended. */
  readonly count: number;
  /** How many may be here. */
  readonly countMax: number;
  evict(uid: string, message: string): void;
}

export interface PressureWatchOptions {
  readonly room: Room;
  readonly instances: EvictableInstances;
  readonly thresholds: Pick<MachineOptions, "evictionMemory" | "evictionDisk">;
  /** Removes from the disk what nobody uses. */
  readonly collectGarbage: () => Promise<void>;
  /** Of this process' memory gives back what it does not use. A pause. */
  readonly releaseHeap: () => void;
  readonly board: ConditionBoard;
  readonly clock: Clock;
  readonly log: Log;
}

type Resource = "memory" | "disk";

export class PressureWatch {
  readonly #options: PressureWatchOptions;
  readonly #pressures: Record<Resource, Pressure> = { memory: noPressure, disk: noPressure };
  #instancesShort = false;
  readonly #burst = new Burst();
  /** Evicted and not seen to have ended, with when that is given up. */
  readonly #leaving: Record<Resource, Map<string, number>> = { memory: new Map(), disk: new Map() };
  readonly evictions: Record<Resource, number> = { memory: 0, disk: 0 };
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: PressureWatchOptions) {
    this.#options = options;
  }

  /** Resolves after the first look. */
  async start(): Promise<void> {
    await this.#look();
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #look(): Promise<void> {
    const { clock, log } = this.#options;
    try {
      this.#lookAtInstances();
      this.#lookAtMemory();
      await this.#lookAtDisk();
    } catch (thrown) {
      log.error("the machine's resources could not be looked at", { err: errorMessage(thrown) });
    }
    if (this.#closed) return;
    const pressured = this.#pressures.memory.pressured || this.#pressures.disk.pressured;
    const delayMs = pressured ? pressureLimits.lookUnderPressureMs : pressureLimits.lookMs;
    this.#timer = clock.setTimer(delayMs, () => void this.#look());
  }

  #lookAtMemory(): void {
    const { room, thresholds, instances } = this.#options;
    const { availableBytes, capacityBytes, stalledShare } = room.memory();
    const hard = bytesOf(thresholds.evictionMemory, capacityBytes);
    const stalled = stalledShare >= pressureLimits.stalledShareMax;
    const wanted = this.#judge("memory", { available: availableBytes, stalled }, hard);
    const short = stalled
      ? `tasks waited for memory ${Math.round(stalledShare * 100)}% of the last ten seconds`
      : `${format(availableBytes)} of memory are available; eviction begins at ${format(hard)}`;
    this.#say("memory", "MemoryPressure", "NodeHasInsufficientMemory", "NodeHasSufficientMemory", short);
    if (wanted > 0) this.#evict("memory", instances.memoryCandidates(), wanted, short);
  }

  async #lookAtDisk(): Promise<void> {
    const { room, thresholds, instances, collectGarbage } = this.#options;
    let short = "";
    const judge = async () => {
      const { availableBytes, capacityBytes, inodesFreeShare } = await room.disk();
      const hard = bytesOf(thresholds.evictionDisk, capacityBytes);
      const fewInodes = inodesFreeShare < pressureLimits.inodesShare;
      short = fewInodes
        ? `${(inodesFreeShare * 100).toFixed(1)}% of the inodes of the node's disk are free`
        : `${format(availableBytes)} of the node's disk are available; eviction begins at ${format(hard)}`;
      return this.#judge("disk", { available: availableBytes, stalled: fewInodes }, hard);
    };
    const before = this.#pressures.disk.shortSinceMs;
    let wanted = await judge();
    // As soon as it is short, and again before anybody has to go for it.
    if (wanted > 0 || (before === undefined && this.#pressures.disk.shortSinceMs !== undefined)) {
      await collectGarbage();
      wanted = await judge();
    }
    this.#say("disk", "DiskPressure", "NodeHasDiskPressure", "NodeHasNoDiskPressure", short);
    if (wanted > 0) this.#evict("disk", await instances.diskCandidates(), wanted, short);
  }

  #lookAtInstances(): void {
    const { instances, board, releaseHeap } = this.#options;
    const { count, countMax } = instances;
    if (this.#burst.isOver(count)) releaseHeap();
    const share = count / countMax;
    const limit = pressureLimits.instancesShareMax;
    this.#instancesShort = this.#instancesShort
      ? share >= limit - pressureLimits.hysteresis / 4
      : share >= limit;
    board.set({
      type: "InstancePressure",
      status: this.#instancesShort,
      reason: this.#instancesShort ? "NodeHasManyInstances" : "NodeHasRoomForInstances",
      message: `${count} of ${countMax} instances`,
    });
  }

  #judge(resource: Resource, reading: { available: number; stalled: boolean }, hard: number): number {
    const { clock } = this.#options;
    const thresholds = { hard, soft: hard * pressureLimits.softFactor };
    const verdict = judgePressure(this.#pressures[resource], reading, thresholds, clock.monotonic());
    this.#pressures[resource] = verdict.pressure;
    return verdict.wanted;
  }

  #say(resource: Resource, type: string, short: string, enough: string, message: string): void {
    const status = this.#pressures[resource].pressured;
    this.#options.board.set({ type, status, reason: status ? short : enough, message });
  }

  #evict(resource: Resource, candidates: readonly EvictionCandidate[], wanted: number, short: string): void {
    const { clock, instances, log } = this.#options;
    const nowMs = clock.monotonic();
    const leaving = this.#leaving[resource];
    const alive = new Set(candidates.map(({ uid }) => uid));
    for (const uid of leaving.keys()) if (!alive.has(uid)) leaving.delete(uid);
    if ([...leaving.values()].some((giveUpAtMs) => nowMs < giveUpAtMs)) return;
    const left = candidates.filter(({ uid }) => !leaving.has(uid));
    for (const victim of chooseVictims(left, wanted, pressureLimits.evictionsAtOnceMax)) {
      const { uid, namespace, name, usage, request, qos, priority } = victim;
      const message = `the node was low on ${resource}: ${short}. The instance used ${format(usage)}, its request was ${format(request)}`;
      log.warn("instance evicted", { uid, namespace, name, resource, usage, request, qos, priority });
      leaving.set(uid, nowMs + pressureLimits.evictionMsMax);
      this.evictions[resource]++;
      instances.evict(uid, message);
    }
  }
}

function format(bytes: number): string {
  const mebibytes = bytes / 2 ** 20;
  return mebibytes >= 10 ? `${Math.round(mebibytes)}Mi` : `${Math.round(bytes / 1024)}Ki`;
}
