/** Texts that are kept, in characters. */
const keptCharsMax = 8 * 1024 * 1024;

/**
 * Makes the text of each event. Many watchers get the same objects one after the other: the last texts are kept, within a
 * bound, and made once.
 */
export class EventEncoder {
  /** Oldest first. */
  readonly #texts = new Map<object, string>();
  #chars = 0;

  encode(type: string, object: object): string {
    let text = this.#texts.get(object);
    if (text === undefined) {
      text = JSON.stringify(object);
      this.#keep(object, text);
    }
    return `{"type":"${type}","object":${text}}\n`;
  }

  #keep(object: object, text: string): void {
    this.#texts.set(object, text);
    this.#chars += text.length;
    for (const [oldest, oldText] of this.#texts) {
      if (this.#chars <= keptCharsMax) return;
      this.#texts.delete(oldest);
      this.#chars -= oldText.length;
    }
  }
}
