import {
  errno,
  fdFlag,
  receiveFlagsAll,
  right,
  shutdownFlag,
  shutdownFlagsAll,
  socketRights,
  type Errno,
} from "../abi.ts";
import {
  missingRight,
  type Descriptor,
  type ListenerDescriptor,
  type SocketDescriptor,
} from "../descriptors.ts";
import type { SocketError, TcpConnection } from "../sockets/network.ts";
import type { WasiContext, WasiFunctions } from "./context.ts";
import { readRanges } from "./ranges.ts";
import { receive, send, untilReady } from "./socket-io.ts";

type Answer = number | Promise<number>;

/**
 * Sockets of preview 1: connections that were accepted from the listeners of the template, which are descriptors from the
 * start. There is no function that makes any other.
 */
export const socketFunctions = {
  sock_accept(context: WasiContext, fd: number, flags: number, out: number): Answer {
    const descriptor = context.descriptors.get(fd);
    if (descriptor === undefined) return errno.badf;
    if (descriptor.kind === "socket") return errno.inval;
    if (descriptor.kind !== "listener") return errno.notsock;
    const refused = missingRight(descriptor, right.sockAccept);
    if (refused !== 0) return refused;
    if ((flags & ~fdFlag.nonblock) !== 0) return errno.inval;
    out >>>= 0;
    if (!context.memory.fits(out, 4)) return errno.fault;
    const now = acceptOne(context, descriptor, flags, out);
    if (now !== "wait") return now;
    if ((descriptor.flags & fdFlag.nonblock) !== 0) return errno.again;
    return acceptWaiting(context, descriptor, flags, out);
  },

  sock_recv(
    context: WasiContext,
    fd: number,
    vectors: number,
    count: number,
    flags: number,
    out: number,
    flagsOut: number,
  ): Answer {
    const { memory } = context;
    const socket = connected(context.descriptors.get(fd), right.fdRead);
    if (typeof socket === "number") return socket;
    if ((flags & ~receiveFlagsAll) !== 0) return errno.inval;
    out >>>= 0;
    flagsOut >>>= 0;
    if (!memory.fits(out, 4) || !memory.fits(flagsOut, 2)) return errno.fault;
    const ranges = readRanges(memory, vectors >>> 0, count >>> 0);
    if (typeof ranges === "number") return ranges;
    // Only messages are truncated, and a stream has none.
    memory.view.setUint16(flagsOut, 0, true);
    return receive(context, socket, ranges, flags, out);
  },

  sock_send(
    context: WasiContext,
    fd: number,
    vectors: number,
    count: number,
    flags: number,
    out: number,
  ): Answer {
    const { memory } = context;
    const socket = connected(context.descriptors.get(fd), right.fdWrite);
    if (typeof socket === "number") return socket;
    if (flags !== 0) return errno.inval;
    out >>>= 0;
    if (!memory.fits(out, 4)) return errno.fault;
    const ranges = readRanges(memory, vectors >>> 0, count >>> 0);
    return typeof ranges === "number" ? ranges : send(context, socket, ranges, out);
  },

  sock_shutdown({ descriptors }: WasiContext, fd: number, how: number): Errno {
    const socket = connected(descriptors.get(fd), right.sockShutdown);
    if (typeof socket === "number") return socket;
    if (how === 0 || (how & ~shutdownFlagsAll) !== 0) return errno.inval;
    if (socket.connection.broken !== undefined) return errno.notconn;
    const receives = (how & shutdownFlag.receive) !== 0;
    const sends = (how & shutdownFlag.send) !== 0;
    socket.connection.shutdown(receives && sends ? "both" : receives ? "receive" : "send");
    return 0;
  },
} satisfies WasiFunctions;

/** The connection with those rights, or why not. */
function connected(descriptor: Descriptor | undefined, needed: number): SocketDescriptor | Errno {
  if (descriptor === undefined) return errno.badf;
  if (descriptor.kind === "listener") return errno.notconn;
  if (descriptor.kind !== "socket") return errno.notsock;
  const missing = missingRight(descriptor, needed);
  return missing === 0 ? descriptor : missing;
}

async function acceptWaiting(
  context: WasiContext,
  descriptor: ListenerDescriptor,
  flags: number,
  out: number,
): Promise<number> {
  const { listener } = descriptor;
  for (;;) {
    const woken = await untilReady(context.host, (wake) => listener.onAcceptable(wake));
    if (woken === "killed") return errno.intr;
    const outcome = acceptOne(context, descriptor, flags, out);
    if (outcome !== "wait") return outcome;
  }
}

function acceptOne(
  context: WasiContext,
  from: ListenerDescriptor,
  flags: number,
  out: number,
): Errno | "wait" {
  if (context.descriptors.full) return errno.mfile;
  const accepted = from.listener.accept();
  if (accepted === "wait") return "wait";
  if ("kind" in accepted) return refusedAccept(accepted.error);
  context.memory.setU32(out, context.descriptors.add(socketDescriptor(accepted, from, flags)));
  return 0;
}

function refusedAccept(error: SocketError): Errno {
  return error === "new-socket-limit" ? errno.mfile : errno.inval;
}

function socketDescriptor(
  connection: TcpConnection,
  from: ListenerDescriptor,
  flags: number,
): SocketDescriptor {
  return {
    kind: "socket",
    connection,
    flags,
    rightsBase: socketRights & from.rightsInheriting,
    rightsInheriting: 0,
    readOnly: false,
  };
}
