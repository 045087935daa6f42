/**
 * Decides where a function pays fuel, and how much.
 *
 * A *region* begins at a charge: at the function's entry, at a loop header, or at a *cut*. It costs as much as its
 * heaviest path up to the next charge, so that nobody ever runs what was not paid for, and the arms of a branch are
 * not added up. What is behind an inner loop belongs to the region around that loop: it runs once per pass of it.
 *
 * A path is followed as a state: its region, and the weight since that region's charge. States meet where a block
 * ends. Of two paths of one region the heavier one counts. A cut follows where
 *
 *  - paths of different regions meet, as no charge covers both;
 *  - the weight has passed `cutWeight`: a function that is one large switch (an interpreter, anything compiled by Go)
 *    would otherwise pay for its longest way through on every turn of its loop;
 *  - an exception is caught, as it may come from anywhere.
 *
 * Every step is O(1), whatever the nesting.
 */
import type { Edits } from "./edits.ts";
import { edit, grown } from "./edits.ts";
import { LoopNests } from "./loop-nests.ts";
import { StackPlace } from "./stack-place.ts";

/**
 * A check costs some 1 ns, as much as four units. Measured on programs that call and branch much: with 200 they take a tenth
 * longer, with 2,000 no less than with 600.
 */
const cutWeight = 600;

/** Regions are named by their charge's place among the edits; these are not places. */
const entry = -1;
const unreachable = -2;
const mixed = -3;

export const frameKind = { block: 0, if: 1, loop: 2 } as const;

export class FuelRegions {
  /** Since the charge of the current region. */
  weight = 0;
  /** Cost of the region that begins at the function's entry. */
  entryWeight = 0;
  depth = 0;
  /** How deep the loops of the function are nested. */
  loopDepthMax = 0;
  readonly nests = new LoopNests();
  readonly stackPlace: StackPlace;

  readonly #edits: Edits;
  #region = entry;
  /** Per open block: its kind; how many loops are open, itself included; the states that meet at its end. */
  #kinds = new Int32Array(64);
  #loopCounts = new Int32Array(64);
  #joinRegions = new Int32Array(64);
  #joinWeights = new Int32Array(64);
  /** Per open block: the state in which it was entered. */
  #enteredRegions = new Int32Array(64);
  #enteredWeights = new Int32Array(64);
  /** Frames of the open loops. */
  #loops = new Int32Array(64);
  #loopCount = 0;

  constructor(edits: Edits) {
    this.#edits = edits;
    this.stackPlace = new StackPlace(edits);
  }

  start(): void {
    this.depth = 0;
    this.weight = 0;
    this.entryWeight = 0;
    this.#region = entry;
    this.#loopCount = 0;
    this.loopDepthMax = 0;
    this.nests.start();
    this.stackPlace.start();
    this.open(frameKind.block, 0, 0);
  }

  /** Loops around the current position. */
  get loopDepth(): number {
    return this.#loopCount;
  }

  /** Opens a block; `from` is its position, and `at` the one behind its type. */
  open(kind: number, from: number, at: number): void {
    this.#settle();
    if (this.depth === this.#kinds.length) this.#grow();
    const frame = this.depth++;
    this.#kinds[frame] = kind;
    this.#joinRegions[frame] = unreachable;
    this.#joinWeights[frame] = 0;
    this.#enteredRegions[frame] = this.#region;
    this.#enteredWeights[frame] = this.weight;
    if (kind === frameKind.if) this.stackPlace.branch(frame);
    if (kind === frameKind.loop) {
      if (this.#loopCount === 0) this.stackPlace.openLoop(from);
      this.#loops[this.#loopCount++] = frame;
      this.#edits.add(edit.enterLoop, from, from, this.nests.open(frame));
      this.#cut(at, true);
      if (this.#loopCount > this.loopDepthMax) this.loopDepthMax = this.#loopCount;
    }
    this.#loopCounts[frame] = this.#loopCount;
  }

  /** The second arm of an `if`. */
  else(): void {
    const frame = this.depth - 1;
    this.#settle();
    this.#join(frame, this.#region, this.weight);
    this.#kinds[frame] = frameKind.block;
    this.stackPlace.close(frame);
    this.stackPlace.branch(frame);
    this.#enter(this.#enteredRegions[frame] ?? unreachable, this.#enteredWeights[frame] ?? 0);
  }

  /** A handler of a `try`; `at` is the position behind its head. */
  handler(at: number): void {
    this.#settle();
    this.stackPlace.enterHandler();
    this.#join(this.depth - 1, this.#region, this.weight);
    this.#cut(at);
  }

  /** Closes the innermost block; `at` is the position behind it. */
  close(at: number): void {
    this.#settle();
    const frame = --this.depth;
    if (frame === 0) return;
    this.stackPlace.close(frame);
    const enteredRegion = this.#enteredRegions[frame] ?? unreachable;
    const enteredWeight = this.#enteredWeights[frame] ?? 0;
    if (this.#kinds[frame] === frameKind.loop) {
      this.#loopCount--;
      // Whoever comes here leaves this loop and no other.
      this.#edits.add(edit.endLoop, at, at, frame - 1, this.nests.current);
      this.nests.close();
      if (this.#loopCount === 0) this.stackPlace.closeLoop();
      if (this.#region !== unreachable) this.#enter(enteredRegion, enteredWeight);
      return;
    }
    this.#join(frame, this.#region, this.weight);
    if (this.#kinds[frame] === frameKind.if) this.#join(frame, enteredRegion, enteredWeight);
    this.#enter(this.#joinRegions[frame] ?? unreachable, this.#joinWeights[frame] ?? 0);
    if (this.#region === mixed || (this.#region !== unreachable && this.weight > cutWeight)) this.#cut(at);
  }

  /** Notes the label of a branch, in the bytes [from, to), if it may have to change. */
  label(label: number, from: number, to: number): void {
    if (!this.nests.isInside(this.depth - 1 - label))
      this.#edits.add(edit.label, from, to, label, this.nests.current);
  }

  /** A branch on a condition, to the `label`th block around. */
  branchIf(label: number): void {
    this.branch(label);
    this.nests.leaveIf(this.depth - 1 - label);
  }

  /** The same without values: answers whether it leaves a loop, and so is written in another way, instead of [from, to). */
  leaveIf(label: number, from: number, to: number): boolean {
    const frame = this.depth - 1 - label;
    // A branch to the head of a loop around takes the values that the loop takes.
    if (this.nests.isInside(frame) || frame < 0 || this.#kinds[frame] === frameKind.loop) return false;
    this.branch(label);
    this.#edits.add(edit.leaveLoopIf, from, to, label, this.nests.current, frame);
    return true;
  }

  /** A jump out of the `label`th block around, or out of the function. `at` is the position before it. */
  leave(label: number, at: number): void {
    const loop = this.nests.current;
    if (loop >= 0) this.#edits.add(edit.leaveLoop, at, at, this.depth - 1 - label, loop);
  }

  /** A branch that may be taken, to the `label`th block around. */
  branch(label: number): void {
    this.#settle();
    const frame = this.depth - 1 - label;
    // Back to a loop header is the way to its next charge. Unknown labels are the engine's to refuse.
    if (frame < 0 || this.#kinds[frame] === frameKind.loop) return;
    this.stackPlace.branch(frame);
    const loops = this.#loopCounts[frame] ?? 0;
    if (loops === this.#loopCount) return this.#join(frame, this.#region, this.weight);
    // It leaves loops: go on as if behind the outermost of them.
    const left = this.#loops[loops] ?? 0;
    if (this.#region === unreachable) return;
    this.#join(frame, this.#enteredRegions[left] ?? unreachable, this.#enteredWeights[left] ?? 0);
  }

  /** An exception caught at the end of a block, thrown anywhere. */
  caughtAt(label: number): void {
    const frame = this.depth - 1 - label;
    if (frame >= 0) this.#joinRegions[frame] = mixed;
    this.stackPlace.enterHandler();
  }

  /** Nothing follows up to the next `else`, handler, or end. */
  stop(): void {
    this.#settle();
    this.#enter(unreachable, 0);
  }

  #settle(): void {
    if (this.#region >= 0) this.#edits.raise(this.#region, this.weight);
    else if (this.#region === entry && this.weight > this.entryWeight) this.entryWeight = this.weight;
  }

  #enter(region: number, weight: number): void {
    this.#region = region;
    this.weight = weight;
  }

  #cut(at: number, ofLoop = false): void {
    const charge = this.#edits.add(edit.charge, at, at, 1, this.nests.current);
    this.nests.charge(charge, ofLoop);
    if (!ofLoop) this.stackPlace.disturb();
    this.#enter(charge, 0);
  }

  #join(frame: number, region: number, weight: number): void {
    if (region === unreachable) return;
    const joined = this.#joinRegions[frame];
    if (joined === unreachable) {
      this.#joinRegions[frame] = region;
      this.#joinWeights[frame] = weight;
    } else if (joined !== region) {
      this.#joinRegions[frame] = mixed;
    } else if (weight > (this.#joinWeights[frame] ?? 0)) {
      this.#joinWeights[frame] = weight;
    }
  }

  #grow(): void {
    this.#kinds = grown(this.#kinds);
    this.#loopCounts = grown(this.#loopCounts);
    this.#joinRegions = grown(this.#joinRegions);
    this.#joinWeights = grown(this.#joinWeights);
    this.#enteredRegions = grown(this.#enteredRegions);
    this.#enteredWeights = grown(this.#enteredWeights);
    this.#loops = grown(this.#loops);
  }
}
