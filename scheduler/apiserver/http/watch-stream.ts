/**
 * One watch of one client. Events are queued as references and written while the client takes them:
 *
 *   source ─▶ queue ─▶ pump ─▶ response          (pauses when the response is full, goes on at its `drain`)
 *
 * The hub pumps all streams that have something, once per turn of the event loop: so what is committed together is sent
 * together.
 *
 * Invariants: events go out in the order of their revisions; the past and the subscription are joined in one turn
 * of the event loop, so none is missed or comes twice; the queue is bounded, and a client that
 * lets it fill is told so, disconnected, and has to list again. The initial state does not count against that bound: it is
 * kept as the list that it is. A client that takes nothing at all for long is disconnected, too.
 */
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Log } from "../../../kit/log.ts";
import type { Kind } from "../registry.ts";
import { apiVersionOf } from "../resource.ts";
import { type ApiError, expired } from "../status.ts";
import { windowLimits } from "../storage/event-window.ts";
import type { ObjectSource, SourceEvent } from "../storage/object-source.ts";
import type { EventEncoder } from "./event-encoder.ts";
import type { Exchange } from "./exchange.ts";
import type { Selection } from "./list-options.ts";
import type { Representation } from "./media.ts";
import { presentObject } from "./present.ts";

/** Changes that a client may be behind, and what they may hold in memory. Beyond: it is dropped. */
export const queueLimits = { eventsMax: 10_000, bytesMax: windowLimits.bytesMax } as const;
/** So many it may always be behind, however much all watches hold together. */
const queueEventsMin = 1_000;
/** Written at once, before it is looked whether the client still takes more. */
const chunkChars = 64 * 1024;

interface Outgoing {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: ApiObject | object;
  /** About what it holds in memory that would not be held without it. */
  readonly bytes: number;
}

/** Shared by all watches. */
export interface WatchRoom {
  /** How many events may still wait for slow clients. */
  eventsLeft: number;
  /** Watches that were ended because their clients did not keep up, of all times. */
  dropped: number;
}

export interface WatchStreamOptions {
  readonly exchange: Exchange;
  readonly kind: Kind;
  readonly source: ObjectSource;
  readonly selection: Selection;
  readonly as: Representation;
  readonly now: () => number;
  /** Shared by all watches. */
  readonly encoder: EventEncoder;
  readonly room: WatchRoom;
  readonly log: Log;
  /** Called when there is something to pump. */
  readonly ready: (stream: WatchStream) => void;
}

export class WatchStream {
  readonly #options: WatchStreamOptions;
  /** The initial state that is still to be sent, and how much of it has been. */
  #initial: readonly ApiObject[] = [];
  #initialSent = 0;
  #queue: Outgoing[] = [];
  #queueBytes = 0;
  #isPaused = false;
  /** Looked at from time to time: whether the client has taken anything since. */
  #wasPaused = false;
  #isEnded = false;
  #hasColumns = false;
  #revision: number;
  #subscription: Disposable | undefined;

  constructor(options: WatchStreamOptions, afterRevision: number) {
    this.#options = options;
    this.#revision = afterRevision;
    const { response } = options.exchange;
    response.statusCode = 200;
    response.setHeader("Content-Type", "application/json");
    response.setHeader("Cache-Control", "no-cache, private");
    response.flushHeaders();
    response.on("drain", () => {
      this.#isPaused = false;
      this.#wasPaused = false;
      options.ready(this);
    });
    response.once("close", () => this.#stop());
  }

  get kind(): Kind {
    return this.#options.kind;
  }

  /** Objects of the initial state that the client has not taken. */
  get initialLeft(): number {
    return this.#initial.length - this.#initialSent;
  }

  get queued(): number {
    return this.#queue.length;
  }

  /** The state now, as if everything had just been added; with `bookmark`, then the end of it is marked. */
  sendInitial(objects: readonly ApiObject[], bookmark: boolean): void {
    this.#initial = objects;
    if (bookmark) this.bookmark({ "k8s.io/initial-events-end": "true" });
  }

  follow(past: readonly SourceEvent[]): void {
    for (const event of past) this.#take(event);
    if (this.#isEnded) return;
    this.#subscription = this.#options.source.subscribe((event) => this.#take(event));
    this.#options.ready(this);
  }

  /** Tells the client up to where it has seen everything. */
  bookmark(annotations?: Readonly<Record<string, string>>): void {
    if (this.#isEnded) return;
    const { resource } = this.#options.kind;
    // Everything up to the source's revision has been queued: sources tell their listeners before anybody else.
    this.#revision = Math.max(this.#revision, this.#options.source.revision);
    const metadata = {
      resourceVersion: String(this.#revision),
      creationTimestamp: null,
      ...(annotations && { annotations }),
    };
    this.#push({
      type: "BOOKMARK",
      object: { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata },
      bytes: 0,
    });
    this.#options.ready(this);
  }

  fail(error: ApiError): void {
    this.#push({ type: "ERROR", object: error.toStatus(), bytes: 0 });
    this.end();
  }

  /** Ends the answer properly, after what is queued. */
  end(): void {
    this.#subscription?.[Symbol.dispose]();
    this.#subscription = undefined;
    this.#isEnded = true;
    this.#options.ready(this);
  }

  /** Ends the watch of a client that has taken nothing since the last call. The hub calls it from time to time. */
  dropIfStuck(): void {
    if (this.#isPaused && this.#wasPaused) {
      this.#tellDropped("its client takes nothing");
      // Nothing that is written would reach it.
      this.#options.exchange.response.destroy();
    }
    this.#wasPaused = this.#isPaused;
  }

  /** Writes what the client takes. The hub calls it. */
  pump(): void {
    const { response } = this.#options.exchange;
    let sent = 0;
    while (!this.#isPaused && !response.destroyed && (this.initialLeft > 0 || sent < this.#queue.length)) {
      let chunk = "";
      while (this.initialLeft > 0 && chunk.length < chunkChars) {
        const object = this.#initial[this.#initialSent++];
        if (object) chunk += this.#text("ADDED", object);
      }
      while (this.initialLeft === 0 && sent < this.#queue.length && chunk.length < chunkChars) {
        const outgoing = this.#queue[sent++];
        if (outgoing) chunk += this.#text(outgoing.type, outgoing.object);
      }
      this.#isPaused = !response.write(chunk);
    }
    if (this.initialLeft === 0) this.#forgetInitial();
    this.#shift(sent);
    if (this.#isEnded && this.initialLeft === 0 && this.#queue.length === 0) response.end();
  }

  #push(outgoing: Outgoing): void {
    this.#queue.push(outgoing);
    this.#queueBytes += outgoing.bytes;
    this.#options.room.eventsLeft--;
  }

  /** Forgets the first of the queue. */
  #shift(count: number): void {
    for (const { bytes } of this.#queue.slice(0, count)) this.#queueBytes -= bytes;
    this.#queue = count === this.#queue.length ? [] : this.#queue.slice(count);
    this.#options.room.eventsLeft += count;
  }

  #forgetInitial(): void {
    this.#initial = [];
    this.#initialSent = 0;
  }

  #stop(): void {
    this.#subscription?.[Symbol.dispose]();
    this.#subscription = undefined;
    this.#isEnded = true;
    this.#forgetInitial();
    this.#shift(this.#queue.length);
  }

  #take(event: SourceEvent): void {
    this.#revision = event.revision;
    const outgoing = this.#outgoing(event);
    if (!outgoing || this.#isEnded) return;
    this.#push(outgoing);
    const { eventsMax, bytesMax } = queueLimits;
    const isScarce = this.#options.room.eventsLeft < 0 && this.#queue.length > queueEventsMin;
    if (this.#queue.length > eventsMax || this.#queueBytes > bytesMax || isScarce) return this.#drop();
    this.#options.ready(this);
  }

  #drop(): void {
    const count = this.#queue.length;
    this.#tellDropped("its client does not keep up");
    this.#forgetInitial();
    this.#shift(count);
    this.fail(expired(`the client is ${count} events behind, which is too much: list again`));
  }

  #tellDropped(why: string): void {
    const { log, exchange, room } = this.#options;
    room.dropped++;
    log.warn("watch dropped", { reason: why, path: exchange.path, user: exchange.user.name });
  }

  /** An object that comes to be selected was added, and one that no longer is was deleted, for this client. */
  #outgoing({ kind, object, previous, bytes }: SourceEvent): Outgoing | undefined {
    const { matches, namespace } = this.#options.selection;
    if (namespace !== undefined && object.metadata.namespace !== namespace) return undefined;
    const is = kind === "put" && (!matches || matches(object));
    const was = previous !== undefined && (!matches || matches(previous));
    if (is) return { type: was ? "MODIFIED" : "ADDED", object: this.kind.view(object), bytes };
    if (!was) return undefined;
    const { resourceVersion } = object.metadata;
    const last =
      kind === "delete" ? object : { ...previous, metadata: { ...previous.metadata, resourceVersion } };
    return { type: "DELETED", object: this.kind.view(last), bytes };
  }

  #text(type: Outgoing["type"], object: object): string {
    const { as, kind, now, encoder } = this.#options;
    if (type === "ERROR" || as.kind === "object") return encoder.encode(type, object);
    const columns = !this.#hasColumns;
    this.#hasColumns = true;
    return `${JSON.stringify({ type, object: presentObject(kind, object as ApiObject, as, now(), columns) })}\n`;
  }
}
