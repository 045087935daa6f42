/** `wasi:sockets/types.udp-socket` of WASI 0.3. What it sends or connects before it is bound binds it to a free port. */
import { done, err, ok, type Result } from "../component-values.ts";
import type { ComponentHost } from "../host.ts";
import { type Family, unspecifiedAddress } from "../sockets/addresses.ts";
import { ConfiguredSocket, defaultSettings } from "../sockets/configured-socket.ts";
import type { SocketError, SocketOutcome, UdpSocket as Socket } from "../sockets/network.ts";
import {
  socketAddressOf,
  udpLocalRefusal,
  udpRemoteRefusal,
  witSocketAddress,
  type WitSocketAddress,
} from "../sockets/wit-addresses.ts";
import { untilReady } from "./pending.ts";
import { type ErrorCode, errorCodeOf } from "./socket-errors.ts";

type Answer<T> = Result<T, ErrorCode>;
type Received = readonly [Uint8Array, WitSocketAddress];

const invalidState = err<ErrorCode>({ tag: "invalid-state" });

function refusal(error: SocketError): Answer<never> {
  return err(errorCodeOf(error));
}

export class UdpSocket extends ConfiguredSocket<ErrorCode> {
  readonly #host: ComponentHost;
  readonly #family: Family;
  /** Once it is bound. */
  #socket: Socket | undefined;

  constructor(host: ComponentHost, family: Family) {
    super(host, defaultSettings);
    this.#host = host;
    this.#family = family;
  }

  bind(local: WitSocketAddress): Answer<undefined> {
    if (this.#socket || this.dropped) return invalidState;
    const wrong = udpLocalRefusal(this.#family, local);
    if (wrong) return refusal(wrong);
    const outcome = this.#host.network.bindUdp(socketAddressOf(local));
    if (outcome.kind === "refused") return refusal(outcome.error);
    this.#socket = outcome.value;
    return done;
  }

  connect(remote: WitSocketAddress): Answer<undefined> {
    const wrong = udpRemoteRefusal(this.#family, remote);
    if (wrong) return refusal(wrong);
    const bound = this.#bound();
    const outcome = bound.kind === "ok" ? bound.value.connect(socketAddressOf(remote)) : bound;
    return outcome.kind === "ok" ? done : refusal(outcome.error);
  }

  disconnect(): Answer<undefined> {
    if (this.#socket?.remote === undefined) return invalidState;
    const outcome = this.#socket.connect(undefined);
    return outcome.kind === "ok" ? done : refusal(outcome.error);
  }

  async send(data: Uint8Array, remote: WitSocketAddress | undefined): Promise<Answer<undefined>> {
    const wrong = remote ? udpRemoteRefusal(this.#family, remote) : this.#refusalWithoutRemote();
    if (wrong) return refusal(wrong);
    const bound = this.#bound();
    if (bound.kind === "refused") return refusal(bound.error);
    const socket = bound.value;
    for (;;) {
      const outcome = socket.send(data, remote && socketAddressOf(remote));
      if (outcome === "sent") return done;
      if (outcome !== "wait") return refusal(outcome.error);
      await untilReady(this.#host, (wake) => socket.onWritable(wake));
    }
  }

  async receive(): Promise<Answer<Received>> {
    const socket = this.#socket;
    if (socket === undefined) return invalidState;
    for (;;) {
      const outcome = socket.receive();
      if (outcome === "wait") await untilReady(this.#host, (wake) => socket.onReadable(wake));
      else if ("kind" in outcome) return refusal(outcome.error);
      else return ok<Received>([outcome.bytes, witSocketAddress(outcome.remote)]);
    }
  }

  getLocalAddress(): Answer<WitSocketAddress> {
    return this.#socket ? ok(witSocketAddress(this.#socket.local)) : invalidState;
  }

  getRemoteAddress(): Answer<WitSocketAddress> {
    const remote = this.#socket?.remote;
    return remote ? ok(witSocketAddress(remote)) : invalidState;
  }

  getAddressFamily(): Family {
    return this.#family;
  }

  getUnicastHopLimit(): Answer<number> {
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

  protected override release(): void {
    this.#socket?.close();
    this.#socket = undefined;
  }

  #refusalWithoutRemote(): SocketError | undefined {
    return this.#socket?.remote === undefined ? "invalid-argument" : undefined;
  }

  #bound(): SocketOutcome<Socket> {
    if (this.#socket) return { kind: "ok", value: this.#socket };
    if (this.dropped) return { kind: "refused", error: "invalid-state" };
    const family = this.#family;
    const outcome = this.#host.network.bindUdp({ family, address: unspecifiedAddress(family), port: 0 });
    if (outcome.kind === "ok") this.#socket = outcome.value;
    return outcome;
  }
}
