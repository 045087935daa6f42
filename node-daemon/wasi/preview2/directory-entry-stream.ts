import type { DirectoryReader } from "../component-files/directory-reader.ts";
import { HostResource } from "../component-resources.ts";
import type { ComponentHost } from "../host.ts";
import { entryValue, speech, type Answered, type DirectoryEntry } from "./filesystem-values.ts";

/** `wasi:filesystem/types.directory-entry-stream` of WASI 0.2. */
export class DirectoryEntryStream extends HostResource {
  readonly #host: ComponentHost;
  readonly #reader: DirectoryReader;

  private constructor(host: ComponentHost, reader: DirectoryReader) {
    super(host);
    this.#host = host;
    this.#reader = reader;
  }

  /** Takes over the reader. Not for guests. */
  static of(host: ComponentHost, reader: DirectoryReader): DirectoryEntryStream {
    try {
      return new DirectoryEntryStream(host, reader);
    } catch (thrown) {
      reader.close();
      throw thrown;
    }
  }

  /** Undefined behind the last. */
  readDirectoryEntry(): Answered<DirectoryEntry | undefined> {
    return speech.value(
      this.#host,
      () => this.#reader.next(),
      ({ entry }) => entry && entryValue(entry),
    );
  }

  protected override release(): void {
    this.#reader.close();
  }
}
