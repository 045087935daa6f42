/**
 * Which loops of a function have their fuel to themselves.
 *
 * Where nothing is called, nobody else takes fuel: so a loop that contains no call, and neither do the loops in it, keeps
 * its fuel in a local. Such loops form nests; the outermost one of a nest takes the fuel over from the global, and gives it
 * back where the nest is left:
 *
 *   local = global ─▶ loop { local -= weight; below zero? ─▶ yield } ─▶ global = local
 *
 * Where a branch leaves it on a condition, it is given back only if the branch is taken. One that hands on values cannot be
 * written so; a nest that has such a branch gives its fuel back at each charge instead.
 *
 * An innermost loop yields outside of itself, as the engine unrolls and peels no loop that contains a call:
 *
 *   loop { below zero? ─▶ yield; local += weight; loop { local -= weight; below zero? ─▶ to the outer loop; ... } }
 *
 * Loops are numbered in the order of their headers. Every step is O(1), whatever the nesting.
 */
import { grown } from "./edits.ts";

export const noLoop = -1;

export class LoopNests {
  count = 0;
  /** Innermost open loop. */
  current = noLoop;
  /** Per loop: the loop around it, and the place of its block among the open ones. */
  #parents = new Int32Array(16);
  #frames = new Int32Array(16);
  #calls = new Int32Array(16);
  /** Per loop: whether it is one loop with one charge, and no handlers, so that the charge can be moved out of it. */
  #simple = new Int32Array(16);
  /** Per loop: its charge's place among the edits. */
  #charges = new Int32Array(16);
  /** Per loop: the outermost block that a branch in it leaves on a condition, with values. */
  #targets = new Int32Array(16);
  /** Per loop, once the function is read. */
  #roots = new Int32Array(16);

  start(): void {
    this.count = 0;
    this.current = noLoop;
  }

  open(frame: number): number {
    if (this.count === this.#parents.length) this.#grow();
    const loop = this.count++;
    this.#parents[loop] = this.current;
    this.#frames[loop] = frame;
    this.#calls[loop] = 0;
    this.#simple[loop] = 1;
    this.complicate();
    this.#targets[loop] = frame;
    this.current = loop;
    return loop;
  }

  close(): void {
    const loop = this.current;
    const parent = this.#parents[loop] ?? noLoop;
    this.current = parent;
    if (parent === noLoop) return;
    if (this.#calls[loop] === 1) this.#calls[parent] = 1;
    this.#leave(parent, this.#targets[loop] ?? 0);
  }

  /** The first charge of the innermost open loop, or another one. */
  charge(edit: number, first: boolean): void {
    if (first) this.#charges[this.current] = edit;
    else this.complicate();
  }

  /** The innermost open loop has to keep its charge inside. */
  complicate(): void {
    if (this.current !== noLoop) this.#simple[this.current] = 0;
  }

  isInside(frame: number): boolean {
    return this.current === noLoop || frame >= (this.#frames[this.current] ?? 0);
  }

  /** Something in the innermost open loop may take fuel elsewhere. */
  call(): void {
    if (this.current !== noLoop) this.#calls[this.current] = 1;
  }

  /** A branch that is taken on a condition, to the end of the block `frame`, perhaps with values. */
  leaveIf(frame: number): void {
    if (this.current !== noLoop) this.#leave(this.current, frame);
  }

  /** To be called once, when all loops are closed. */
  finish(): void {
    for (let loop = 0; loop < this.count; loop++) {
      const parent = this.#parents[loop] ?? noLoop;
      const above = parent === noLoop ? noLoop : (this.#roots[parent] ?? noLoop);
      this.#roots[loop] = this.#calls[loop] === 1 ? noLoop : above === noLoop ? loop : above;
    }
  }

  /** The outermost loop of its nest, or none if this loop contains a call. */
  rootOf(loop: number): number {
    return loop === noLoop ? noLoop : (this.#roots[loop] ?? noLoop);
  }

  /** Whether the loop yields outside of it. */
  yieldsOutside(loop: number): boolean {
    return loop !== noLoop && this.#simple[loop] === 1 && this.#calls[loop] !== 1;
  }

  chargeOf(loop: number): number {
    return this.#charges[loop] ?? 0;
  }

  /** Whether a nest gives its fuel back only where it is left. */
  keepsFuel(root: number): boolean {
    return (this.#targets[root] ?? 0) >= (this.#frames[root] ?? 0);
  }

  /** Whether a branch from within to the block `frame` leaves it. */
  isLeftTo(root: number, frame: number): boolean {
    return frame < (this.#frames[root] ?? 0);
  }

  #leave(loop: number, frame: number): void {
    if (frame < (this.#targets[loop] ?? 0)) this.#targets[loop] = frame;
  }

  #grow(): void {
    this.#parents = grown(this.#parents);
    this.#frames = grown(this.#frames);
    this.#calls = grown(this.#calls);
    this.#simple = grown(this.#simple);
    this.#charges = grown(this.#charges);
    this.#targets = grown(this.#targets);
    this.#roots = grown(this.#roots);
  }
}
