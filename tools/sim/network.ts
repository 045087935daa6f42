/**
 * gRPC's sessions without gRPC: each is a wire with two ways, on which encoded messages take time.
 *
 *   client ──write──▶ [ in order, delayed ] ──▶ server      closed by either end: the other sees it after all before it
 *   client ◀────────  [ in order, delayed ] ◀── server      cut: what is on its way is lost, and each end notices by itself
 *
 * Within a wire nothing is reordered, lost or doubled, which is what HTTP/2 grants. Between wires nothing is granted: an
 * old one may still deliver when the next is long in use, and the ends may disagree about which of them are open.
 * Both ends behave as grpc-js's calls do, as far as the sessions of scheduler and daemon use them.
 */
import { EventEmitter } from "node:events";
import { status as grpcStatus } from "@grpc/grpc-js";
import { NodeService } from "../../proto/node-service.ts";
import type { Dice } from "../soak/dice.ts";
import type { SimulatedTime } from "./simulated-time.ts";

const codec = NodeService.service.Session;
/** Messages on one way before a writer is told to wait. */
const windowMessages = 8;
/** What keepalives need to find that the other end is gone. */
const noticeMsMax = 20_000;

type Encoded = { readonly kind: "message"; readonly bytes: Buffer } | { readonly kind: "end" };

/** How slow a way is, which may change while it is used. */
export interface Slowness {
  readonly delayMsMax: number;
}

/** One direction of a wire. */
class Way {
  readonly #time: SimulatedTime;
  readonly #dice: Dice;
  readonly #slowness: () => Slowness;
  readonly #deliver: (item: Encoded) => void;
  readonly #drained: () => void;
  #arrivalMs = 0;
  #underWay = 0;
  #isFull = false;
  #isCut = false;

  constructor(
    time: SimulatedTime,
    dice: Dice,
    slowness: () => Slowness,
    deliver: (item: Encoded) => void,
    drained: () => void,
  ) {
    this.#time = time;
    this.#dice = dice;
    this.#slowness = slowness;
    this.#deliver = deliver;
    this.#drained = drained;
  }

  /** Answers whether the writer may go on. */
  send(item: Encoded): boolean {
    if (this.#isCut) return true;
    const delayMs = 1 + this.#dice.below(this.#slowness().delayMsMax);
    this.#arrivalMs = Math.max(this.#arrivalMs, this.#time.elapsedMs + delayMs);
    this.#underWay++;
    this.#time.after(this.#arrivalMs - this.#time.elapsedMs, () => this.#arrive(item));
    this.#isFull ||= this.#underWay >= windowMessages;
    return !this.#isFull;
  }

  cut(): void {
    this.#isCut = true;
  }

  #arrive(item: Encoded): void {
    if (this.#isCut) return;
    this.#underWay--;
    this.#deliver(item);
    if (!this.#isFull || this.#underWay > windowMessages / 2) return;
    this.#isFull = false;
    this.#drained();
  }
}

/** The daemon's end: what a session uses of grpc-js's ClientDuplexStream. */
class ClientEnd extends EventEmitter {
  readonly #wire: Wire;

  constructor(wire: Wire) {
    super();
    this.#wire = wire;
  }

  write(message: object): boolean {
    return this.#wire.toServer.send({ kind: "message", bytes: codec.requestSerialize(message) });
  }

  end(): void {
    this.#wire.toServer.send({ kind: "end" });
  }

  cancel(): void {
    this.#wire.cancelledByClient();
  }
}

/** The scheduler's end: what a session uses of grpc-js's ServerDuplexStream. */
class ServerEnd extends EventEmitter {
  readonly #wire: Wire;

  constructor(wire: Wire) {
    super();
    this.#wire = wire;
    // grpc-js sends an error that is emitted on a call as its status.
    this.on("error", ({ code, details }: { code: grpcStatus; details: string }) =>
      this.#wire.closedByServer(code, details),
    );
  }

  write(message: object): boolean {
    return this.#wire.toClient.send({ kind: "message", bytes: codec.responseSerialize(message) });
  }

  end(): void {
    this.#wire.closedByServer(grpcStatus.OK, "");
  }
}

export interface WireOptions {
  readonly time: SimulatedTime;
  readonly dice: Dice;
  readonly slowness: () => Slowness;
  /** Told once, when neither end uses it any more. */
  readonly onClosed: (wire: Wire) => void;
}

export class Wire {
  readonly client: ClientEnd;
  readonly server: ServerEnd;
  readonly toServer: Way;
  readonly toClient: Way;
  readonly #options: WireOptions;
  #status = { code: grpcStatus.UNAVAILABLE, details: "the connection broke" };
  #clientOver = false;
  #serverOver = false;

  constructor(options: WireOptions) {
    this.#options = options;
    const { time, dice, slowness } = options;
    this.client = new ClientEnd(this);
    this.server = new ServerEnd(this);
    this.toServer = new Way(
      time,
      dice,
      slowness,
      (item) => this.#atServer(item),
      () => this.#clientOver || this.client.emit("drain"),
    );
    this.toClient = new Way(
      time,
      dice,
      slowness,
      (item) => this.#atClient(item),
      () => this.#serverOver || this.server.emit("drain"),
    );
  }

  /** What is on its way is lost. An end that is dead itself notices nothing; the other does, at once or late. */
  cut(dead: { readonly client?: boolean; readonly server?: boolean } = {}): void {
    this.toServer.cut();
    this.toClient.cut();
    if (dead.client) this.#clientOver = true;
    if (dead.server) this.#serverOver = true;
    this.#options.time.after(this.#noticeMs(), () => this.#endClient());
    this.#options.time.after(this.#noticeMs(), () => this.#endServer("cancelled"));
    this.#tellIfClosed();
  }

  cancelledByClient(): void {
    if (this.#clientOver) return;
    this.#status = { code: grpcStatus.CANCELLED, details: "cancelled" };
    // What was written before may or may not be read.
    if (this.#options.dice.chance(0.5)) this.toServer.cut();
    this.toClient.cut();
    const { time } = this.#options;
    time.after(0, () => this.#endClient());
    const delayMs = 1 + this.#options.dice.below(this.#options.slowness().delayMsMax * 4);
    time.after(delayMs, () => this.#endServer("cancelled"));
  }

  closedByServer(code: grpcStatus, details: string): void {
    if (this.#serverOver) return;
    this.#status = { code, details };
    this.toClient.send({ kind: "end" });
    this.toServer.cut();
    // The call's own events come later, as with grpc-js.
    this.#options.time.after(0, () => this.#endServer(undefined));
  }

  #atServer(item: Encoded): void {
    if (this.#serverOver) return;
    if (item.kind === "message") this.server.emit("data", codec.requestDeserialize(item.bytes));
    else this.server.emit("end");
  }

  #atClient(item: Encoded): void {
    if (this.#clientOver) return;
    if (item.kind === "message") this.client.emit("data", codec.responseDeserialize(item.bytes));
    else this.#endClient();
  }

  #endClient(): void {
    if (this.#clientOver) return;
    this.#clientOver = true;
    if (this.#status.code !== grpcStatus.OK) this.client.emit("error", new Error(this.#status.details));
    this.client.emit("status", this.#status);
    this.#tellIfClosed();
  }

  #endServer(event: "cancelled" | undefined): void {
    if (this.#serverOver) return;
    this.#serverOver = true;
    if (event !== undefined) this.server.emit(event);
    this.server.emit("close");
    this.#tellIfClosed();
  }

  #tellIfClosed(): void {
    if (this.#clientOver && this.#serverOver) this.#options.onClosed(this);
  }

  /** A reset arrives at once; a peer that just vanished is found by keepalives. */
  #noticeMs(): number {
    const { dice } = this.#options;
    return dice.chance(0.7) ? dice.below(100) : dice.below(noticeMsMax);
  }
}
