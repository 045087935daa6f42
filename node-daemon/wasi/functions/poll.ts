/**
 * `poll_oneoff`: waits for the first of many things without polling any of them.
 *
 *     subscriptions ─▶ ready or wrong already? ── yes ─▶ events
 *                        │ no
 *                        ▼
 *                      one wait of the instance: one timer for the earliest deadline of each clock, one callback for
 *                        │ each stream. The first to fire
 *                        ▼
 *                      subscriptions read again ─▶ events of all that are ready now, in their order
 *
 * A suspended guest writes no memory, so what it subscribed to is kept there and nowhere else: a poll of a thousand clocks
 * is held for as long as the guest likes.
 *
 * A listener is ready for reading when a connection can be accepted. Regular files are always ready. An absolute time of the
 * realtime clock is turned into a delay once and checked again when it fires: a clock set forward meanwhile is noticed then.
 */
import { assertNever } from "../../../kit/errors.ts";
import {
  clockFlagAbsolute,
  clockId,
  errno,
  eventFlagHangup,
  eventType,
  right,
  size,
  subscriptionForm,
  type SubscriptionForm,
} from "../abi.ts";
import { onDeadline } from "../deadline.ts";
import { missingRight, type FileDescriptor } from "../descriptors.ts";
import type { WasiHost } from "../host.ts";
import { limits } from "../limits.ts";
import type { TcpConnection } from "../sockets/network.ts";
import type { WasiContext, WasiFunctions } from "./context.ts";

interface Event {
  readonly userdata: bigint;
  readonly type: number;
  readonly error: number;
  readonly bytes: bigint;
  readonly flags: number;
}

type Subscription =
  | { readonly kind: "done"; readonly event: Event }
  | { readonly kind: "clock"; readonly event: Event; readonly realtime: boolean; readonly deadlineNs: bigint }
  | {
      readonly kind: "stream";
      readonly event: Event;
      /** Only compared: with the event's type it tells what is waited for. */
      readonly stream: object;
      readonly onReady: (wake: () => void) => () => void;
    };

/** Where a poll's subscriptions lie, and what they wait relative to. */
interface Poll {
  readonly input: number;
  readonly count: number;
  readonly form: SubscriptionForm;
  /** Of the monotonic clock. */
  readonly beganNs: bigint;
}

export const pollFunctions = {
  poll_oneoff(
    context: WasiContext,
    input: number,
    output: number,
    count: number,
    out: number,
    form = subscriptionForm,
  ): number | Promise<number> {
    const { memory, host } = context;
    input >>>= 0;
    output >>>= 0;
    count >>>= 0;
    out >>>= 0;
    if (count === 0 || count > limits.subscriptionsMax) return errno.inval;
    const fits =
      memory.fits(input, count * form.bytes) &&
      memory.fits(output, count * size.event) &&
      memory.fits(out, 4);
    if (!fits) return errno.fault;
    const poll: Poll = { input, count, form, beganNs: host.clock.monotonicNs() };
    const subscriptions = readSubscriptions(context, poll);
    if (subscriptions === undefined) return errno.inval;
    const ready = readyEvents(host, subscriptions);
    if (ready.length > 0) return answer(context, ready, output, out);
    return waitForFirst(context, poll, firsts(subscriptions), output, out);
  },
} satisfies WasiFunctions;

async function waitForFirst(
  context: WasiContext,
  poll: Poll,
  watched: readonly Subscription[],
  output: number,
  out: number,
): Promise<number> {
  const { host } = context;
  const woken = await host.wait<"ready" | "killed">((wake) => {
    const cancels = watched.map((subscription) => watch(host, subscription, () => wake("ready")));
    return () => {
      for (const cancel of cancels) cancel();
    };
  }, "killed");
  if (woken === "killed") return errno.intr;
  const ready = readyEvents(host, readSubscriptions(context, poll) ?? []);
  // A stream that was ready for a moment only: an interrupted wait, which every guest knows to repeat.
  return ready.length === 0 ? errno.intr : answer(context, ready, output, out);
}

/** The earliest deadline of each clock, and each stream once: five at most. */
function firsts(subscriptions: readonly Subscription[]): readonly Subscription[] {
  const watched: Subscription[] = [];
  for (const subscription of subscriptions) {
    const index = watched.findIndex((other) => waitsForTheSame(subscription, other));
    const other = watched[index];
    if (other === undefined) watched.push(subscription);
    else if (
      other.kind === "clock" &&
      subscription.kind === "clock" &&
      subscription.deadlineNs < other.deadlineNs
    ) {
      watched[index] = subscription;
    }
  }
  return watched;
}

function waitsForTheSame(a: Subscription, b: Subscription): boolean {
  if (a.kind === "clock") return b.kind === "clock" && a.realtime === b.realtime;
  if (a.kind !== "stream" || b.kind !== "stream") return false;
  return a.event.type === b.event.type && a.stream === b.stream;
}

function watch(host: WasiHost, subscription: Subscription, fire: () => void): () => void {
  switch (subscription.kind) {
    case "done":
      return () => {};
    case "clock":
      return onDeadline(
        host,
        subscription.realtime ? "realtime" : "monotonic",
        subscription.deadlineNs,
        fire,
      );
    case "stream":
      return subscription.onReady(fire);
    default:
      return assertNever(subscription, "subscription");
  }
}

function nowOf(host: WasiHost, realtime: boolean): bigint {
  return realtime ? host.clock.realtimeNs() : host.clock.monotonicNs();
}

function readyEvents(host: WasiHost, subscriptions: readonly Subscription[]): Event[] {
  return subscriptions
    .filter((subscription) => isReady(host, subscription))
    .map((subscription) => subscription.event);
}

function isReady(host: WasiHost, subscription: Subscription): boolean {
  switch (subscription.kind) {
    case "done":
      return true;
    case "clock":
      return subscription.deadlineNs <= nowOf(host, subscription.realtime);
    case "stream":
      return firesAtOnce(subscription.onReady);
    default:
      return assertNever(subscription, "subscription");
  }
}

function firesAtOnce(register: (wake: () => void) => () => void): boolean {
  let fired = false;
  register(() => {
    fired = true;
  })();
  return fired;
}

/** Undefined when one of them is no subscription at all. */
function readSubscriptions(context: WasiContext, poll: Poll): readonly Subscription[] | undefined {
  const subscriptions: Subscription[] = [];
  for (let i = 0; i < poll.count; i++) {
    const subscription = readSubscription(context, poll, poll.input + i * poll.form.bytes);
    if (subscription === undefined) return undefined;
    subscriptions.push(subscription);
  }
  return subscriptions;
}

/** A descriptor that can't be waited for is an event with an error. */
function readSubscription(
  context: WasiContext,
  { form, beganNs }: Poll,
  at: number,
): Subscription | undefined {
  const { view } = context.memory;
  const userdata = view.getBigUint64(at, true);
  const type = view.getUint8(at + 8);
  if (type === eventType.clock) return clockSubscription(context, at + form.clockAt, userdata, beganNs);
  if (type !== eventType.fdRead && type !== eventType.fdWrite) return undefined;
  return streamSubscription(context, view.getUint32(at + 16, true), {
    userdata,
    type,
    error: 0,
    bytes: 0n,
    flags: 0,
  });
}

function clockSubscription(
  { memory }: WasiContext,
  at: number,
  userdata: bigint,
  beganNs: bigint,
): Subscription {
  const { view } = memory;
  const id = view.getUint32(at, true);
  const timeout = view.getBigUint64(at + 8, true);
  const absolute = (view.getUint16(at + 24, true) & clockFlagAbsolute) !== 0;
  const event = { userdata, type: eventType.clock, error: 0, bytes: 0n, flags: 0 };
  if (id !== clockId.realtime && id !== clockId.monotonic) {
    const known = id === clockId.processCpu || id === clockId.threadCpu;
    return { kind: "done", event: { ...event, error: known ? errno.notsup : errno.inval } };
  }
  // However the wall clock is set meanwhile, a delay is a delay.
  if (!absolute) {
    return { kind: "clock", event, realtime: false, deadlineNs: beganNs + timeout };
  }
  return { kind: "clock", event, realtime: id === clockId.realtime, deadlineNs: timeout };
}

function streamSubscription(context: WasiContext, fd: number, event: Event): Subscription {
  const wrong = (error: number): Subscription => ({ kind: "done", event: { ...event, error } });
  const descriptor = context.descriptors.get(fd);
  if (descriptor === undefined) return wrong(errno.badf);
  const reads = event.type === eventType.fdRead;
  const refused = missingRight(descriptor, right.pollFdReadwrite | (reads ? right.fdRead : right.fdWrite));
  if (refused !== 0) return wrong(refused);
  // How much there is to read is not known before it is read: at least a byte.
  const streamEvent = { ...event, bytes: 1n };
  switch (descriptor.kind) {
    case "input": {
      const { source } = descriptor;
      return {
        kind: "stream",
        event: streamEvent,
        stream: source,
        onReady: (wake) => source.onReadable(wake),
      };
    }
    case "output": {
      const { sink } = descriptor;
      return { kind: "stream", event: streamEvent, stream: sink, onReady: (wake) => sink.onWritable(wake) };
    }
    case "listener": {
      const { listener } = descriptor;
      return {
        kind: "stream",
        event: streamEvent,
        stream: listener,
        onReady: (wake) => listener.onAcceptable(wake),
      };
    }
    case "socket":
      return socketSubscription(descriptor.connection, reads, streamEvent);
    case "file": {
      const left = reads ? bytesLeft(descriptor) : 1;
      return { kind: "done", event: { ...event, bytes: BigInt(Math.max(0, left)) } };
    }
    case "directory":
      return wrong(errno.badf);
    default:
      return assertNever(descriptor, "descriptor");
  }
}

function socketSubscription(connection: TcpConnection, reads: boolean, event: Event): Subscription {
  const onReady = (wake: () => void) => (reads ? connection.onReadable(wake) : connection.onWritable(wake));
  const { buffered } = connection;
  const flags = reads && buffered === 0 && hangsUp(connection) ? eventFlagHangup : 0;
  const bytes = reads ? BigInt(buffered) : 1n;
  return { kind: "stream", event: { ...event, bytes, flags }, stream: connection, onReady };
}

/** Nothing more will come, of a connection that has nothing to read. */
function hangsUp(connection: TcpConnection): boolean {
  return connection.peek(1) !== "wait";
}

/** To be read; told where asking costs nothing, else at least a byte, as for a stream. */
function bytesLeft({ files, hostFd, position }: FileDescriptor): number {
  const bytes = files.mayBlock ? undefined : files.size(hostFd);
  return typeof bytes === "number" ? bytes - position : 1;
}

function answer({ memory }: WasiContext, events: readonly Event[], output: number, out: number): number {
  const { view } = memory;
  for (const [index, event] of events.entries()) {
    const at = output + index * size.event;
    memory.bytes.fill(0, at, at + size.event);
    view.setBigUint64(at, event.userdata, true);
    view.setUint16(at + 8, event.error, true);
    view.setUint8(at + 10, event.type);
    view.setBigUint64(at + 16, event.bytes, true);
    view.setUint16(at + 24, event.flags, true);
  }
  memory.setU32(out, events.length);
  return 0;
}
