/**
 * `wasi:sockets/types.tcp-socket` of WASI 0.3.
 *
 *   unbound ─ bind ─▶ bound ─ listen ─▶ listening
 *      │                │
 *      └──── connect ───┴──▶ connecting ─▶ connected
 *
 * What fails on the way to listening or connected is closed. A connection is closed when the socket, the stream of what it
 * received and the sending are all over; a listener when the socket and its stream are.
 */
import { done, err, ok, type Result } from "../component-values.ts";
import type { ComponentHost, InputSource } from "../host.ts";
import { type Family, unspecifiedAddress } from "../sockets/addresses.ts";
import {
  applySettings,
  ConfiguredSocket,
  defaultSettings,
  type SocketSettings,
} from "../sockets/configured-socket.ts";
import { socketLimits } from "../sockets/limits.ts";
import type { BoundTcp, SocketError, SocketOutcome, TcpConnection, TcpListener } from "../sockets/network.ts";
import { SharedSocket } from "../sockets/shared-socket.ts";
import {
  socketAddressOf,
  tcpLocalRefusal,
  tcpRemoteRefusal,
  witSocketAddress,
  type WitSocketAddress,
} from "../sockets/wit-addresses.ts";
import { AcceptedStream } from "./accepted-stream.ts";
import { pending } from "./pending.ts";
import { type ErrorCode, errorCodeOf, failureCode } from "./socket-errors.ts";
import { ByteStream, drainInto, type GuestStream, type Outcome, streamOf } from "./streams.ts";

type Answer<T> = Result<T, ErrorCode>;

type State =
  | { readonly kind: "unbound" }
  | { readonly kind: "bound"; readonly bound: BoundTcp }
  | { readonly kind: "listening"; readonly shared: SharedSocket<TcpListener> }
  | { readonly kind: "connecting"; readonly abort: AbortController }
  | { readonly kind: "connected"; readonly shared: SharedSocket<TcpConnection> }
  | { readonly kind: "closed" };

const closed: State = { kind: "closed" };
const invalidState = err<ErrorCode>({ tag: "invalid-state" });
const nothingToRead: InputSource = {
  read: () => "end",
  onReadable(wake) {
    wake();
    return () => {};
  },
};

function refusal(error: SocketError): Answer<never> {
  return err(errorCodeOf(error));
}

export class TcpSocket extends ConfiguredSocket<ErrorCode> {
  readonly #host: ComponentHost;
  readonly #family: Family;
  #state: State = { kind: "unbound" };
  #backlog: number = socketLimits.listenBacklogMax;
  #sends = false;
  #receives = false;

  constructor(host: ComponentHost, family: Family, settings: SocketSettings = defaultSettings) {
    super(host, settings);
    this.#host = host;
    this.#family = family;
  }

  bind(local: WitSocketAddress): Answer<undefined> {
    if (this.#state.kind !== "unbound") return invalidState;
    const wrong = tcpLocalRefusal(this.#family, local);
    if (wrong) return refusal(wrong);
    const outcome = this.#host.network.bindTcp(socketAddressOf(local));
    if (outcome.kind === "refused") return refusal(outcome.error);
    this.#state = { kind: "bound", bound: outcome.value };
    return done;
  }

  async connect(remote: WitSocketAddress): Promise<Answer<undefined>> {
    const state = this.#state;
    if (state.kind !== "unbound" && state.kind !== "bound") return invalidState;
    const wrong = tcpRemoteRefusal(this.#family, remote);
    if (wrong) return refusal(wrong);
    const connecting: State = { kind: "connecting", abort: new AbortController() };
    this.#state = connecting;
    const outcome = await pending(this.#host, (signal) => {
      const either = AbortSignal.any([signal, connecting.abort.signal]);
      return this.#attempt(state, socketAddressOf(remote), either);
    });
    if (outcome.kind === "refused") {
      if (this.#state === connecting) this.#state = closed;
      return refusal(outcome.error);
    }
    if (this.#state !== connecting) {
      outcome.value.close();
      return invalidState;
    }
    this.#becomeConnected(outcome.value);
    return done;
  }

  listen(): Answer<AcceptedStream<TcpSocket>> {
    const bound = this.#boundForListening();
    if (bound.kind === "refused") return refusal(bound.error);
    const outcome = bound.value.listen(this.#backlog);
    if (outcome.kind === "refused") {
      this.#state = closed;
      return refusal(outcome.error);
    }
    const shared = new SharedSocket(outcome.value);
    this.#state = { kind: "listening", shared };
    const socketOf = (connection: TcpConnection) => this.#accepted(connection);
    return ok(new AcceptedStream(this.#host, outcome.value, socketOf, shared.hold()));
  }

  send(data: GuestStream): Promise<Outcome<ErrorCode>> {
    if (this.#state.kind !== "connected" || this.#sends) {
      data[Symbol.dispose]();
      return Promise.resolve(invalidState);
    }
    this.#sends = true;
    const { shared } = this.#state;
    const outcome = this.#sendAll(data, shared.value, shared.hold());
    // Whoever drops the future does not hear of it.
    outcome.catch(() => {});
    return outcome;
  }

  receive(): [ByteStream, Promise<Outcome<ErrorCode>>] {
    if (this.#state.kind !== "connected" || this.#receives) {
      return [new ByteStream(this.#host, nothingToRead, () => {}), Promise.resolve(invalidState)];
    }
    this.#receives = true;
    const { shared } = this.#state;
    const connection = shared.value;
    const letGo = shared.hold();
    const release = () => {
      connection.shutdown("receive");
      letGo();
    };
    return streamOf(this.#host, connection, { failureCode, release });
  }

  getLocalAddress(): Answer<WitSocketAddress> {
    const state = this.#state;
    if (state.kind === "bound") return ok(witSocketAddress(state.bound.local));
    const isOpen = state.kind === "listening" || state.kind === "connected";
    return isOpen ? ok(witSocketAddress(state.shared.value.local)) : invalidState;
  }

  getRemoteAddress(): Answer<WitSocketAddress> {
    if (this.#state.kind !== "connected") return invalidState;
    return ok(witSocketAddress(this.#state.shared.value.remote));
  }

  getIsListening(): boolean {
    return this.#state.kind === "listening";
  }

  getAddressFamily(): Family {
    return this.#family;
  }

  setListenBacklogSize(value: bigint): Answer<undefined> {
    if (value === 0n) return err({ tag: "invalid-argument" });
    const { kind } = this.#state;
    if (kind === "listening") return err({ tag: "not-supported" });
    if (kind !== "unbound" && kind !== "bound") return invalidState;
    const { listenBacklogMax } = socketLimits;
    this.#backlog = value > BigInt(listenBacklogMax) ? listenBacklogMax : Number(value);
    return done;
  }

  getKeepAliveEnabled(): Answer<boolean> {
    return ok(this.settings.keepAliveEnabled);
  }

  getKeepAliveIdleTime(): Answer<bigint> {
    return ok(this.settings.keepAliveIdleNs);
  }

  getKeepAliveInterval(): Answer<bigint> {
    return ok(this.settings.keepAliveIntervalNs);
  }

  getKeepAliveCount(): Answer<number> {
    return ok(this.settings.keepAliveCount);
  }

  getHopLimit(): Answer<number> {
    return ok(this.settings.hopLimit);
  }

  getReceiveBufferSize(): Answer<bigint> {
    return ok(this.settings.receiveBufferBytes);
  }

  getSendBufferSize(): Answer<bigint> {
    return ok(this.settings.sendBufferBytes);
  }

  protected override code(error: SocketError): ErrorCode {
    return errorCodeOf(error);
  }

  protected override changed(): void {
    if (this.#state.kind === "connected") applySettings(this.settings, this.#state.shared.value.options);
  }

  protected override release(): void {
    const state = this.#state;
    this.#state = closed;
    if (state.kind === "bound") state.bound.close();
    if (state.kind === "connecting") state.abort.abort();
    if (state.kind === "listening" || state.kind === "connected") state.shared.letGo();
  }

  async #attempt(
    state: State & { readonly kind: "unbound" | "bound" },
    remote: ReturnType<typeof socketAddressOf>,
    signal: AbortSignal,
  ): Promise<SocketOutcome<TcpConnection>> {
    try {
      return state.kind === "bound"
        ? await state.bound.connect(remote, signal)
        : await this.#host.network.connect(remote, { local: undefined, signal });
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
      return { kind: "refused", error: "connection-aborted" };
    }
  }

  #boundForListening(): SocketOutcome<BoundTcp> {
    if (this.#state.kind === "bound") return { kind: "ok", value: this.#state.bound };
    if (this.#state.kind !== "unbound") return { kind: "refused", error: "invalid-state" };
    const family = this.#family;
    return this.#host.network.bindTcp({ family, address: unspecifiedAddress(family), port: 0 });
  }

  #accepted(connection: TcpConnection): TcpSocket {
    // Each instance has a class of its own, and its bindings know no other.
    const OfInstance = this.constructor as typeof TcpSocket;
    const socket = new OfInstance(this.#host, this.#family, this.settings);
    socket.#becomeConnected(connection);
    return socket;
  }

  #becomeConnected(connection: TcpConnection): void {
    this.#state = { kind: "connected", shared: new SharedSocket(connection) };
    applySettings(this.settings, connection.options);
  }

  /** Until the kernel has all of it, the end included. */
  async #sendAll(
    data: GuestStream,
    connection: TcpConnection,
    letGo: () => void,
  ): Promise<Outcome<ErrorCode>> {
    try {
      const release = () => connection.shutdown("send");
      const outcome = await drainInto(this.#host, data, connection, { failureCode, release });
      if (outcome.tag === "err") return outcome;
      await pending(this.#host, () => connection.flushed());
      const { broken } = connection;
      return broken === undefined ? outcome : refusal(broken);
    } finally {
      letGo();
    }
  }
}
