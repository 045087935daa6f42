import { grown } from "./edits.ts";

/** More ways to a function are not told apart. */
const waysMax = 255;

/**
 * Who calls whom in a module, and where loops stand: filled in while bodies are scanned in their order. Functions are
 * counted without the imported ones.
 */
export class CallGraph {
  /** Of each function: bytes of its body, and how deep its loops are nested. */
  readonly bodyBytes: Uint32Array;
  readonly loopDepths: Uint8Array;
  /** Too many calls to be kept: what is known is not all. */
  incomplete = false;
  readonly #imports: number;
  readonly #callsMax: number;
  /** Twice the function that is called, and one more for a call within a loop. */
  #calls = new Int32Array(256);
  #callCount = 0;
  /** Where each function's calls begin. */
  readonly #firstCalls: Uint32Array;
  #function = 0;

  constructor(functions: number, imports: number, callsMax: number) {
    this.bodyBytes = new Uint32Array(functions);
    this.loopDepths = new Uint8Array(functions);
    this.#firstCalls = new Uint32Array(functions + 1);
    this.#imports = imports;
    this.#callsMax = callsMax;
  }

  get functions(): number {
    return this.bodyBytes.length;
  }

  /** A call, or a reference that may become one, in the function whose end is told next. */
  call(index: number, loopDepth: number): void {
    if (index < this.#imports || this.incomplete) return;
    if (this.#callCount === this.#calls.length) {
      this.incomplete = this.#callCount >= this.#callsMax;
      if (this.incomplete) return;
      this.#calls = grown(this.#calls);
    }
    this.#calls[this.#callCount++] = (index - this.#imports) * 2 + (loopDepth > 0 ? 1 : 0);
  }

  endFunction(bytes: number, loopDepth: number): void {
    this.bodyBytes[this.#function] = bytes;
    this.loopDepths[this.#function] = Math.min(loopDepth, 255);
    this.#firstCalls[++this.#function] = this.#callCount;
  }

  /**
   * In how many ways each function is reached from the roots through calls outside loops, up to `waysMax`; 0 where there is
   * none, and where a recursion is on the way.
   */
  countWays(roots: Uint8Array): Uint8Array {
    const entries = new Uint32Array(this.functions);
    const reached = roots.map((ways) => (ways > 0 ? 1 : 0));
    this.#follow(reached, (callee, inLoop) => {
      if (!inLoop) entries[callee] = (entries[callee] ?? 0) + 1;
      return !inLoop;
    });
    const ways = Uint8Array.from(roots);
    const open = [...reached.keys()].filter((i) => reached[i] === 1 && entries[i] === 0);
    for (let caller = open.pop(); caller !== undefined; caller = open.pop()) {
      const from = ways[caller] ?? 0;
      this.#eachCall(caller, (callee, inLoop) => {
        if (inLoop) return;
        ways[callee] = Math.min(waysMax, (ways[callee] ?? 0) + from);
        entries[callee] = (entries[callee] ?? 0) - 1;
        if (entries[callee] === 0) open.push(callee);
      });
    }
    return ways.map((count, i) => (entries[i] === 0 ? count : 0));
  }

  /** Functions that are called within a loop, wherever, and all that these call. */
  findRepeated(): Uint8Array {
    const repeated = new Uint8Array(this.functions);
    for (let caller = 0; caller < this.functions; caller++) {
      this.#eachCall(caller, (callee, inLoop) => {
        if (inLoop) repeated[callee] = 1;
      });
    }
    this.#follow(repeated, () => true);
    return repeated;
  }

  /** Marks in `reached` what calls lead to from the functions marked there. Each call is asked about once. */
  #follow(reached: Uint8Array, leads: (callee: number, inLoop: boolean) => boolean): void {
    const open: number[] = [];
    for (let i = 0; i < reached.length; i++) if (reached[i] === 1) open.push(i);
    for (let caller = open.pop(); caller !== undefined; caller = open.pop()) {
      this.#eachCall(caller, (callee, inLoop) => {
        if (!leads(callee, inLoop) || reached[callee] === 1) return;
        reached[callee] = 1;
        open.push(callee);
      });
    }
  }

  #eachCall(caller: number, told: (callee: number, inLoop: boolean) => void): void {
    const end = this.#firstCalls[caller + 1] ?? 0;
    for (let i = this.#firstCalls[caller] ?? 0; i < end; i++) {
      const call = this.#calls[i] ?? 0;
      told(call >> 1, (call & 1) === 1);
    }
  }
}
