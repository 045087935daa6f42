/** A connection or listener that several handles of a component hold: closed when the last of them is gone. */
export class SharedSocket<T extends { close(): void }> {
  readonly value: T;
  #holders = 1;

  /** The caller is the first holder. */
  constructor(value: T) {
    this.value = value;
  }

  /** Answers how to let go; doing so again changes nothing. */
  hold(): () => void {
    this.#holders++;
    let held = true;
    return () => {
      if (held) this.letGo();
      held = false;
    };
  }

  /** Once for the first holder. */
  letGo(): void {
    if (--this.#holders === 0) this.value.close();
  }
}
