/**
 * `wasi:sockets/udp` of WASI 0.2. A socket has one pair of streams that works, the last that it was asked for: those before
 * answer `invalid-state`.
 */
import { HostResource, trap } from "../component-resources.ts";
import { atMost, done, err, ok, type Result } from "../component-values.ts";
import type { ComponentHost } from "../host.ts";
import type { Family } from "../sockets/addresses.ts";
import { ConfiguredSocket, defaultSettings } from "../sockets/configured-socket.ts";
import { socketLimits } from "../sockets/limits.ts";
import type { SocketError, SocketOutcome, UdpSocket as Socket } from "../sockets/network.ts";
import { SharedSocket } from "../sockets/shared-socket.ts";
import {
  socketAddressOf,
  udpLocalRefusal,
  udpRemoteRefusal,
  witSocketAddress,
  type WitSocketAddress,
} from "../sockets/wit-addresses.ts";
import { firesAtOnce, Pollable } from "./pollable.ts";

type Answer<T> = Result<T, SocketError>;

type State =
  | { readonly kind: "unbound" }
  | { readonly kind: "binding"; readonly outcome: SocketOutcome<Socket> }
  | { readonly kind: "bound"; readonly shared: SharedSocket<Socket> };

interface IncomingDatagram {
  readonly data: Uint8Array;
  readonly remoteAddress: WitSocketAddress;
}

interface OutgoingDatagram {
  readonly data: Uint8Array;
  readonly remoteAddress: WitSocketAddress | undefined;
}

const invalidState = err<SocketError>("invalid-state");

/** One pair of streams. */
class Pair {
  readonly socket: Socket;
  readonly family: Family;
  /** Another one has taken its place. */
  replaced = false;

  constructor(socket: Socket, family: Family) {
    this.socket = socket;
    this.family = family;
  }
}

export class UdpSocket extends ConfiguredSocket<SocketError> {
  readonly #host: ComponentHost;
  readonly #family: Family;
  #state: State = { kind: "unbound" };
  #pair: Pair | undefined;

  constructor(host: ComponentHost, family: Family) {
    super(host, defaultSettings);
    this.#host = host;
    this.#family = family;
  }

  static create(host: ComponentHost, family: Family): Answer<UdpSocket> {
    return ok(new UdpSocket(host, family));
  }

  startBind(_network: unknown, local: WitSocketAddress): Answer<undefined> {
    if (this.#state.kind === "binding") return err("concurrency-conflict");
    if (this.#state.kind === "bound") return invalidState;
    const wrong = udpLocalRefusal(this.#family, local);
    if (wrong) return err(wrong);
    this.#state = { kind: "binding", outcome: this.#host.network.bindUdp(socketAddressOf(local)) };
    return done;
  }

  finishBind(): Answer<undefined> {
    if (this.#state.kind !== "binding") return err("not-in-progress");
    const { outcome } = this.#state;
    this.#state =
      outcome.kind === "ok"
        ? { kind: "bound", shared: new SharedSocket(outcome.value) }
        : { kind: "unbound" };
    return outcome.kind === "ok" ? done : err(outcome.error);
  }

  stream(remote: WitSocketAddress | undefined): Answer<[IncomingDatagramStream, OutgoingDatagramStream]> {
    if (this.#state.kind !== "bound") return invalidState;
    const wrong = remote && udpRemoteRefusal(this.#family, remote);
    if (wrong) return err(wrong);
    const { shared } = this.#state;
    const connected = shared.value.connect(remote && socketAddressOf(remote));
    if (connected.kind === "refused") return err(connected.error);
    if (this.#pair) this.#pair.replaced = true;
    this.#pair = new Pair(shared.value, this.#family);
    const incoming = new IncomingDatagramStream(this.#host, this.#pair, shared.hold());
    const outgoing = new OutgoingDatagramStream(this.#host, this.#pair, shared.hold());
    return ok<[IncomingDatagramStream, OutgoingDatagramStream]>([incoming, outgoing]);
  }

  localAddress(): Answer<WitSocketAddress> {
    return this.#state.kind === "bound" ? ok(witSocketAddress(this.#state.shared.value.local)) : invalidState;
  }

  remoteAddress(): Answer<WitSocketAddress> {
    const remote = this.#state.kind === "bound" ? this.#state.shared.value.remote : undefined;
    return remote ? ok(witSocketAddress(remote)) : invalidState;
  }

  addressFamily(): Family {
    return this.#family;
  }

  unicastHopLimit(): Answer<number> {
    return ok(this.settings.hopLimit);
  }

  receiveBufferSize(): Answer<bigint> {
    return ok(this.settings.receiveBufferBytes);
  }

  sendBufferSize(): Answer<bigint> {
    return ok(this.settings.sendBufferBytes);
  }

  /** Nothing that this socket does takes time. */
  subscribe(): Pollable {
    return new Pollable(this.#host, { kind: "always" });
  }

  protected override code(error: SocketError): SocketError {
    return error;
  }

  protected override release(): void {
    if (this.#state.kind === "bound") this.#state.shared.letGo();
    if (this.#state.kind === "binding" && this.#state.outcome.kind === "ok")
      this.#state.outcome.value.close();
    this.#state = { kind: "unbound" };
  }
}

abstract class DatagramStream extends HostResource {
  protected readonly host: ComponentHost;
  protected readonly pair: Pair;
  readonly #letGo: () => void;

  constructor(host: ComponentHost, pair: Pair, letGo: () => void) {
    super(host);
    this.host = host;
    this.pair = pair;
    this.#letGo = letGo;
  }

  subscribe(): Pollable {
    return new Pollable(this.host, { kind: "event", onReady: (wake) => this.#onReady(wake) });
  }

  protected abstract wait(wake: () => void): () => void;

  #onReady(wake: () => void): () => void {
    if (!this.pair.replaced && !this.dropped) return this.wait(wake);
    wake();
    return () => {};
  }

  protected override release(): void {
    this.#letGo();
  }
}

export class IncomingDatagramStream extends DatagramStream {
  receive(max: bigint): Answer<IncomingDatagram[]> {
    if (this.pair.replaced) return invalidState;
    const received: IncomingDatagram[] = [];
    for (let left = atMost(max, socketLimits.datagramsMax); left > 0; left--) {
      const next = this.pair.socket.receive();
      if (next === "wait") break;
      if ("kind" in next) {
        // What came before it is not lost.
        if (received.length === 0) return err(next.error);
        break;
      }
      received.push({ data: next.bytes, remoteAddress: witSocketAddress(next.remote) });
    }
    return ok(received);
  }

  protected override wait(wake: () => void): () => void {
    return this.pair.socket.onReadable(wake);
  }
}

export class OutgoingDatagramStream extends DatagramStream {
  #permitted = 0;

  checkSend(): Answer<bigint> {
    if (this.pair.replaced) return invalidState;
    const room = firesAtOnce((wake) => this.pair.socket.onWritable(wake));
    this.#permitted = room ? socketLimits.datagramsSendingMax : 0;
    return ok(BigInt(this.#permitted));
  }

  send(datagrams: readonly OutgoingDatagram[]): Answer<bigint> {
    if (datagrams.length > this.#permitted) {
      trap(`send ${datagrams.length} datagrams: check-send allowed ${this.#permitted}`);
    }
    this.#permitted -= datagrams.length;
    if (this.pair.replaced) return invalidState;
    let sent = 0n;
    for (const datagram of datagrams) {
      const error = this.#sendOne(datagram);
      if (error === "wait") break;
      if (error !== undefined) {
        if (sent === 0n) return err(error);
        break;
      }
      sent++;
    }
    return ok(sent);
  }

  protected override wait(wake: () => void): () => void {
    return this.pair.socket.onWritable(wake);
  }

  #sendOne({ data, remoteAddress }: OutgoingDatagram): SocketError | "wait" | undefined {
    const { family, socket } = this.pair;
    const wrong = remoteAddress && udpRemoteRefusal(family, remoteAddress);
    if (wrong) return wrong;
    const outcome = socket.send(data, remoteAddress && socketAddressOf(remoteAddress));
    if (outcome === "sent") return undefined;
    return outcome === "wait" ? "wait" : outcome.error;
  }
}
