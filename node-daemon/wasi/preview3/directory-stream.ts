import { errno, type Errno } from "../abi.ts";
import { DirectoryReader } from "../component-files/directory-reader.ts";
import type { OpenEntry } from "../component-files/open-entry.ts";
import { GuestEnded, type ComponentHost } from "../host.ts";
import { entryValue, speech, type DirectoryEntry, type ErrorCode } from "./filesystem-values.ts";
import type { Outcome } from "./streams.ts";

/** The entries of a directory, and how reading them went. */
export function readDirectory(entry: OpenEntry): readonly [DirectoryStream, Promise<Outcome<ErrorCode>>] {
  const stream = new DirectoryStream(entry);
  return [stream, stream.outcome];
}

/**
 * A `stream<directory-entry>` as jco's bindings take it. Counts as a resource, and holds the directory, until it is over.
 * It ends at a failure, which the outcome tells; when the instance ends it rejects as everything does then.
 */
export class DirectoryStream implements AsyncIterableIterator<DirectoryEntry> {
  readonly outcome: Promise<Outcome<ErrorCode>>;
  readonly #host: ComponentHost;
  readonly #tell: (outcome: Errno | GuestEnded) => void;
  #reader: DirectoryReader | undefined;

  constructor(entry: OpenEntry) {
    const { host } = entry.files;
    const { promise, resolve, reject } = Promise.withResolvers<Outcome<ErrorCode>>();
    promise.catch(() => {});
    this.outcome = promise;
    this.#host = host;
    this.#tell = (outcome) => {
      if (typeof outcome === "number") resolve(speech.outcome(outcome));
      else reject(outcome);
    };
    if (entry.kind !== "directory") {
      this.#tell(errno.notdir);
      return;
    }
    host.resources.take();
    this.#reader = new DirectoryReader(entry);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<DirectoryEntry>> {
    const reader = this.#reader;
    if (reader === undefined) return { done: true, value: undefined };
    let outcome: Errno | GuestEnded = 0;
    try {
      const answer = await reader.next();
      if (typeof answer === "number") outcome = answer;
      else if (answer.entry !== undefined) return { done: false, value: entryValue(answer.entry) };
    } catch (thrown) {
      if (thrown instanceof GuestEnded) outcome = thrown;
      else this.#host.onBug?.(thrown);
      if (outcome === 0) outcome = errno.io;
    }
    this.#end(outcome);
    if (outcome instanceof GuestEnded) throw outcome;
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<DirectoryEntry>> {
    this.#end(0);
    return { done: true, value: undefined };
  }

  #end(outcome: Errno | GuestEnded): void {
    const reader = this.#reader;
    if (reader === undefined) return;
    this.#reader = undefined;
    this.#host.resources.giveBack();
    reader.close();
    this.#tell(outcome);
  }
}
