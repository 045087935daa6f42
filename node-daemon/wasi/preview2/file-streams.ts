import { FileSink } from "../component-files/file-sink.ts";
import { FileSource } from "../component-files/file-source.ts";
import { handedOver, type OpenEntry } from "../component-files/open-entry.ts";
import { InputStream } from "./input-stream.ts";
import { OutputStream } from "./output-stream.ts";

/** Takes over one hold of `entry`. */
export function fileInput(entry: OpenEntry, offset: bigint): InputStream {
  const source = new FileSource(entry, Number(offset));
  const release = () => {
    source.close();
    entry.letGo();
  };
  return handedOver(entry, () => new InputStream(entry.files.host, source, release));
}

/** Takes over one hold of `entry`. */
export function fileOutput(entry: OpenEntry, offset: bigint): OutputStream {
  const sink = new FileSink(entry, Number(offset));
  return handedOver(entry, () => new OutputStream(entry.files.host, sink, () => entry.letGo()));
}
