import { readFileSync } from "node:fs";
import { getHeapStatistics } from "node:v8";
import type { Clock, Timer } from "../../kit/clock.ts";
import { addressSpace, collection, descriptorsReserved, heap, mappings, type ShimLimits } from "./limits.ts";

/** Linux's default of vm.max_map_count. */
const mappingsDefault = 65_530;

function systemMappingsMax(): number {
  try {
    const value = Number.parseInt(readFileSync("/proc/sys/vm/max_map_count", "utf8"), 10);
    return Number.isSafeInteger(value) && value > 0 ? value : mappingsDefault;
  } catch {
    return mappingsDefault;
  }
}

/** Beyond so many open descriptors of this process guests open no more. */
export function guestDescriptorsMax(processLimits = readFileSync("/proc/self/limits", "utf8")): number {
  const found = /^Max open files +(\d+)/m.exec(processLimits);
  const openMax = found ? Number(found[1]) : Number.MAX_SAFE_INTEGER;
  return openMax - Math.min(descriptorsReserved, Math.floor(openMax / 2));
}

export interface Capacity {
  readonly mappingsMax: number;
  /** For the reservations of all instances. */
  readonly heapBytesMax: number;
}

export function systemCapacity(): Capacity {
  return {
    mappingsMax: systemMappingsMax(),
    heapBytesMax: Math.floor(getHeapStatistics().heap_size_limit * heap.share),
  };
}

export interface Needs {
  readonly memories: number;
  /** Of these, with addresses of 64 bits. */
  readonly memories64: number;
  readonly heapBytes: number;
}

/** Until the engine has collected the instance. */
interface Held {
  readonly mappings: number;
  readonly pieces: number;
}

/** One instance's part of the budget. Everything it says is said once. */
export interface Reservation {
  /** This object, while it is reachable, holds the instance's mappings. */
  hold(memory: object): void;
  /** More of the heap, until it is closed; false when there is none left. */
  grow(heapBytes: number): boolean;
  /** The instance is torn down. */
  close(): void;
}

/** How the engine collects; with `last-resort` it keeps no memory for the next instances. */
export type CollectionFlavor = "regular" | "last-resort";

/**
 * What the process can hold. Running out of mappings or of heap is a fatal abort inside V8, for all instances at once, so
 * starts are refused well before; running out of address space costs everybody a second.
 *
 *   reserved ── torn down ─▶ dead ── collected by the engine ─▶ free
 *
 * Stacks have no part in it: none is larger than its instance's memory limit allows (see stackBytesMax), and they count as its
 * memory. Their mappings do.
 *
 * A dead instance's mappings and addresses last until the engine collects it. The engine does not know that they are scarce: when they
 * stand in the way of a start, or are many while nothing happens, it is asked to. Of its heap it knows, so a dead instance's
 * part of that is free at once.
 *
 * What is free it keeps for the next ones: measured, of 240 MB with 8,000 instances 183 when they have ended. Once most have
 * ended and nothing happens, it is asked for that, too, which leaves 48.
 */
export class ShimBudget {
  readonly #instancesMax: number;
  #piecesMax: number = addressSpace.piecesMax;
  readonly #mappingsMax: number;
  readonly #heapBytesMax: number;
  readonly #clock: Clock;
  readonly #collectGarbage: ((flavor: CollectionFlavor) => void) | undefined;
  readonly #collected = new FinalizationRegistry<Held>((held) => this.#free(held));
  #instances = 0;
  #dead = 0;
  #mappings = 0;
  #pieces = 0;
  #heapBytes = 0;
  #collecting: Promise<void> | undefined;
  #quiet: Timer | undefined;

  constructor(
    limits: ShimLimits,
    capacity: Capacity,
    clock: Clock,
    collectGarbage?: (flavor: CollectionFlavor) => void,
  ) {
    this.#instancesMax = limits.instancesMax;
    this.#mappingsMax = capacity.mappingsMax - limits.mappingsReserved;
    this.#heapBytesMax = capacity.heapBytesMax;
    this.#clock = clock;
    this.#collectGarbage = collectGarbage;
  }

  get instances(): number {
    return this.#instances;
  }

  /** Torn down, and still in memory as far as is known. */
  get dead(): number {
    return this.#dead;
  }

  /** Undefined when there is no room. */
  async reserve(needs: Needs): Promise<Reservation | undefined> {
    const now = this.#tryReserve(needs);
    if (now || this.#dead === 0) return now;
    await this.collect();
    return this.#tryReserve(needs);
  }

  /**
   * The engine could not place another memory. It keeps the stacks of ended instances, anywhere in the address space, and
   * a memory wants 8 GiB in one piece; each failed attempt costs everyone a second. So it is not tried again.
   */
  exhausted(): void {
    this.#piecesMax = Math.floor(this.#pieces * collection.exhaustedFactor);
  }

  /** Collects the dead. A pause for all: some 10 to 20 ms for each 1,000 instances. */
  collect(flavor: CollectionFlavor = "regular"): Promise<void> {
    this.#collecting ??= this.#collect(flavor).finally(() => {
      this.#collecting = undefined;
    });
    return this.#collecting;
  }

  async #collect(flavor: CollectionFlavor): Promise<void> {
    this.#collectGarbage?.(flavor);
    // The engine tells what it has collected in tasks of its own.
    for (let turn = 0; turn < collection.turns; turn++) await new Promise((resolve) => setImmediate(resolve));
  }

  #hasRoom(held: Held, heapBytes: number): boolean {
    const heapWanted = this.#heapBytes + heapBytes;
    return (
      this.#instances < this.#instancesMax &&
      this.#pieces + held.pieces <= this.#piecesMax &&
      // The heap takes mappings, too, as it grows.
      this.#mappings + held.mappings + heapWanted / heap.bytesPerMapping <= this.#mappingsMax &&
      heapWanted <= this.#heapBytesMax
    );
  }

  #tryReserve({ memories, memories64, heapBytes }: Needs): Reservation | undefined {
    const needed: Held = {
      mappings: mappings.perInstance + memories * mappings.perMemory,
      pieces: (memories - memories64) * addressSpace.perMemory + memories64 * addressSpace.perMemory64,
    };
    if (!this.#hasRoom(needed, heapBytes)) return undefined;
    this.#instances++;
    this.#mappings += needed.mappings;
    this.#pieces += needed.pieces;
    this.#heapBytes += heapBytes;
    let held = false;
    let reservedBytes = heapBytes;
    return {
      grow: (more) => {
        if (this.#heapBytes + more > this.#heapBytesMax) return false;
        this.#heapBytes += more;
        reservedBytes += more;
        return true;
      },
      hold: (memory) => {
        held = true;
        this.#collected.register(memory, needed);
      },
      close: () => {
        this.#instances--;
        this.#heapBytes -= reservedBytes;
        this.#dead++;
        if (!held) this.#free(needed);
        else this.#collectWhenQuiet();
      },
    };
  }

  #free(held: Held): void {
    this.#mappings -= held.mappings;
    this.#pieces -= held.pieces;
    this.#dead--;
  }

  #collectWhenQuiet(): void {
    if (this.#dead < collection.deadMin) return;
    this.#quiet?.cancel();
    this.#quiet = this.#clock.setTimer(collection.quietMs, () => {
      this.#quiet = undefined;
      if (this.#dead < collection.deadMin) return;
      // Beside many that live the longer pause is not worth it.
      void this.collect(this.#dead >= this.#instances ? "last-resort" : "regular");
    });
  }
}
