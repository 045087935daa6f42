import type { InputSource } from "../wasi/host.ts";

export const emptyInput: InputSource = {
  read: () => "end",
  onReadable(wake) {
    wake();
    return () => {};
  },
};

/** Standard input that stays open, and silent, until the instance is asked to stop. */
export class NoticeInput implements InputSource {
  #ended = false;
  readonly #waiting = new Set<() => void>();

  end(): void {
    this.#ended = true;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  read(): "end" | "wait" {
    return this.#ended ? "end" : "wait";
  }

  onReadable(wake: () => void): () => void {
    if (this.#ended) {
      wake();
      return () => {};
    }
    this.#waiting.add(wake);
    return () => void this.#waiting.delete(wake);
  }
}
