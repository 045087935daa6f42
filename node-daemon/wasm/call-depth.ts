/**
 * Bounds the call stack of a guest, in bytes that are the same on every machine and in every tier of the engine.
 *
 * The global `stack` says what is left. The rule that keeps it cheap: whoever calls has just stored in it what is left for
 * the function it calls. So a function that calls nothing needs no instruction at all, and none restores anything when it
 * returns, throws or catches:
 *
 *   entry:        left = stack - cost; below zero? ─▶ trap          (or later: StackPlace)
 *   before calls: stack = left
 *   tail calls:   stack = left + cost
 *
 * Functions are *counted* or *free*. Free is one that calls only functions before it that are free themselves, so that it
 * can be part of no recursion, and whose frames with theirs are at most `freeBytesMax`. It does nothing of the above. As
 * a free function calls no counted one, there is one path of free functions at most, at the top of the stack.
 *
 * Invariants:
 * - Whatever reads `stack` at its entry does so before it can suspend, as another stack of the same instance may run then.
 * - The host sets it before each call of an export that has no caller in the guest.
 */
import type { FunctionType } from "./module-model.ts";
import type { BodyScanner } from "./body-scanner.ts";

/** Stack slots, each of 8 bytes, of a frame without values: return address, frame pointer, kind, instance, feedback. */
const fixedSlots = 8;
const slotBytes = 8;

/** Most bytes of a path of free functions, and of a frame that is taken only where something is called. */
export const freeBytesMax = 8_192;

/** Of a function that is counted, or that is not known yet. */
const counted = -1;

export class CallDepth {
  /** Per function: bytes of its longest path of free functions. */
  readonly #paths: Int32Array;

  constructor(functions: number) {
    this.#paths = new Int32Array(functions).fill(counted);
  }

  /** Bytes below a call of the function if it is known to be free, -1 otherwise. */
  pathOf(index: number): number {
    return this.#paths[index] ?? counted;
  }

  /** What the function that was just scanned takes of the stack at its entry; undefined if it is free. */
  costOf(index: number, scanner: BodyScanner, type: FunctionType): number | undefined {
    const cost = frameBytes(scanner, type);
    const path = cost + scanner.freePath;
    if (scanner.callsCounted || path > freeBytesMax) return cost;
    this.#paths[index] = path;
    return undefined;
  }
}

/**
 * An upper bound of a frame of the baseline compiler: it has a slot for each local and each operand, parameters can be
 * pushed by the caller too, and vectors take two slots.
 */
function frameBytes(scanner: BodyScanner, { params, results, signature }: FunctionType): number {
  const values = 2 * params + results + scanner.locals.count + scanner.operandsMax + addedLocals;
  const wide = scanner.usesVectors || signature.includes("v128") ? 2 : 1;
  return slotBytes * (fixedSlots + wide * values);
}

/** For fuel, what is left of the stack, and NaNs of which one is a vector. */
export const addedLocals = 6;
