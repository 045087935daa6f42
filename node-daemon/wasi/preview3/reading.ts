/**
 * Streams of a file's bytes and of a directory's entries, each with the future that tells how it went.
 *
 *     next() ─▶ more │ end ─▶ the future is ok │ failure ─▶ the future has it, the stream just ends
 *     return() ─▶ the guest has dropped the stream: the future is ok
 *
 * - A stream holds its file until it is over, whatever becomes of the descriptor, and counts among the resources of the
 *   instance as long.
 * - Nothing is read before it is asked for, and nothing of one piece after the next was asked for is kept.
 * - When the instance ends the stream ends, and the future stays open: nobody is there to be told.
 */
import { type Errno, errno } from "../abi.ts";
import { counted } from "../component-files/answers.ts";
import { readInto, refusedReading } from "../component-files/descriptors.ts";
import { DirectoryReader } from "../component-files/directory-reader.ts";
import type { OpenEntry } from "../component-files/open-entry.ts";
import type { Answer } from "../file-system/operations.ts";
import { limits } from "../component-files/limits.ts";
import { GuestEnded, type ComponentHost } from "../host.ts";
import { entryValue, type DirectoryEntry } from "./filesystem-values.ts";

type Step<T> = Promise<IteratorResult<T, undefined>>;

const over = { done: true, value: undefined } as const;

/** One reader's way through something; `pull` answers undefined at the end. */
interface Pulled<T> {
  pull(): Answer<{ readonly value: T | undefined }>;
  close(): void;
}

export class FileStream<T> implements AsyncIterableIterator<T, undefined> {
  /** How it went, once it is over: 0, or why it broke. */
  readonly outcome: Promise<Errno>;
  readonly #host: ComponentHost;
  readonly #settle: (outcome: Errno) => void;
  #source: Pulled<T> | undefined;

  /** Takes over `source`. */
  constructor(host: ComponentHost, source: Pulled<T> | Errno) {
    const { promise, resolve } = Promise.withResolvers<Errno>();
    this.outcome = promise;
    this.#host = host;
    this.#settle = resolve;
    if (typeof source === "number") {
      this.#settle(source);
      return;
    }
    this.#source = source;
    try {
      host.resources.take();
    } catch (thrown) {
      source.close();
      throw thrown;
    }
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Step<T> {
    const source = this.#source;
    if (source === undefined) return over;
    try {
      const answer = await source.pull();
      if (typeof answer !== "number" && answer.value !== undefined) return { value: answer.value };
      this.#finish(typeof answer === "number" ? answer : 0);
    } catch (thrown) {
      if (thrown instanceof GuestEnded) {
        this.#close();
      } else {
        this.#host.onBug?.(thrown);
        this.#finish(errno.io);
      }
    }
    return over;
  }

  async return(): Step<T> {
    this.#finish(0);
    return over;
  }

  #finish(outcome: Errno): void {
    this.#close();
    this.#settle(outcome);
  }

  #close(): void {
    const source = this.#source;
    if (source === undefined) return;
    this.#source = undefined;
    this.#host.resources.giveBack();
    source.close();
  }
}

/** The bytes from there on. */
export function fileBytes(entry: OpenEntry, offset: bigint): FileStream<Uint8Array> {
  const refused = refusedReading(entry, offset);
  return new FileStream(entry.files.host, refused === 0 ? new FileBytes(entry, Number(offset)) : refused);
}

class FileBytes implements Pulled<Uint8Array> {
  readonly #entry: OpenEntry;
  #position: number;
  #charged = 0;

  constructor(entry: OpenEntry, position: number) {
    this.#entry = entry.hold();
    this.#position = position;
  }

  pull(): Answer<{ readonly value: Uint8Array | undefined }> {
    const { files } = this.#entry;
    this.#discharge();
    this.#charged = files.chargeAhead(limits.chunkBytes);
    const target = new Uint8Array(this.#charged);
    return counted<{ readonly value: Uint8Array | undefined }>(
      files,
      readInto(this.#entry, target, this.#position),
      (count) => {
        this.#position += count;
        return { value: count === 0 ? undefined : target.subarray(0, count) };
      },
    );
  }

  close(): void {
    this.#discharge();
    this.#entry.letGo();
  }

  #discharge(): void {
    this.#entry.files.dischargeAhead(this.#charged);
    this.#charged = 0;
  }
}

export function directoryEntries(entry: OpenEntry): FileStream<DirectoryEntry> {
  return new FileStream(
    entry.files.host,
    entry.kind === "directory" ? new DirectoryEntries(entry) : errno.notdir,
  );
}

class DirectoryEntries implements Pulled<DirectoryEntry> {
  readonly #reader: DirectoryReader;

  constructor(entry: OpenEntry) {
    this.#reader = new DirectoryReader(entry);
  }

  async pull(): Promise<{ readonly value: DirectoryEntry | undefined } | Errno> {
    const answer = await this.#reader.next();
    if (typeof answer === "number") return answer;
    return { value: answer.entry && entryValue(answer.entry) };
  }

  close(): void {
    this.#reader.close();
  }
}
