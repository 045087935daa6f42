import { errno, type Errno } from "../abi.ts";
import { counted } from "../component-files/answers.ts";
import { refusedWriting, writeFrom } from "../component-files/descriptors.ts";
import { limits } from "../component-files/limits.ts";
import type { OpenEntry } from "../component-files/open-entry.ts";
import { openToAppend } from "../component-files/opening.ts";
import type { ResourceCount } from "../component-resources.ts";
import { GuestEnded } from "../host.ts";

/** A `stream<u8>` of a guest, as jco's bindings pass it. */
export interface ByteStream extends Disposable {
  read(options: { readonly count: number }): Promise<{ readonly value: unknown; readonly done: boolean }>;
}

/** Writes all of `data` from there on: 0, or why not. What was read of it and not written is lost. */
export function writeStream(entry: OpenEntry, data: ByteStream, offset: bigint): Promise<Errno> {
  const refused = refusedWriting(entry, offset);
  return consumed(entry, data, refused === 0 ? () => entry.hold() : () => refused, Number(offset));
}

/** Writes all of `data` to the end of the file. */
export function appendStream(entry: OpenEntry, data: ByteStream): Promise<Errno> {
  return consumed(entry, data, () => openToAppend(entry), 0);
}

/** Counts among the resources of the instance as long as it takes. Rejects with our own bugs and `GuestEnded` only. */
function consumed(
  { files }: OpenEntry,
  data: ByteStream,
  open: () => ReturnType<typeof openToAppend>,
  position: number,
): Promise<Errno> {
  const { resources } = files.host;
  resources.take();
  return consumedBy(resources, data, open, position);
}

async function consumedBy(
  resources: ResourceCount,
  data: ByteStream,
  open: () => ReturnType<typeof openToAppend>,
  position: number,
): Promise<Errno> {
  try {
    const target = await open();
    if (typeof target === "number") return target;
    try {
      return await copied(target, data, position);
    } finally {
      target.letGo();
    }
  } finally {
    resources.giveBack();
    // Who writes learns that nobody reads any more.
    data[Symbol.dispose]();
  }
}

async function copied(target: OpenEntry, data: ByteStream, start: number): Promise<Errno> {
  const { host } = target.files;
  let position = start;
  let thisTurn = 0;
  for (;;) {
    const { value } = await data.read({ count: limits.chunkBytes });
    const bytes = bytesOf(value);
    if (bytes.byteLength === 0) return 0;
    const written = await allWritten(target, bytes, position);
    if (typeof written === "number") return written;
    position += bytes.byteLength;
    thisTurn += bytes.byteLength;
    // One stream may feed the other without the guest's doing.
    if (thisTurn < limits.streamBytesPerTurn) continue;
    thisTurn = 0;
    await host.yield();
  }
}

/** Undefined, or why not. */
async function allWritten(target: OpenEntry, bytes: Uint8Array, start: number): Promise<Errno | undefined> {
  for (let done = 0; done < bytes.byteLength;) {
    if (target.closed) throw new GuestEnded();
    const answer = await counted<{ readonly count: number }>(
      target.files,
      writeFrom(target, bytes.subarray(done), start + done),
      (count) => ({ count }),
    );
    if (typeof answer === "number") return answer;
    // A kernel that writes nothing and says no reason would have us try for ever.
    if (answer.count === 0) return errno.io;
    done += answer.count;
  }
  return undefined;
}

/** The bindings hand over one element by itself, and several in an array. Undefined at the end. */
function bytesOf(value: unknown): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "number") return Uint8Array.of(value);
  return Array.isArray(value) ? Uint8Array.from(value as number[]) : new Uint8Array(0);
}
