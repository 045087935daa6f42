import type { RE2JS } from "@bufbuild/re2";
import type { Meter } from "../meter.ts";

/**
 * Runs programs that the RE2 library has compiled, as Pike's machine does: all threads advance together, one character at
 * a time, so no pattern takes more than (text × program) steps, and each step is counted. The library's own machine says
 * only whether there is a match, not where, and its fallback is quadratic in the program.
 */
type Program = ReturnType<RE2JS["re2"]>["prog"];

/** Instructions, numbered as in every RE2. */
const op = {
  alternative: 1,
  alternativeMatch: 2,
  capture: 3,
  emptyWidth: 4,
  match: 6,
  nop: 7,
  rune: 8,
} as const;
const emptyWidth = {
  beginLine: 1,
  endLine: 2,
  beginText: 4,
  endText: 8,
  boundary: 16,
  noBoundary: 32,
} as const;

/** What moving one thread takes, in characters of simpler work. */
const threadToil = 8;

/** A list of threads in order of preference, each instruction at most once. */
class Threads {
  readonly instructions: Int32Array;
  readonly starts: Int32Array;
  readonly #places: Int32Array;
  size = 0;

  constructor(capacity: number) {
    this.instructions = new Int32Array(capacity);
    this.starts = new Int32Array(capacity);
    this.#places = new Int32Array(capacity);
  }

  add(instruction: number, start: number): boolean {
    const place = this.#places[instruction] ?? 0;
    if (place < this.size && this.instructions[place] === instruction) return false;
    this.#places[instruction] = this.size;
    this.instructions[this.size] = instruction;
    this.starts[this.size] = start;
    this.size++;
    return true;
  }
}

export interface Match {
  readonly start: number;
  readonly end: number;
}

export class RegexMachine {
  readonly #program: Program;
  readonly #prefix: string;
  readonly #isAnchored: boolean;
  #current: Threads;
  #next: Threads;
  readonly #stack: number[] = [];

  constructor(pattern: RE2JS) {
    const re2 = pattern.re2();
    this.#program = re2.prog;
    this.#prefix = re2.prefix;
    this.#isAnchored = (re2.cond & emptyWidth.beginText) !== 0;
    this.#current = new Threads(re2.prog.numInst());
    this.#next = new Threads(re2.prog.numInst());
  }

  /** The leftmost match from `from` on, of several the one that the pattern prefers. `isAny`: one anywhere will do. */
  find(text: string, from: number, isAny: boolean, meter: Meter): Match | undefined {
    let found: Match | undefined;
    let at = from;
    this.#current.size = 0;
    for (;;) {
      if (this.#current.size === 0) {
        if (found || (this.#isAnchored && at > 0)) return found;
        if (this.#prefix !== "" && !this.#isAnchored) at = text.indexOf(this.#prefix, at);
        if (at < 0) return undefined;
      }
      const rune = text.codePointAt(at);
      const width = rune === undefined ? 0 : rune > 0xffff ? 2 : 1;
      if (!found) this.#follow(this.#current, this.#program.start, at, text, at);
      meter.toil(1 + this.#current.size * threadToil);
      const end = this.#advance(rune ?? -1, text, at, at + width);
      if (end) found = end;
      if ((found && isAny) || rune === undefined) return found;
      [this.#current, this.#next] = [this.#next, this.#current];
      at += width;
    }
  }

  /** Moves all threads over one character. Returns the match of the best thread that is at its end. */
  #advance(rune: number, text: string, at: number, nextAt: number): Match | undefined {
    const { instructions, starts, size } = this.#current;
    this.#next.size = 0;
    for (let index = 0; index < size; index++) {
      const instruction = this.#program.getInst(instructions[index] ?? 0);
      const start = starts[index] ?? 0;
      // Threads after this one are less preferred, so they end here.
      if (instruction.op === op.match) return { start, end: at };
      if (instruction.op >= op.rune && rune >= 0 && matches(instruction, rune))
        this.#follow(this.#next, instruction.out, start, text, nextAt);
    }
    return undefined;
  }

  /** Adds a thread, and those that it becomes without reading a character. */
  #follow(threads: Threads, from: number, start: number, text: string, at: number): void {
    const stack = this.#stack;
    stack.push(from);
    let context = -1;
    for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
      if (!threads.add(next, start)) continue;
      const instruction = this.#program.getInst(next);
      switch (instruction.op) {
        case op.alternative:
        case op.alternativeMatch:
          stack.push(instruction.arg, instruction.out);
          break;
        case op.capture:
        case op.nop:
          stack.push(instruction.out);
          break;
        case op.emptyWidth:
          if (context === -1) context = contextAt(text, at);
          if ((instruction.arg & ~context) === 0) stack.push(instruction.out);
          break;
        default:
          break;
      }
    }
  }
}

type Instruction = ReturnType<Program["getInst"]>;

function matches(instruction: Instruction, rune: number): boolean {
  if (instruction.op === op.rune + 2) return true;
  if (instruction.op === op.rune + 3) return rune !== 0x0a;
  return instruction.matchRune(rune);
}

/** Which empty-width assertions hold between two characters. */
function contextAt(text: string, at: number): number {
  const before = text.charCodeAt(at - 1);
  const after = text.charCodeAt(at);
  let context = 0;
  if (at === 0) context |= emptyWidth.beginText | emptyWidth.beginLine;
  else if (before === 0x0a) context |= emptyWidth.beginLine;
  if (at >= text.length) context |= emptyWidth.endText | emptyWidth.endLine;
  else if (after === 0x0a) context |= emptyWidth.endLine;
  return context | (isWord(before) === isWord(after) ? emptyWidth.noBoundary : emptyWidth.boundary);
}

function isWord(unit: number): boolean {
  return (
    (unit >= 0x30 && unit <= 0x39) ||
    (unit >= 0x41 && unit <= 0x5a) ||
    unit === 0x5f ||
    (unit >= 0x61 && unit <= 0x7a)
  );
}
