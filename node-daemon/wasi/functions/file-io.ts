/**
 * Reading and writing. Files are read and written straight between guest memory and the kernel, at a position kept here; a
 * long transfer, and one of a file system that may block, suspends the guest. So does stdio when it has to wait.
 */
import { errno, fdFlag, right, size, type Errno } from "../abi.ts";
import {
  missingRight,
  type Descriptor,
  type FileDescriptor,
  type InputDescriptor,
  type OutputDescriptor,
} from "../descriptors.ts";
import { sizeOf } from "../file-system/views.ts";
import type { GuestMemory } from "../guest-memory.ts";
import { limits } from "../limits.ts";
import { counted } from "./answers.ts";
import { type Ranges, readRanges, viewsOf } from "./ranges.ts";
import { receive, send } from "./socket-io.ts";
import { unsigned64, type WasiContext, type WasiFunctions } from "./context.ts";

/** The number of bytes is a u32. */
const resultMax = 0xffff_ffff;

type Direction = "read" | "write";
type Answer = number | Promise<number>;

export const fileIoFunctions = {
  fd_read: (context: WasiContext, fd: number, vectors: number, count: number, out: number): Answer =>
    transfer(context, "read", fd, vectors, count, undefined, out),
  fd_write: (context: WasiContext, fd: number, vectors: number, count: number, out: number): Answer =>
    transfer(context, "write", fd, vectors, count, undefined, out),
  fd_pread: (
    context: WasiContext,
    fd: number,
    vectors: number,
    count: number,
    offset: bigint,
    out: number,
  ): Answer =>
    seekable(context.descriptors.get(fd)) || transfer(context, "read", fd, vectors, count, offset, out),
  fd_pwrite: (
    context: WasiContext,
    fd: number,
    vectors: number,
    count: number,
    offset: bigint,
    out: number,
  ): Answer =>
    seekable(context.descriptors.get(fd)) || transfer(context, "write", fd, vectors, count, offset, out),
} satisfies WasiFunctions;

/** The four functions: with `offset` at that place, without at the descriptor's own position. */
function transfer(
  context: WasiContext,
  direction: Direction,
  fd: number,
  vectors: number,
  count: number,
  offset: bigint | undefined,
  out: number,
): Answer {
  const { memory, descriptors } = context;
  const descriptor = descriptors.get(fd);
  if (descriptor === undefined) return errno.badf;
  if (descriptor.kind === "directory") return errno.isdir;
  const refused = missingRight(descriptor, direction === "read" ? right.fdRead : right.fdWrite);
  if (refused !== 0) return refused;
  out >>>= 0;
  if (!memory.fits(out, 4)) return errno.fault;
  if (descriptor.kind === "file") {
    return transferFile(context, direction, descriptor, vectors >>> 0, count >>> 0, offset, out);
  }
  if (offset !== undefined) return errno.spipe;
  const ranges = readRanges(memory, vectors >>> 0, count >>> 0);
  if (typeof ranges === "number") return ranges;
  if (descriptor.kind === "listener") return errno.notconn;
  if (descriptor.kind === "socket") {
    return direction === "read"
      ? receive(context, descriptor, ranges, 0, out)
      : send(context, descriptor, ranges, out);
  }
  return descriptor.kind === "input"
    ? readInput(context, descriptor, ranges, out)
    : writeOutput(context, descriptor, ranges, out);
}

/** `pread` and `pwrite` need the right to seek as well, as preview 1 says. */
function seekable(descriptor: Descriptor | undefined): Errno {
  return descriptor?.kind === "file" ? missingRight(descriptor, right.fdSeek) : 0;
}

function transferFile(
  context: WasiContext,
  direction: Direction,
  file: FileDescriptor,
  vectors: number,
  count: number,
  offset: bigint | undefined,
  out: number,
): Answer {
  const views = readViews(context.memory, vectors, count);
  if (typeof views === "number") return views;
  const from = offset === undefined ? file.position : Number(unsigned64(offset));
  const total = sizeOf(views);
  if (total > resultMax) return errno.inval;
  if (!Number.isSafeInteger(from + total)) return direction === "read" ? errno.inval : errno.fbig;
  const { files, hostFd } = file;
  const transferred =
    direction === "read" ? files.read(hostFd, views, from) : files.write(hostFd, views, from);
  const moved = offset === undefined ? from : undefined;
  if (typeof transferred === "number") {
    return transferred < 0 ? -transferred : finish(context, direction, file, moved, transferred, out);
  }
  return counted(context, transferred, (done) => finish(context, direction, file, moved, done, out));
}

/** As `readRanges`, for what is transferred at once, or under a suspension during which no guest grows its memory. */
function readViews(memory: GuestMemory, vectors: number, count: number): readonly Uint8Array[] | Errno {
  if (count > limits.iovecsMax) return errno.inval;
  if (!memory.fits(vectors, count * size.iovec)) return errno.fault;
  const views: Uint8Array[] = [];
  for (let at = vectors; at < vectors + count * size.iovec; at += size.iovec) {
    const pointer = memory.u32(at);
    const length = memory.u32(at + 4);
    if (!memory.fits(pointer, length)) return errno.fault;
    if (length > 0) views.push(memory.slice(pointer, length));
  }
  return views;
}

/** Tells the guest how much was transferred, and moves the position behind it if that started at `from`. */
function finish(
  context: WasiContext,
  direction: Direction,
  file: FileDescriptor,
  from: number | undefined,
  done: number,
  out: number,
): Answer {
  context.memory.setU32(out, done);
  if (from === undefined) return 0;
  file.position = from + done;
  if (direction === "read" || (file.flags & fdFlag.append) === 0) return 0;
  return counted(context, file.files.size(file.hostFd), (bytes) => {
    file.position = bytes;
    return 0;
  });
}

function readInput(context: WasiContext, input: InputDescriptor, ranges: Ranges, out: number): Answer {
  const outcome = takeInput(context.memory, input, ranges, out);
  if (outcome !== "wait") return outcome;
  if ((input.flags & fdFlag.nonblock) !== 0) return errno.again;
  return waitForInput(context, input, ranges, out);
}

async function waitForInput(
  context: WasiContext,
  input: InputDescriptor,
  ranges: Ranges,
  out: number,
): Promise<number> {
  for (;;) {
    const woken = await context.host.wait<"readable" | "killed">(
      (wake) => input.source.onReadable(() => wake("readable")),
      "killed",
    );
    if (woken === "killed") return errno.intr;
    const outcome = takeInput(context.memory, input, ranges, out);
    if (outcome !== "wait") return outcome;
  }
}

function takeInput(memory: GuestMemory, input: InputDescriptor, ranges: Ranges, out: number): Errno | "wait" {
  if (ranges.total === 0) {
    memory.setU32(out, 0);
    return 0;
  }
  const bytes = input.source.read(Math.min(ranges.total, limits.transferBytesMax));
  if (bytes === "wait") return "wait";
  if (bytes !== "end" && "errno" in bytes) return bytes.errno;
  let taken = 0;
  if (bytes !== "end") {
    for (const view of viewsOf(memory, ranges, 0, bytes.byteLength)) {
      view.set(bytes.subarray(taken, taken + view.byteLength));
      taken += view.byteLength;
    }
  }
  memory.setU32(out, taken);
  return 0;
}

function writeOutput(context: WasiContext, output: OutputDescriptor, ranges: Ranges, out: number): Answer {
  const accepted = offerOutput(context.memory, output, ranges);
  if (accepted < 0) return -accepted;
  if (accepted > 0 || ranges.total === 0) {
    context.memory.setU32(out, accepted);
    return 0;
  }
  if ((output.flags & fdFlag.nonblock) !== 0) return errno.again;
  return waitForOutput(context, output, ranges, out);
}

async function waitForOutput(
  context: WasiContext,
  output: OutputDescriptor,
  ranges: Ranges,
  out: number,
): Promise<number> {
  for (;;) {
    const woken = await context.host.wait<"writable" | "killed">(
      (wake) => output.sink.onWritable(() => wake("writable")),
      "killed",
    );
    if (woken === "killed") return errno.intr;
    const accepted = offerOutput(context.memory, output, ranges);
    if (accepted < 0) return -accepted;
    if (accepted === 0) continue;
    context.memory.setU32(out, accepted);
    return 0;
  }
}

/** Offers everything once; a short write is an answer like any other, and a negative one an errno. */
function offerOutput(memory: GuestMemory, output: OutputDescriptor, ranges: Ranges): number {
  let accepted = 0;
  for (const view of viewsOf(memory, ranges, 0, ranges.total)) {
    const here = output.sink.write(view);
    if (typeof here !== "number") return accepted > 0 ? accepted : -here.errno;
    accepted += here;
    if (here < view.byteLength) break;
  }
  return accepted;
}
