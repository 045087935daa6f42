/** The streams and futures of files, over what WASI 0.2 reads and writes them with. */
import type { Errno } from "../abi.ts";
import { refusedReading, refusedWriting } from "../component-files/descriptors.ts";
import { FileSink } from "../component-files/file-sink.ts";
import { FileSource } from "../component-files/file-source.ts";
import type { OpenEntry } from "../component-files/open-entry.ts";
import { openToAppend } from "../component-files/opening.ts";
import { err } from "../component-values.ts";
import type { StreamFailure } from "../host.ts";
import { errorCode, speech, type ErrorCode } from "./filesystem-values.ts";
import { drainInto, streamOf, type ByteStream, type GuestStream, type Outcome } from "./streams.ts";

const failureCode = (failure: StreamFailure) => errorCode(failure.errno);

/** The bytes of a file from there on, and how reading them went. */
export function readStream(
  entry: OpenEntry,
  offset: bigint,
): readonly [ByteStream, Promise<Outcome<ErrorCode>>] {
  const { host } = entry.files;
  const refused = refusedReading(entry, offset);
  if (refused !== 0) {
    const [stream] = streamOf(host, ended, { failureCode });
    return [stream, Promise.resolve(err(errorCode(refused)))];
  }
  const source = new FileSource(entry.hold(), Number(offset));
  try {
    return streamOf(host, source, { failureCode, release: () => source.close() });
  } catch (thrown) {
    source.close();
    throw thrown;
  }
}

const ended = {
  read: () => "end" as const,
  onReadable: (wake: () => void) => {
    wake();
    return () => {};
  },
};

/** Writes all that the guest gives, from there on. */
export function writeStream(
  entry: OpenEntry,
  data: GuestStream,
  offset: bigint,
): Promise<Outcome<ErrorCode>> {
  const refused = refusedWriting(entry, offset);
  return refused === 0 ? drained(entry.hold(), data, Number(offset)) : refusedData(data, refused);
}

/** Writes all that the guest gives to the end of the file, wherever that is by then. */
export function appendStream(entry: OpenEntry, data: GuestStream): Promise<Outcome<ErrorCode>> {
  const opened = openToAppend(entry);
  if (typeof opened === "number") return refusedData(data, opened);
  if (!(opened instanceof Promise)) return drained(opened, data, 0);
  const outcome = opened.then(
    (answer) => (typeof answer === "number" ? refusedData(data, answer) : drained(answer, data, 0)),
    (thrown: unknown) => {
      data[Symbol.dispose]();
      throw thrown;
    },
  );
  outcome.catch(() => {});
  return outcome;
}

/** Takes over one hold of `target`. */
function drained(target: OpenEntry, data: GuestStream, position: number): Promise<Outcome<ErrorCode>> {
  const sink = new FileSink(target, position);
  try {
    return drainInto(target.files.host, data, sink, { failureCode, release: () => sink.close() });
  } catch (thrown) {
    sink.close();
    throw thrown;
  }
}

/** Who writes learns that nobody reads. */
async function refusedData(data: GuestStream, refused: Errno): Promise<Outcome<ErrorCode>> {
  data[Symbol.dispose]();
  return speech.outcome(refused);
}
