import type { Condition, WasmAutoscaler, WasmAutoscalerStatus } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import type { Clock } from "../../kit/clock.ts";
import { assertNever, errorMessage } from "../../kit/errors.ts";
import type { Backend, ResourceKey } from "../backend/backend.ts";
import type { ScaleBackend } from "../backend/scale-backend.ts";
import type { Decision } from "../core/autoscaling/decision.ts";
import { conditionAfter } from "../core/controllers/conditions.ts";
import type { EventRecorder } from "../engine/event-recorder.ts";
import type { AutoscalerCounters } from "./autoscaler-figures.ts";
import type { Look } from "./autoscaler-look.ts";
import type { AutoscalerRecord } from "./autoscaler-record.ts";
import { statusDifference, statusIntervalMs } from "./status-pace.ts";

export const autoscalerResource: ResourceKey = { group: "wherry.dev", plural: "wasmautoscalers" };

export interface AutoscalerWriterOptions {
  readonly backend: Backend;
  readonly scales: ScaleBackend;
  readonly clock: Clock;
  readonly events: Pick<EventRecorder, "record">;
  readonly counters: AutoscalerCounters;
  /** How many autoscalers there are. */
  readonly count: () => number;
}

export type Rescaled =
  /** As decided, be it that there was nothing to do. */
  | { readonly kind: "done" }
  /** The target has changed meanwhile: it is to be looked at again. */
  | { readonly kind: "outdated" }
  /** It is tried again after a while. */
  | { readonly kind: "refused"; readonly message: string }
  /** The store or the API server is down. */
  | { readonly kind: "failed"; readonly message: string; readonly thrown: unknown };

/** Warnings of one reason are told of at most this often: as often as Kubernetes' autoscaler looks. */
const warningIntervalMs = 15_000;

/** Sets replicas, stores statuses and records events. */
export class AutoscalerWriter {
  readonly #options: AutoscalerWriterOptions;

  constructor(options: AutoscalerWriterOptions) {
    this.#options = options;
  }

  async rescale({ target, scale, decision: { replicas } }: Look): Promise<Rescaled> {
    if (scale === undefined || replicas === undefined || replicas === scale.specReplicas)
      return { kind: "done" };
    const { scales, counters } = this.#options;
    try {
      const outcome = await scales.write(target.reference, scale, replicas);
      switch (outcome.kind) {
        case "written":
          counters.rescales[replicas > scale.specReplicas ? "up" : "down"]++;
          return { kind: "done" };
        case "conflict":
          counters.rescales.conflict++;
          return { kind: "outdated" };
        case "notFound":
          return { kind: "outdated" };
        case "refused":
          counters.rescales.refused++;
          return outcome;
        default:
          return assertNever(outcome, "outcome of a write of a scale");
      }
    } catch (thrown) {
      counters.rescales.refused++;
      return { kind: "failed", message: errorMessage(thrown), thrown };
    }
  }

  /** Tells what was decided, as far as it was done, and answers the status. */
  settle(
    record: AutoscalerRecord,
    { judged, decision, last }: Look,
    rescaled: Exclude<Rescaled, { kind: "outdated" }>,
  ): WasmAutoscalerStatus {
    const { status, events, replicas, why } = decision;
    if (rescaled.kind === "done") {
      record.last = last;
      this.#tell(record, events);
      return status;
    }
    const message = `New size: ${replicas ?? 0}; reason: ${why}; error: ${rescaled.message}`;
    this.#tell(record, [
      ...events.filter(({ reason }) => reason !== "SuccessfulRescale"),
      { type: "Warning", reason: "FailedRescale", message },
    ]);
    const unscaled = statusUnscaled(judged, status, rescaled.message, this.#options.clock.now());
    record.last = { ...last, status: unscaled };
    return unscaled;
  }

  /**
   * Does nothing when the status is stored already, or when what has changed of it is not worth a write yet: then it answers when it
   * is, by the monotonic clock. A conflict brings a newer autoscaler, which is looked at.
   */
  async storeStatus(
    record: AutoscalerRecord,
    autoscaler: WasmAutoscaler,
    status: WasmAutoscalerStatus,
  ): Promise<number | undefined> {
    const { backend, clock, counters, count } = this.#options;
    const difference = statusDifference(autoscaler.status, status);
    if (difference === "nothing") return undefined;
    const nowMs = clock.monotonic();
    const dueMs =
      record.statusMs === undefined ? nowMs : record.statusMs + statusIntervalMs(difference, count());
    if (dueMs > nowMs) return dueMs;
    const outcome = await backend.updateStatus(autoscalerResource, asObject(autoscaler), status);
    if (outcome.kind !== "written") return undefined;
    record.statusMs = nowMs;
    counters.statusWrites++;
    // If the watch has brought something since, that is this write or a later one.
    if (record.autoscaler === autoscaler) record.autoscaler = outcome.object as unknown as WasmAutoscaler;
    return undefined;
  }

  #tell(record: AutoscalerRecord, events: Decision["events"]): void {
    const { clock } = this.#options;
    const { apiVersion, kind, metadata } = record.autoscaler;
    const { namespace = "", name, uid } = metadata;
    const nowMs = clock.monotonic();
    for (const { type, reason, message } of events) {
      if (type === "Warning") {
        const toldMs = record.toldMs.get(reason);
        if (toldMs !== undefined && nowMs < toldMs + warningIntervalMs) continue;
        record.toldMs.set(reason, nowMs);
      }
      const involved = { apiVersion, kind, namespace, name, uid };
      this.#options.events.record({ involved, type, reason, message });
    }
  }
}

/** The status when what was decided could not be done. */
function statusUnscaled(
  { metadata, status: before }: WasmAutoscaler,
  decided: WasmAutoscalerStatus,
  why: string,
  nowMs: number,
): WasmAutoscalerStatus {
  const verdict = {
    type: "AbleToScale",
    status: "False" as const,
    reason: "FailedUpdateScale",
    message: `the number of instances could not be set to ${decided.desiredReplicas ?? 0}: ${why}`,
  };
  const failed = conditionAfter(before?.conditions, verdict, metadata.generation, nowMs);
  const { lastScaleTime: _, ...rest } = decided;
  return {
    ...rest,
    ...(before?.lastScaleTime === undefined ? {} : { lastScaleTime: before.lastScaleTime }),
    conditions: withCondition(decided.conditions, failed),
  };
}

function withCondition(
  conditions: readonly Condition[] | undefined,
  condition: Condition,
): readonly Condition[] {
  const others = (conditions ?? []).filter(({ type }) => type !== condition.type);
  return [condition, ...others];
}

function asObject(autoscaler: WasmAutoscaler): ApiObject {
  return autoscaler as unknown as ApiObject;
}
