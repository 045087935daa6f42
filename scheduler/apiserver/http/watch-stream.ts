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
 * lets it fill is told so, disconnected, and has to list again. The initial state does not count against that bound.
 */
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Log } from "../../../kit/log.ts";
import type { Kind } from "../registry.ts";
import { apiVersionOf } from "../resource.ts";
import { type ApiError, expired } from "../status.ts";
import type { ObjectSource, SourceEvent } from "../storage/object-source.ts";
import type { EventEncoder } from "./event-encoder.ts";
import type { Exchange } from "./exchange.ts";
import type { Selection } from "./list-options.ts";
import type { Representation } from "./media.ts";
import { presentObject } from "./present.ts";

/** Changes that a client may be behind. Beyond: it is dropped. */
const queueEventsMax = 10_000;
/** Written at once, before it is looked whether the client still takes more. */
const chunkChars = 64 * 1024;

interface Outgoing {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: ApiObject | object;
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
  readonly log: Log;
  /** Called when there is something to pump. */
  readonly ready: (stream: WatchStream) => void;
}

export class WatchStream {
  readonly #options: WatchStreamOptions;
  #queue: Outgoing[] = [];
  /** How many of the queue are changes, not initial state. */
  #changes = 0;
  #isPaused = false;
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
      options.ready(this);
    });
    response.once("close", () => this.#stop());
  }

  get kind(): Kind {
    return this.#options.kind;
  }

  /** The state now, as if everything had just been added; with `bookmark`, then the end of it is marked. */
  sendInitial(objects: readonly ApiObject[], bookmark: boolean): void {
    for (const object of objects) this.#queue.push({ type: "ADDED", object });
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
    this.#queue.push({
      type: "BOOKMARK",
      object: { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata },
    });
    this.#options.ready(this);
  }

  fail(error: ApiError): void {
    this.#queue.push({ type: "ERROR", object: error.toStatus() });
    this.end();
  }

  /** Ends the answer properly, after what is queued. */
  end(): void {
    this.#subscription?.[Symbol.dispose]();
    this.#subscription = undefined;
    this.#isEnded = true;
    this.#options.ready(this);
  }

  /** Writes what the client takes. The hub calls it. */
  pump(): void {
    const { response } = this.#options.exchange;
    let sent = 0;
    while (!this.#isPaused && sent < this.#queue.length && !response.destroyed) {
      let chunk = "";
      while (sent < this.#queue.length && chunk.length < chunkChars) {
        const outgoing = this.#queue[sent++];
        if (outgoing) chunk += this.#text(outgoing);
      }
      this.#isPaused = !response.write(chunk);
    }
    this.#queue = sent === this.#queue.length ? [] : this.#queue.slice(sent);
    this.#changes = Math.min(this.#changes, this.#queue.length);
    if (this.#isEnded && this.#queue.length === 0) response.end();
  }

  #stop(): void {
    this.#subscription?.[Symbol.dispose]();
    this.#subscription = undefined;
    this.#isEnded = true;
    this.#queue = [];
  }

  #take(event: SourceEvent): void {
    this.#revision = event.revision;
    const outgoing = this.#outgoing(event);
    if (!outgoing || this.#isEnded) return;
    this.#queue.push(outgoing);
    if (++this.#changes > queueEventsMax) return this.#drop();
    this.#options.ready(this);
  }

  #drop(): void {
    const { log, exchange } = this.#options;
    log.warn("watch dropped: its client does not keep up", { path: exchange.path, user: exchange.user.name });
    this.#queue = [];
    this.fail(expired(`the client is more than ${queueEventsMax} events behind: list again`));
  }

  /** An object that comes to be selected was added, and one that no longer is was deleted, for this client. */
  #outgoing({ kind, object, previous }: SourceEvent): Outgoing | undefined {
    const { matches, namespace } = this.#options.selection;
    if (namespace !== undefined && object.metadata.namespace !== namespace) return undefined;
    const is = kind === "put" && (!matches || matches(object));
    const was = previous !== undefined && (!matches || matches(previous));
    if (is) return { type: was ? "MODIFIED" : "ADDED", object: this.kind.view(object) };
    if (!was) return undefined;
    const { resourceVersion } = object.metadata;
    const last =
      kind === "delete" ? object : { ...previous, metadata: { ...previous.metadata, resourceVersion } };
    return { type: "DELETED", object: this.kind.view(last) };
  }

  #text({ type, object }: Outgoing): string {
    const { as, kind, now, encoder } = this.#options;
    if (type === "ERROR" || as.kind === "object") return encoder.encode(type, object);
    const columns = !this.#hasColumns;
    this.#hasColumns = true;
    return `${JSON.stringify({ type, object: presentObject(kind, object as ApiObject, as, now(), columns) })}\n`;
  }
}
