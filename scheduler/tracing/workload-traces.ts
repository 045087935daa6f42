/**
 * From the write of a workload to its instances' nodes: which trace belongs to which workload, in this process's memory alone, so
 * that declared objects say nothing of traces.
 *
 *   write begins ─▶ noted by uid ─▶ commit ─▶ reconcile ─▶ place ─▶ assign ─▶ (the node goes on with it)
 *        └─ fails: forgotten            └── parent of what follows, until it is old
 *
 * - A trace is noted before its write is committed: the engine may see the object before the write is known to be over.
 * - What a workload does later (a node is lost, an instance crashes) belongs to no write: a trace ends by its age.
 * - Bounded: the workloads that are followed, and the spans of each. A workload of 100,000 instances has the first hundred.
 */
import type { ApiObject } from "../../api/object-meta.ts";
import type { Clock } from "../../kit/clock.ts";
import { formatTraceparent, parseTraceparent, type TraceContext } from "../../kit/tracing/trace-context.ts";
import type { Span, SpanAttributes, Tracer } from "../../kit/tracing/tracer.ts";
import type { Instance } from "../core/model.ts";

/** Rollouts of a usual size are through by then. */
const keptMs = 10 * 60_000;
const workloadsMax = 1_000;
const spansMax = { reconcile: 20, place: 100, assign: 100 };

interface Followed {
  readonly sinceMs: number;
  /** What the next steps are part of. */
  parent: TraceContext;
  /** Whether the reconciler has made instances since it was last asked. */
  hasMade: boolean;
  readonly spans: { reconcile: number; place: number; assign: number };
}

/** One write that is under way. */
export interface FollowedWrite {
  committed(): void;
  failed(why: string): void;
}

export interface WriteRequest {
  readonly operation: "create" | "update";
  readonly kind: string;
  readonly object: ApiObject;
  /** As the client has sent it. */
  readonly traceparent: string | undefined;
}

export class WorkloadTraces {
  readonly #tracer: Tracer;
  readonly #clock: Clock;
  /** By uid, the oldest first. */
  readonly #followed = new Map<string, Followed>();

  constructor(tracer: Tracer, clock: Clock) {
    this.#tracer = tracer;
    this.#clock = clock;
  }

  /** undefined: the client has decided that it is not to be traced. */
  write({ operation, kind, object, traceparent }: WriteRequest): FollowedWrite | undefined {
    const parent = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    const { uid, name, namespace = "" } = object.metadata;
    if (parent?.isSampled === false) {
      this.#followed.delete(uid);
      return undefined;
    }
    const span = this.#tracer.start(`${operation} ${kind}`, {
      kind: "server",
      parent,
      startMs: this.#clock.now(),
      attributes: {
        "wherry.workload.kind": kind,
        "wherry.workload.namespace": namespace,
        "wherry.workload.name": name,
        "wherry.workload.uid": uid,
      },
    });
    const before = this.#followed.get(uid);
    const followed: Followed = {
      sinceMs: this.#clock.monotonic(),
      parent: span.context,
      hasMade: false,
      spans: { reconcile: 0, place: 0, assign: 0 },
    };
    this.#put(uid, followed);
    return {
      committed: () => span.end(this.#clock.now()),
      failed: (why) => {
        span.end(this.#clock.now(), why);
        if (this.#followed.get(uid) !== followed) return;
        if (before) this.#followed.set(uid, before);
        else this.#followed.delete(uid);
      },
    };
  }

  /** An instance of this workload has been made. */
  made(ownerUid: string): void {
    const followed = this.#followed.get(ownerUid);
    if (followed) followed.hasMade = true;
  }

  /** Looks at a workload. Those looks are told of that have made instances. */
  reconcile<T>(ownerUid: string, look: () => T): T {
    const followed = this.#find(ownerUid);
    if (!followed) return look();
    followed.hasMade = false;
    const startMs = this.#clock.now();
    const result = look();
    if (!followed.hasMade || followed.spans.reconcile++ >= spansMax.reconcile) return result;
    const span = this.#start("reconcile", followed.parent, startMs, {});
    followed.parent = span.context;
    span.end(this.#clock.now());
    return result;
  }

  /** Decides where instances of a workload are to be, which may assign some of them. */
  place<T>(ownerUid: string, instances: number, decide: () => T): T {
    const followed = this.#find(ownerUid);
    if (!followed || followed.spans.place >= spansMax.place) return decide();
    followed.spans.place++;
    const { parent } = followed;
    const attributes = { "wherry.instances": instances };
    const span = this.#start("place", parent, this.#clock.now(), attributes);
    const assignedBefore = followed.spans.assign;
    followed.parent = span.context;
    try {
      return decide();
    } finally {
      followed.parent = parent;
      span.set({ "wherry.instances.traced": followed.spans.assign - assignedBefore });
      span.end(this.#clock.now());
    }
  }

  /** Gives an instance to its node. `assign` gets the traceparent with which the node goes on; undefined: nothing to go on with. */
  assign(instance: Instance, nodeName: string, assign: (traceparent: string | undefined) => void): void {
    const { uid, name, owner, createdMs } = instance;
    const followed = this.#find(owner.uid);
    if (!followed || followed.spans.assign >= spansMax.assign) return assign(undefined);
    followed.spans.assign++;
    const startMs = this.#clock.now();
    const span = this.#start("assign", followed.parent, startMs, {
      "wherry.instance.uid": uid,
      "wherry.instance.name": name,
      "wherry.instance.pending_ms": Math.max(0, startMs - createdMs),
      "wherry.node.name": nodeName,
    });
    assign(formatTraceparent(span.context));
    span.end(this.#clock.now());
  }

  #start(name: string, parent: TraceContext, startMs: number, attributes: SpanAttributes): Span {
    return this.#tracer.start(name, { kind: "internal", parent, startMs, attributes });
  }

  #find(uid: string): Followed | undefined {
    const followed = this.#followed.get(uid);
    if (!followed || this.#clock.monotonic() - followed.sinceMs < keptMs) return followed;
    this.#followed.delete(uid);
    return undefined;
  }

  #put(uid: string, followed: Followed): void {
    this.#followed.delete(uid);
    this.#followed.set(uid, followed);
    if (this.#followed.size <= workloadsMax) return;
    const [oldest] = this.#followed.keys();
    if (oldest !== undefined) this.#followed.delete(oldest);
  }
}
