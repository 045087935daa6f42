/**
 * Where a function takes its part of the stack: at its entry, or later, so that a path that calls nothing takes none.
 *
 * Later is before its first call of a counted function, or before the outermost loop around it. Every later call has to come
 * by there. Whoever does not is on a path that a branch has led to the end of a block which was open at that place: so once
 * such a block is closed, or a handler or the other arm of an `if` begins, nothing may be called any more; and if it is, the entry
 * is the place. It is too if anything is paid before, as the guest may be suspended there (see `CallDepth`).
 *
 * Blocks are known by their place among the open ones. Of those that are branched to, only the innermost is known for
 * certain, the ones around it are taken to be. Every step is O(1).
 */
import { type Edits, edit } from "./edits.ts";

type State = "before" | "in a loop" | "taken" | "bypassed" | "at entry";

export class StackPlace {
  readonly #edits: Edits;
  #state: State = "before";
  /** The innermost open block that a path may come to the end of by a branch, and the outermost one. */
  #inner = 0;
  #outer = 0;
  /** What `#inner` was at the place. */
  #guard = 0;

  constructor(edits: Edits) {
    this.#edits = edits;
  }

  /** Once the function is read: whether it is the place that was noted among the edits. */
  get isLater(): boolean {
    return this.#state === "taken" || this.#state === "bypassed";
  }

  start(): void {
    this.#state = "before";
    this.#inner = 0;
    this.#outer = 0;
    this.#guard = 0;
  }

  branch(frame: number): void {
    // The end of the outermost one is the end of the function.
    if (frame <= 0) return;
    if (frame > this.#inner) this.#inner = frame;
    if (this.#outer === 0 || frame < this.#outer) this.#outer = frame;
  }

  /** The block is closed, or its other arm begins. */
  close(frame: number): void {
    if (this.#state === "taken" && frame <= this.#guard) this.#state = "bypassed";
    if (frame > this.#inner) return;
    this.#inner = this.#outer !== 0 && this.#outer < frame ? frame - 1 : 0;
    if (this.#outer >= frame) this.#outer = 0;
  }

  /** The outermost loop of several begins at `at`. */
  openLoop(at: number): void {
    if (this.#state !== "before") return;
    this.#note(at);
    this.#state = "in a loop";
  }

  closeLoop(): void {
    if (this.#state === "in a loop") this.#state = "at entry";
  }

  call(at: number): void {
    if (this.#state === "before") this.#note(at);
    this.#state = this.#state === "bypassed" || this.#state === "at entry" ? "at entry" : "taken";
  }

  /** Something is paid, not at the head of a loop, or an exception is caught. */
  disturb(): void {
    if (this.#state === "before") this.#state = "at entry";
  }

  enterHandler(): void {
    this.#state = "at entry";
  }

  #note(at: number): void {
    this.#edits.add(edit.takeStack, at, at, 0);
    this.#guard = this.#inner;
  }
}
