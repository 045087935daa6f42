import { FileSink } from "../component-files/file-sink.ts";
import { FileSource } from "../component-files/file-source.ts";
import type { OpenEntry } from "../component-files/open-entry.ts";
import { InputStream } from "./input-stream.ts";
import { OutputStream } from "./output-stream.ts";

/** Takes over one hold of `entry`. */
export function fileInput(entry: OpenEntry, offset: bigint): InputStream {
  const source = new FileSource(entry, Number(offset));
  return closing(source, (release) => new InputStream(entry.files.host, source, release));
}

/** Takes over one hold of `entry`. */
export function fileOutput(entry: OpenEntry, offset: bigint): OutputStream {
  const sink = new FileSink(entry, Number(offset));
  return closing(sink, (release) => new OutputStream(entry.files.host, sink, release));
}

/** What is made releases what it is made of, and so does a failure to make it. */
function closing<T>(file: { close(): void }, make: (release: () => void) => T): T {
  try {
    return make(() => file.close());
  } catch (thrown) {
    file.close();
    throw thrown;
  }
}
