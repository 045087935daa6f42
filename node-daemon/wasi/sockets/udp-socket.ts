/**
 * A UDP socket. On an address that a listener grant has it is a server: it takes datagrams from anyone, and may answer those
 * that it got any from. Otherwise it is a client: it sends to, and takes datagrams from, where it may connect to.
 *
 * Node reads as datagrams come; beyond the bounds of the queue the newest is dropped, as the kernel would. An error that
 * the network reports later (nobody listens there) is told once, by the next call.
 */
import { createSocket, type Socket } from "node:dgram";

import { socketLimits } from "./limits.ts";
import type { NetworkPolicy } from "./network-policy.ts";
import type { Datagram, Refused, SocketAddress, SocketOutcome, UdpSocket } from "./network.ts";
import { failureOf, refused, refusedBy } from "./socket-errors.ts";
import type { Seat, SocketSeats } from "./socket-seats.ts";
import { Wakers } from "./wakers.ts";

export interface UdpParts {
  readonly policy: NetworkPolicy;
  readonly seats: SocketSeats;
}

export function bindUdp({ policy, seats }: UdpParts, local: SocketAddress): SocketOutcome<UdpSocket> {
  const serves = policy.mayBind(local);
  if (!serves && !(local.port === 0 && policy.allowsAny)) return refused("access-denied");
  const seat = seats.take();
  if (seat === undefined) return refused("new-socket-limit");
  try {
    return { kind: "ok", value: new HostUdpSocket(policy, seat, local, serves) };
  } catch (thrown) {
    seat.release();
    return refusedBy(thrown);
  }
}

class HostUdpSocket implements UdpSocket {
  readonly #policy: NetworkPolicy;
  readonly #seat: Seat;
  /** What was asked for: the port may be 0. */
  readonly #asked: SocketAddress;
  readonly #serves: boolean;
  /** From whom a server got datagrams; who was silent longest is first. */
  readonly #peers = new Set<string>();
  readonly #queue: Datagram[] = [];
  readonly #readers = new Wakers();
  readonly #writers = new Wakers();
  #queuedBytes = 0;
  #socket: Socket;
  #local: SocketAddress;
  #remote: SocketAddress | undefined;
  #failure: Refused | undefined;
  #closed = false;

  /** Throws what Node throws. */
  constructor(policy: NetworkPolicy, seat: Seat, asked: SocketAddress, serves: boolean) {
    this.#policy = policy;
    this.#seat = seat;
    this.#asked = asked;
    this.#serves = serves;
    this.#socket = this.#open(asked.port);
    this.#local = this.#boundTo();
    seat.end = () => this.close();
    seat.abort = () => this.close();
  }

  get local(): SocketAddress {
    return this.#local;
  }

  get remote(): SocketAddress | undefined {
    return this.#remote;
  }

  connect(remote: SocketAddress | undefined): SocketOutcome<undefined> {
    if (this.#closed) return refused("invalid-state");
    const wrong = remote && this.#refusal(remote);
    if (wrong) return wrong;
    try {
      // The kernel forgets the port of a socket that is disconnected: it becomes another one, on the same port.
      if (this.#remote !== undefined) this.#reopen();
      if (remote !== undefined) this.#socket.connectSync(remote.port, remote.address);
    } catch (thrown) {
      return refusedBy(thrown);
    }
    this.#remote = remote;
    this.#local = this.#boundTo();
    if (remote !== undefined) this.#keepOnly(remote);
    return { kind: "ok", value: undefined };
  }

  send(bytes: Uint8Array, remote: SocketAddress | undefined): "sent" | "wait" | Refused {
    if (this.#closed) return refused("invalid-state");
    const target = remote ?? this.#remote;
    if (target === undefined) return refused("invalid-argument");
    if (this.#remote !== undefined && !isSame(target, this.#remote)) return refused("invalid-argument");
    const wrong = this.#refusal(target) ?? this.#takeFailure();
    if (wrong) return wrong;
    if (bytes.byteLength > socketLimits.datagramPayloadMax[target.family])
      return refused("datagram-too-large");
    if (!this.#maySend) return "wait";
    const sent = (error: Error | null) => {
      if (error) this.#fail(error);
      this.#writers.wakeAll();
    };
    if (this.#remote !== undefined) this.#socket.send(Buffer.from(bytes), sent);
    else this.#socket.send(Buffer.from(bytes), target.port, target.address, sent);
    return "sent";
  }

  receive(): Datagram | "wait" | Refused {
    if (this.#closed) return refused("invalid-state");
    const datagram = this.#queue.shift();
    if (datagram === undefined) return this.#takeFailure() ?? "wait";
    this.#queuedBytes -= datagram.bytes.byteLength;
    return datagram;
  }

  onReadable(wake: () => void): () => void {
    return this.#readers.watch(this.#closed || this.#queue.length > 0 || this.#failure !== undefined, wake);
  }

  onWritable(wake: () => void): () => void {
    return this.#writers.watch(this.#closed || this.#maySend, wake);
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#queue.length = 0;
    this.#seat.release();
    this.#readers.wakeAll();
    this.#writers.wakeAll();
  }

  #open(port: number): Socket {
    const { family, address } = this.#asked;
    const socket = createSocket({
      type: family === "ipv4" ? "udp4" : "udp6",
      ipv6Only: family === "ipv6",
      // Addresses only: what is checked is what is sent to.
      lookup: (host, _options, done) => done(null, host, family === "ipv4" ? 4 : 6),
    });
    socket.on("error", (error) => this.#fail(error));
    socket.on("message", (bytes, from) => {
      this.#seat.event();
      const [fromAddress = ""] = from.address.split("%");
      if (socket === this.#socket)
        this.#onDatagram({ bytes, remote: { family, address: fromAddress, port: from.port } });
    });
    try {
      socket.bindSync({ address, port });
    } catch (thrown) {
      socket.close();
      throw thrown;
    }
    return socket;
  }

  #reopen(): void {
    this.#socket.close();
    this.#remote = undefined;
    try {
      this.#socket = this.#open(this.#local.port);
    } catch (thrown) {
      this.#closed = true;
      this.#seat.release();
      this.#readers.wakeAll();
      this.#writers.wakeAll();
      throw thrown;
    }
  }

  #boundTo(): SocketAddress {
    const { address, port } = this.#socket.address();
    return { family: this.#asked.family, address, port };
  }

  #onDatagram(datagram: Datagram): void {
    const { bytes, remote } = datagram;
    if (this.#closed || (this.#remote !== undefined && !isSame(remote, this.#remote))) return;
    if (!this.#serves && !this.#policy.mayConnect(remote)) return;
    if (this.#queue.length >= socketLimits.datagramsMax) return;
    if (this.#queuedBytes + bytes.byteLength > socketLimits.datagramBytesMax) return;
    if (this.#serves) this.#rememberPeer(remote);
    this.#queue.push(datagram);
    this.#queuedBytes += bytes.byteLength;
    this.#readers.wakeAll();
  }

  #rememberPeer(remote: SocketAddress): void {
    const key = keyOf(remote);
    this.#peers.delete(key);
    this.#peers.add(key);
    if (this.#peers.size <= socketLimits.datagramPeersMax) return;
    const [oldest] = this.#peers;
    if (oldest !== undefined) this.#peers.delete(oldest);
  }

  #refusal(target: SocketAddress): Refused | undefined {
    if (target.family !== this.#asked.family || target.port === 0) return refused("invalid-argument");
    if (this.#policy.mayConnect(target) || (this.#serves && this.#peers.has(keyOf(target)))) return undefined;
    return refused("access-denied");
  }

  get #maySend(): boolean {
    return this.#socket.getSendQueueCount() < socketLimits.datagramsSendingMax;
  }

  #fail(error: Error): void {
    this.#failure = refused(failureOf(error).error);
    this.#readers.wakeAll();
  }

  #takeFailure(): Refused | undefined {
    const failure = this.#failure;
    this.#failure = undefined;
    return failure;
  }

  #keepOnly(remote: SocketAddress): void {
    const kept = this.#queue.filter((datagram) => isSame(datagram.remote, remote));
    this.#queue.splice(0, this.#queue.length, ...kept);
    this.#queuedBytes = kept.reduce((sum, { bytes }) => sum + bytes.byteLength, 0);
  }
}

function keyOf({ address, port }: SocketAddress): string {
  return `${address} ${port}`;
}

function isSame(a: SocketAddress, b: SocketAddress): boolean {
  return a.family === b.family && a.port === b.port && a.address === b.address;
}
