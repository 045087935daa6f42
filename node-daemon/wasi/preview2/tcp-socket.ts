/**
 * `wasi:sockets/tcp` of WASI 0.2.
 *
 *   unbound ─ start-bind ─▶ binding ─ finish-bind ─▶ bound ─ start-listen ─▶ starting ─ finish-listen ─▶ listening
 *      │                                               │
 *      └─ start-connect ──────────────────────────────┴──▶ connecting ─ finish-connect ─▶ connected
 *
 * What fails on the way to listening or connected is closed; what fails to bind is unbound again. Binding and listening are
 * done at once, and told by the second call. A connection is closed when the socket and both of its streams are dropped.
 */
import { done, err, ok, type Result } from "../component-values.ts";
import type { ComponentHost } from "../host.ts";
import type { Family } from "../sockets/addresses.ts";
import {
  applySettings,
  ConfiguredSocket,
  defaultSettings,
  type SocketSettings,
} from "../sockets/configured-socket.ts";
import { socketLimits } from "../sockets/limits.ts";
import type { BoundTcp, SocketError, SocketOutcome, TcpConnection, TcpListener } from "../sockets/network.ts";
import { SharedSocket } from "../sockets/shared-socket.ts";
import { Wakers } from "../sockets/wakers.ts";
import {
  socketAddressOf,
  tcpLocalRefusal,
  tcpRemoteRefusal,
  witSocketAddress,
  type WitSocketAddress,
} from "../sockets/wit-addresses.ts";
import { InputStream } from "./input-stream.ts";
import { OutputStream } from "./output-stream.ts";
import { Pollable } from "./pollable.ts";

type Answer<T> = Result<T, SocketError>;

type State =
  | { readonly kind: "unbound" }
  | { readonly kind: "binding"; readonly outcome: SocketOutcome<BoundTcp> }
  | { readonly kind: "bound"; readonly bound: BoundTcp }
  | { readonly kind: "starting"; readonly outcome: SocketOutcome<TcpListener> }
  | { readonly kind: "listening"; readonly listener: TcpListener }
  | {
      readonly kind: "connecting";
      readonly abort: AbortController;
      outcome: SocketOutcome<TcpConnection> | undefined;
    }
  | { readonly kind: "connected"; readonly shared: SharedSocket<TcpConnection> }
  | { readonly kind: "closed" };

const closed: State = { kind: "closed" };
const notInProgress = err<SocketError>("not-in-progress");
const invalidState = err<SocketError>("invalid-state");
const invalidArgument = err<SocketError>("invalid-argument");

export class TcpSocket extends ConfiguredSocket<SocketError> {
  readonly #host: ComponentHost;
  readonly #family: Family;
  /** Of who waits for a connection to be established. */
  readonly #wakers = new Wakers();
  #state: State = { kind: "unbound" };
  #backlog: number = socketLimits.listenBacklogMax;

  constructor(host: ComponentHost, family: Family, settings: SocketSettings = defaultSettings) {
    super(host, settings);
    this.#host = host;
    this.#family = family;
  }

  static create(host: ComponentHost, family: Family): Answer<TcpSocket> {
    return ok(new TcpSocket(host, family));
  }

  startBind(_network: unknown, local: WitSocketAddress): Answer<undefined> {
    const inProgress = this.#inProgress();
    if (inProgress) return inProgress;
    if (this.#state.kind !== "unbound") return invalidState;
    const wrong = tcpLocalRefusal(this.#family, local);
    if (wrong) return err(wrong);
    this.#state = { kind: "binding", outcome: this.#host.network.bindTcp(socketAddressOf(local)) };
    return done;
  }

  finishBind(): Answer<undefined> {
    if (this.#state.kind !== "binding") return notInProgress;
    const { outcome } = this.#state;
    this.#state = outcome.kind === "ok" ? { kind: "bound", bound: outcome.value } : { kind: "unbound" };
    return outcome.kind === "ok" ? done : err(outcome.error);
  }

  startConnect(_network: unknown, remote: WitSocketAddress): Answer<undefined> {
    const inProgress = this.#inProgress();
    if (inProgress) return inProgress;
    const state = this.#state;
    if (state.kind !== "unbound" && state.kind !== "bound") return invalidState;
    const wrong = tcpRemoteRefusal(this.#family, remote);
    if (wrong) return err(wrong);
    const connecting = { kind: "connecting" as const, abort: new AbortController(), outcome: undefined };
    this.#state = connecting;
    const { signal } = connecting.abort;
    const to = socketAddressOf(remote);
    const attempt =
      state.kind === "bound"
        ? state.bound.connect(to, signal)
        : this.#host.network.connect(to, { local: undefined, signal });
    attempt.then(
      (outcome) => this.#established(connecting, outcome),
      // Aborted: nobody is there to be told.
      () => {},
    );
    return done;
  }

  finishConnect(): Answer<[InputStream, OutputStream]> {
    if (this.#state.kind !== "connecting") return notInProgress;
    const { outcome } = this.#state;
    if (outcome === undefined) return err("would-block");
    if (outcome.kind === "refused") {
      this.#state = closed;
      return err(outcome.error);
    }
    return ok(this.#becomeConnected(outcome.value));
  }

  startListen(): Answer<undefined> {
    const inProgress = this.#inProgress();
    if (inProgress) return inProgress;
    if (this.#state.kind !== "bound") return invalidState;
    this.#state = { kind: "starting", outcome: this.#state.bound.listen(this.#backlog) };
    return done;
  }

  finishListen(): Answer<undefined> {
    if (this.#state.kind !== "starting") return notInProgress;
    const { outcome } = this.#state;
    this.#state = outcome.kind === "ok" ? { kind: "listening", listener: outcome.value } : closed;
    return outcome.kind === "ok" ? done : err(outcome.error);
  }

  accept(): Answer<[TcpSocket, InputStream, OutputStream]> {
    if (this.#state.kind !== "listening") return invalidState;
    const accepted = this.#state.listener.accept();
    if (accepted === "wait") return err("would-block");
    if ("kind" in accepted) return err(accepted.error);
    const socket = new TcpSocket(this.#host, this.#family, this.settings);
    const [input, output] = socket.#becomeConnected(accepted);
    return ok<[TcpSocket, InputStream, OutputStream]>([socket, input, output]);
  }

  localAddress(): Answer<WitSocketAddress> {
    const state = this.#state;
    if (state.kind === "bound") return ok(witSocketAddress(state.bound.local));
    if (state.kind === "listening") return ok(witSocketAddress(state.listener.local));
    return state.kind === "connected" ? ok(witSocketAddress(state.shared.value.local)) : invalidState;
  }

  remoteAddress(): Answer<WitSocketAddress> {
    if (this.#state.kind !== "connected") return invalidState;
    return ok(witSocketAddress(this.#state.shared.value.remote));
  }

  isListening(): boolean {
    return this.#state.kind === "listening";
  }

  addressFamily(): Family {
    return this.#family;
  }

  setListenBacklogSize(value: bigint): Answer<undefined> {
    if (value === 0n) return invalidArgument;
    const { kind } = this.#state;
    if (kind === "connecting" || kind === "connected" || kind === "closed") return invalidState;
    if (kind === "starting" || kind === "listening") return err("not-supported");
    this.#backlog = Number(
      value > BigInt(socketLimits.listenBacklogMax) ? socketLimits.listenBacklogMax : value,
    );
    return done;
  }

  keepAliveEnabled(): Answer<boolean> {
    return ok(this.settings.keepAliveEnabled);
  }

  keepAliveIdleTime(): Answer<bigint> {
    return ok(this.settings.keepAliveIdleNs);
  }

  keepAliveInterval(): Answer<bigint> {
    return ok(this.settings.keepAliveIntervalNs);
  }

  keepAliveCount(): Answer<number> {
    return ok(this.settings.keepAliveCount);
  }

  hopLimit(): Answer<number> {
    return ok(this.settings.hopLimit);
  }

  receiveBufferSize(): Answer<bigint> {
    return ok(this.settings.receiveBufferBytes);
  }

  sendBufferSize(): Answer<bigint> {
    return ok(this.settings.sendBufferBytes);
  }

  subscribe(): Pollable {
    return new Pollable(this.#host, { kind: "event", onReady: (wake) => this.#onReady(wake) });
  }

  shutdown(how: "receive" | "send" | "both"): Answer<undefined> {
    if (this.#state.kind !== "connected") return invalidState;
    this.#state.shared.value.shutdown(how);
    return done;
  }

  protected override code(error: SocketError): SocketError {
    return error;
  }

  protected override changed(): void {
    if (this.#state.kind === "connected") applySettings(this.settings, this.#state.shared.value.options);
  }

  protected override release(): void {
    const state = this.#state;
    this.#state = closed;
    if (state.kind === "bound") state.bound.close();
    if (state.kind === "listening") state.listener.close();
    if (state.kind === "connected") state.shared.letGo();
    if (state.kind === "connecting") state.abort.abort();
    const outcome = "outcome" in state ? state.outcome : undefined;
    if (outcome?.kind === "ok") outcome.value.close();
    this.#wakers.wakeAll();
  }

  #inProgress(): Answer<undefined> | undefined {
    const { kind } = this.#state;
    const busy = kind === "binding" || kind === "starting" || kind === "connecting";
    return busy ? err("concurrency-conflict") : undefined;
  }

  #established(connecting: State & { kind: "connecting" }, outcome: SocketOutcome<TcpConnection>): void {
    if (this.#state !== connecting) {
      if (outcome.kind === "ok") outcome.value.close();
      return;
    }
    connecting.outcome = outcome;
    this.#wakers.wakeAll();
  }

  #becomeConnected(connection: TcpConnection): [InputStream, OutputStream] {
    const shared = new SharedSocket(connection);
    this.#state = { kind: "connected", shared };
    applySettings(this.settings, connection.options);
    return [
      new InputStream(this.#host, connection, shared.hold()),
      new OutputStream(this.#host, connection, shared.hold()),
    ];
  }

  #onReady(wake: () => void): () => void {
    const state = this.#state;
    if (state.kind === "listening") return state.listener.onAcceptable(wake);
    return this.#wakers.watch(state.kind !== "connecting" || state.outcome !== undefined, wake);
  }
}
