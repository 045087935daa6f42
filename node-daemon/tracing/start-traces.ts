/**
 * What an instance's first start takes, in the trace that its assignment names.
 *
 *   start ──┬─ fetch ─▶ prepare (rewrite or translate, compile) ─▶ mount ─▶ run
 *           └─ over with the guest's first instruction, or with whatever keeps it from that
 *
 * Bounded: so many starts at a time; those beyond are not followed.
 */
import type { Clock } from "../../kit/clock.ts";
import { parseTraceparent } from "../../kit/tracing/trace-context.ts";
import type { Span, Tracer } from "../../kit/tracing/tracer.ts";
import type { NodeAssignment } from "../core/assignment.ts";
import type { Lifecycle, LifecycleState } from "../core/lifecycle-state.ts";

/** More do not start at once on any node: shims take 8,000 instances. */
const startsMax = 1_000;

interface FollowedStart {
  readonly span: Span;
  step: Span | undefined;
}

const stepNames = {
  fetching: "fetch",
  preparing: "prepare",
  mounting: "mount",
  starting: "run",
} as const;

export class StartTraces {
  readonly #tracer: Tracer;
  readonly #clock: Clock;
  /** By the instances' uids. */
  readonly #starts = new Map<string, FollowedStart>();

  constructor(tracer: Tracer, clock: Clock) {
    this.#tracer = tracer;
    this.#clock = clock;
  }

  /** It is about to be begun, in this state. */
  assigned({ uid, name, namespace, owner, traceparent }: NodeAssignment, state: LifecycleState): void {
    const parent = traceparent === "" ? undefined : parseTraceparent(traceparent);
    if (parent?.isSampled !== true || this.#starts.size >= startsMax) return;
    const span = this.#tracer.start("start", {
      kind: "internal",
      parent,
      startMs: this.#clock.now(),
      attributes: {
        "wherry.instance.uid": uid,
        "wherry.instance.name": name,
        "wherry.workload.kind": owner.kind,
        "wherry.workload.namespace": namespace,
        "wherry.workload.name": owner.name,
      },
    });
    const start: FollowedStart = { span, step: undefined };
    this.#starts.set(uid, start);
    this.#begin(start, state);
  }

  /** It is in another state. */
  changed(uid: string, { state, isolation, moduleDigest }: Lifecycle): void {
    const start = this.#starts.get(uid);
    if (!start) return;
    const nowMs = this.#clock.now();
    const error = errorOf(state);
    start.step?.end(nowMs, error);
    start.step = undefined;
    if (error === undefined && this.#begin(start, state)) return;
    this.#starts.delete(uid);
    start.span.set({
      ...(isolation !== undefined && { "wherry.instance.isolation": isolation }),
      ...(moduleDigest !== undefined && { "wherry.module.digest": moduleDigest }),
    });
    start.span.end(nowMs, error);
  }

  /** Returns whether something is still to come. */
  #begin(start: FollowedStart, { kind }: LifecycleState): boolean {
    if (kind !== "fetching" && kind !== "preparing" && kind !== "mounting" && kind !== "starting")
      return false;
    const parent = start.span.context;
    const startMs = this.#clock.now();
    start.step = this.#tracer.start(stepNames[kind], { kind: "internal", parent, startMs, attributes: {} });
    return true;
  }
}

/** What kept it from running; undefined: nothing. */
function errorOf(state: LifecycleState): string | undefined {
  switch (state.kind) {
    case "waiting":
    case "restarting":
      return state.reason;
    case "stopping":
      return state.cause;
    case "ended":
      return state.termination.reason;
    default:
      return undefined;
  }
}
