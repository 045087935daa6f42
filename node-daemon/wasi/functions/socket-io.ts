/**
 * Receiving and sending on a connection, for `sock_recv`, `sock_send`, `fd_read` and `fd_write`. As on Linux, sending without
 * NONBLOCK waits until everything is accepted: programs in C count on it.
 */
import { errno, fdFlag, receiveFlag, type Errno } from "../abi.ts";
import type { SocketDescriptor } from "../descriptors.ts";
import type { WasiHost } from "../host.ts";
import { limits } from "../limits.ts";
import { socketLimits } from "../sockets/limits.ts";
import type { WasiContext } from "./context.ts";
import { viewsOf, type Ranges } from "./ranges.ts";

type Answer = number | Promise<number>;

/** A transfer that may have to wait in its middle. */
interface Transfer {
  readonly context: WasiContext;
  readonly socket: SocketDescriptor;
  readonly ranges: Ranges;
  /** Where the count goes. */
  readonly out: number;
  done: number;
}

/** `flags` are `receiveFlag` bits. Peeking does not wait for all: more than the buffer holds would never come. */
export function receive(
  context: WasiContext,
  socket: SocketDescriptor,
  ranges: Ranges,
  flags: number,
  out: number,
): Answer {
  const transfer: Transfer = { context, socket, ranges, out, done: 0 };
  const now = receiveMore(transfer, flags);
  if (now !== "wait") return now;
  return goOn(
    transfer,
    (wake) => socket.connection.onReadable(wake),
    () => receiveMore(transfer, flags),
  );
}

export function send(context: WasiContext, socket: SocketDescriptor, ranges: Ranges, out: number): Answer {
  const transfer: Transfer = { context, socket, ranges, out, done: 0 };
  const now = sendMore(transfer);
  if (now !== "wait") return now;
  return goOn(
    transfer,
    (wake) => socket.connection.onWritable(wake),
    () => sendMore(transfer),
  );
}

async function goOn(
  { context }: Transfer,
  onReady: (wake: () => void) => () => void,
  step: () => Errno | "wait",
): Promise<number> {
  for (;;) {
    if ((await untilReady(context.host, onReady)) === "killed") return errno.intr;
    const outcome = step();
    if (outcome !== "wait") return outcome;
  }
}

export function untilReady(
  host: WasiHost,
  onReady: (wake: () => void) => () => void,
): Promise<"ready" | "killed"> {
  return host.wait<"ready" | "killed">((wake) => onReady(() => wake("ready")), "killed");
}

function receiveMore(transfer: Transfer, flags: number): Errno | "wait" {
  const { ranges, socket } = transfer;
  const peeks = (flags & receiveFlag.peek) !== 0;
  const all = (flags & receiveFlag.waitall) !== 0 && !peeks;
  while (transfer.done < ranges.total) {
    const wanted = Math.min(ranges.total - transfer.done, limits.transferBytesMax);
    const next = peeks ? socket.connection.peek(wanted) : socket.connection.read(wanted);
    if (next === "end") break;
    if (next === "wait") return transfer.done === 0 || all ? notYet(transfer) : finish(transfer);
    if (!(next instanceof Uint8Array)) return broken(transfer, next.errno);
    put(transfer, next);
    if (!all) break;
  }
  return finish(transfer);
}

function put(transfer: Transfer, bytes: Uint8Array): void {
  let taken = 0;
  for (const view of viewsOf(transfer.context.memory, transfer.ranges, transfer.done, bytes.byteLength)) {
    view.set(bytes.subarray(taken, taken + view.byteLength));
    taken += view.byteLength;
  }
  transfer.done += taken;
}

function sendMore(transfer: Transfer): Errno | "wait" {
  const { context, ranges, socket } = transfer;
  while (transfer.done < ranges.total) {
    const [view] = viewsOf(context.memory, ranges, transfer.done, socketLimits.sendBufferBytes);
    if (view === undefined) break;
    const accepted = socket.connection.write(view);
    if (typeof accepted !== "number") return broken(transfer, accepted.errno);
    if (accepted === 0) return notYet(transfer);
    transfer.done += accepted;
  }
  return finish(transfer);
}

function notYet(transfer: Transfer): Errno | "wait" {
  if ((transfer.socket.flags & fdFlag.nonblock) === 0) return "wait";
  return transfer.done > 0 ? finish(transfer) : errno.again;
}

/** What was transferred before counts; the error comes back with the next call. */
function broken(transfer: Transfer, reason: Errno): Errno {
  return transfer.done > 0 ? finish(transfer) : reason;
}

function finish({ context, out, done }: Transfer): Errno {
  context.memory.setU32(out, done);
  return 0;
}
