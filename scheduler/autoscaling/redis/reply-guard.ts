/**
 * Looks at what a server says before the client does. The client is written for servers that mean well: a reply that nobody asked for, or a
 * push of an odd form, makes it throw where nobody can catch it, and an array that says it is long is made as long. So nothing
 * passes but replies of RESP2, as many as were asked for, each bounded. https://redis.io/docs/latest/develop/reference/protocol-spec/
 *
 *   type ──header line──▶ a bulk's bytes ─▶ its line end ─▶ type
 *     ▲        └─ an array's items, one within the other ─────┘
 */
export const replyLimits = {
  /** As for answers over HTTP. XINFO GROUPS tells of all groups of a stream, with some 150 bytes for each. */
  replyBytesMax: 1024 * 1024,
  depthMax: 4,
  /** Of all arrays of a reply together: each item costs more to read than its bytes. XINFO GROUPS has 13 for each group. */
  itemsMax: 20_000,
} as const;

const lineFeed = 10;
const typePattern = /^[+\-:$*]$/;
const lengthPattern = /^(-1|\d{1,8})$/;
const integerPattern = /^[+-]?\d{1,20}$/;

export class ReplyGuard {
  /** Replies that are still to come. */
  #expected = 0;
  /** How many items are missing of each array that is open. */
  readonly #open: number[] = [];
  #line = "";
  /** Bytes of a bulk that are still to come, with its line end. */
  #bulkBytes = 0;
  #bytes = 0;
  #items = 0;

  /** One more reply may come. */
  expect(): void {
    this.#expected++;
  }

  /** What is wrong with it; undefined: it may pass. */
  check(chunk: Buffer): string | undefined {
    let at = 0;
    while (at < chunk.length) {
      if (this.#expected === 0) return "said something that it was not asked";
      const end =
        this.#bulkBytes > 0 ? at + Math.min(this.#bulkBytes, chunk.length - at) : endOfLine(chunk, at);
      this.#bytes += end - at;
      if (this.#bytes > replyLimits.replyBytesMax) return "answered more than 1 MiB";
      const problem =
        this.#bulkBytes > 0 ? this.#skip(end - at) : this.#read(chunk.toString("latin1", at, end));
      if (problem !== undefined) return problem;
      at = end;
    }
    return undefined;
  }

  #skip(bytes: number): undefined {
    this.#bulkBytes -= bytes;
    if (this.#bulkBytes === 0) this.#itemEnded();
  }

  #read(part: string): string | undefined {
    this.#line += part;
    // Not of the whole: putting it together for each byte that comes would take the square of its length.
    if (!part.endsWith("\n")) return undefined;
    const line = this.#line;
    this.#line = "";
    if (!line.endsWith("\r\n")) return malformed;
    return this.#header(line.slice(0, 1), line.slice(1, -2));
  }

  #header(type: string, rest: string): string | undefined {
    if (!typePattern.test(type)) return malformed;
    if (type === "+" || type === "-") return this.#itemEnded();
    if (type === ":") return integerPattern.test(rest) ? this.#itemEnded() : malformed;
    if (!lengthPattern.test(rest)) return malformed;
    const length = Number(rest);
    if (length === -1 || (type === "*" && length === 0)) return this.#itemEnded();
    if (type === "$") {
      if (length > replyLimits.replyBytesMax) return "answered more than 1 MiB";
      this.#bulkBytes = length + 2;
      return undefined;
    }
    this.#items += length;
    if (this.#items > replyLimits.itemsMax) return `answered more than ${replyLimits.itemsMax} items`;
    if (this.#open.length === replyLimits.depthMax) return malformed;
    this.#open.push(length);
    return undefined;
  }

  #itemEnded(): undefined {
    for (;;) {
      const missing = this.#open.pop();
      if (missing === undefined) break;
      if (missing > 1) {
        this.#open.push(missing - 1);
        return;
      }
    }
    this.#expected--;
    this.#bytes = 0;
    this.#items = 0;
  }
}

const malformed = "answered something that is not Redis' protocol";

/** After the line feed, or the end of what is there. */
function endOfLine(chunk: Buffer, from: number): number {
  const found = chunk.indexOf(lineFeed, from);
  return found === -1 ? chunk.length : found + 1;
}
