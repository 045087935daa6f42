/**
 * A stack of the engine's on which guests run one after another. The engine makes a new one for each call through `promising`, four calls of
 * the kernel and the pages that are touched, and takes it down when it has collected it: for a short guest that is a
 * quarter of its time.
 *
 *   resting ── call ─▶ the guest runs, suspends, goes on ── returned ─▶ resting … ── leave ─▶ over
 *   (suspended in `next`)                                └─ trapped ─▶ broken
 *
 * On it stands one function of a module of ours, which waits for the next guest, calls it, and waits again. So there is never a frame of
 * JavaScript below a guest, and everything of it may suspend. A trap unwinds the whole stack, and that is its end.
 */
import { BinaryWriter } from "../wasm/binary-writer.ts";
import { section } from "../wasm/module-model.ts";
import { emptyBlock, op } from "../wasm/opcodes.ts";
import { engine, type WasmModule } from "./engine.ts";

const goOn = 1;
const goHome = 0;

interface Call {
  readonly resolve: () => void;
  readonly reject: (thrown: unknown) => void;
}

interface Slot {
  set(index: number, guest: unknown): void;
}

export class ReusedStack {
  readonly #slot: Slot;
  #next: ((what: number) => void) | undefined;
  #call: Call | undefined;
  #broken = false;

  constructor() {
    const next = new engine.Suspending(() => this.#waitForNext());
    const { exports } = new engine.Instance((loop ??= new engine.Module(loopModule())), { wherry: { next } });
    this.#slot = exports["guest"] as Slot;
    engine
      .promising(exports["run"])()
      .then(
        () => (this.#broken = true),
        (thrown: unknown) => this.#trapped(thrown),
      );
  }

  /** It can take another call. */
  get resting(): boolean {
    return !this.#broken && this.#call === undefined;
  }

  /** Calls a function `() -> ()` of a guest. Rejects with what comes out of it. */
  call(exported: unknown): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#call = { resolve, reject };
      this.#slot.set(0, exported);
      const next = this.#next;
      this.#next = undefined;
      next?.(goOn);
    });
  }

  /** Ends it, while it rests. */
  leave(): void {
    this.#broken = true;
    this.#next?.(goHome);
    this.#next = undefined;
  }

  #waitForNext(): Promise<number> {
    this.#over()?.resolve();
    return new Promise((resolve) => (this.#next = resolve));
  }

  #trapped(thrown: unknown): void {
    this.#broken = true;
    this.#over()?.reject(thrown);
  }

  /** Nothing of the guest is kept. */
  #over(): Call | undefined {
    const call = this.#call;
    this.#call = undefined;
    this.#slot?.set(0, null);
    return call;
  }
}

let loop: WasmModule | undefined;

/** `loop { if (!next()) return; guest[0](); }`, under a name that no stack trace shows (see trap.ts). */
function loopModule(): Uint8Array {
  const module = new BinaryWriter().raw(0, 0x61, 0x73, 0x6d, 1, 0, 0, 0);
  const add = (id: number, contents: BinaryWriter) =>
    void module.u8(id).u32(contents.length).append(contents.view());
  const code = new BinaryWriter().raw(0, op.loop, emptyBlock, op.call, 0, op.i32Const, 0, op.i32Eq);
  code.raw(
    op.if,
    emptyBlock,
    op.return,
    op.end,
    op.i32Const,
    0,
    op.callIndirect,
    0,
    0,
    op.br,
    0,
    op.end,
    op.end,
  );
  const name = new BinaryWriter().raw(1, 1).name("wherry.run");
  add(section.type, new BinaryWriter().raw(2, 0x60, 0, 0, 0x60, 0, 1, 0x7f));
  add(section.import, new BinaryWriter().u8(1).name("wherry").name("next").raw(0, 1));
  add(section.function, new BinaryWriter().raw(1, 0));
  add(section.table, new BinaryWriter().raw(1, 0x70, 0, 1));
  add(section.export, new BinaryWriter().u8(2).name("run").raw(0, 1).name("guest").raw(1, 0));
  add(section.code, new BinaryWriter().u8(1).u32(code.length).append(code.view()));
  add(section.custom, new BinaryWriter().name("name").u8(1).u32(name.length).append(name.view()));
  return module.view();
}
