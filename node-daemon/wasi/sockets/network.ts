/**
 * What one instance may do on the network, as every generation of WASI sees it. Nothing is allowed that the template does
 * not grant: connections out by its allow list (after names are resolved, so that no name can point elsewhere), listening
 * only where it declares a listener.
 *
 * Everything here is bounded per instance: sockets of any kind by `socketsMax`, bytes buffered per connection and
 * direction by the implementation.
 */
import type { InputSource, OutputSink } from "../streams.ts";

export interface SocketAddress {
  readonly family: "ipv4" | "ipv6";
  /** As text, in its shortest form, without a zone: `127.0.0.1`, `::1`. */
  readonly address: string;
  readonly port: number;
}

/** The names of WASI 0.2's `wasi:sockets/network` error-code, which 0.3 and the errnos of preview 1 are mapped from. */
export type SocketError =
  | "unknown"
  | "access-denied"
  | "not-supported"
  | "invalid-argument"
  | "out-of-memory"
  | "timeout"
  | "concurrency-conflict"
  | "not-in-progress"
  | "would-block"
  | "invalid-state"
  | "new-socket-limit"
  | "address-not-bindable"
  | "address-in-use"
  | "remote-unreachable"
  | "connection-refused"
  | "connection-reset"
  | "connection-aborted"
  | "datagram-too-large"
  | "name-unresolvable"
  | "temporary-resolver-failure"
  | "permanent-resolver-failure";

export type Refused = { readonly kind: "refused"; readonly error: SocketError };
export type SocketOutcome<T> = { readonly kind: "ok"; readonly value: T } | Refused;

/** A connected stream. Reading and writing are its `InputSource` and `OutputSink`; neither ever waits. */
export interface TcpConnection extends InputSource, OutputSink {
  readonly local: SocketAddress;
  readonly remote: SocketAddress;
  /** Bytes that can be read without waiting. */
  readonly buffered: number;
  /** As `read`, and the bytes stay. */
  peek(maxBytes: number): ReturnType<InputSource["read"]>;
  /** Why the connection broke, as long as it is only that reads and writes failed. */
  readonly broken: SocketError | undefined;
  /** `receive`: reads end. `send`: what was accepted is sent, then the peer sees the end. Repeating it changes nothing. */
  shutdown(how: "receive" | "send" | "both"): void;
  readonly options: TcpOptions;
  /** After a shutdown of sending: the kernel has all that was accepted, or the connection broke. */
  flushed(): Promise<void>;
  /**
   * Nobody uses the connection for now. Whoever wants a socket and would find none gets its place: then `giveUp` is called, which
   * closes it at once. Returns how to take it back, which has to be called when it is closed, too.
   */
  spare(giveUp: () => void): () => void;
  /** Idempotent. What was accepted for sending is still sent. */
  close(): void;
}

/** Options that the host can honour; the rest is remembered and told back by who offers them. */
export interface TcpOptions {
  noDelay: boolean;
  keepAlive: boolean;
  keepAliveIdleMs: number;
  keepAliveIntervalMs: number;
  keepAliveCount: number;
}

export interface TcpListener {
  readonly local: SocketAddress;
  accept(): TcpConnection | "wait" | Refused;
  /** As `InputSource.onReadable`, for `accept`. */
  onAcceptable(wake: () => void): () => void;
  /** Idempotent. Connections that nobody accepted are closed. */
  close(): void;
}

/** An address that is taken. `listen` and `connect` take it over, whatever they answer. */
export interface BoundTcp {
  readonly local: SocketAddress;
  listen(backlog: number): SocketOutcome<TcpListener>;
  /** As {@link Network.connect}. */
  connect(remote: SocketAddress, signal: AbortSignal): Promise<SocketOutcome<TcpConnection>>;
  /** Idempotent. */
  close(): void;
}

export interface Datagram {
  readonly bytes: Uint8Array;
  readonly remote: SocketAddress;
}

export interface UdpSocket {
  readonly local: SocketAddress;
  readonly remote: SocketAddress | undefined;
  /** Only datagrams from there are received afterwards, and `send` needs no address; undefined takes it back. */
  connect(remote: SocketAddress | undefined): SocketOutcome<undefined>;
  /** Copies. `wait` when too much is on its way already. */
  send(bytes: Uint8Array, remote: SocketAddress | undefined): "sent" | "wait" | Refused;
  receive(): Datagram | "wait" | Refused;
  onReadable(wake: () => void): () => void;
  onWritable(wake: () => void): () => void;
  close(): void;
}

export interface PreopenedListener {
  /** As the template calls it. */
  readonly name: string;
  readonly listener: TcpListener;
}

/** Promises settle when `signal` aborts, with its reason. Everything opened here is closed by `close` at the latest. */
export interface Network {
  /** Become descriptors of preview 1 behind the mounts. Released by `close`. */
  readonly listeners: readonly PreopenedListener[];
  /** Whether a socket may be made at all: false means that every call below is refused. */
  readonly available: boolean;
  connect(
    remote: SocketAddress,
    options: { readonly local: SocketAddress | undefined; readonly signal: AbortSignal },
  ): Promise<SocketOutcome<TcpConnection>>;
  /** Whether a listener grant has the address; port 0 is any. */
  mayBind(local: SocketAddress): boolean;
  /** Whether the allow list grants it. */
  mayConnect(remote: SocketAddress): boolean;
  /** Without a listener grant a free port (0) is given to connect from, but nothing can listen there. */
  bindTcp(local: SocketAddress): SocketOutcome<BoundTcp>;
  /** Without a listener grant a free port (0) is given, and only datagrams from where one may connect to are received. */
  bindUdp(local: SocketAddress): SocketOutcome<UdpSocket>;
  /** The same network for a part of the instance, with the same limits: what is opened through it is closed with it. */
  share(): Network;
  /** Addresses that the allow list grants for this name, at least one; their ports are 0. */
  resolve(name: string, signal: AbortSignal): Promise<SocketOutcome<readonly SocketAddress[]>>;
  /** Closes everything, but what connections have accepted for sending is sent first, until `signal` aborts. Never rejects. */
  drain(signal: AbortSignal): Promise<void>;
  /** Idempotent. At once: a connection that has not sent everything is reset, so that its peer takes nothing for the end. */
  close(): void;
}

const denied: Refused = { kind: "refused", error: "access-denied" };

/** Of an instance whose template grants nothing. */
export const noNetwork: Network = {
  listeners: [],
  available: false,
  connect: () => Promise.resolve(denied),
  mayBind: () => false,
  mayConnect: () => false,
  bindTcp: () => denied,
  bindUdp: () => denied,
  share: () => noNetwork,
  resolve: () => Promise.resolve(denied),
  drain: () => Promise.resolve(),
  close() {},
};
