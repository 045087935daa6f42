import type { Condition, WasmRoute } from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Clock } from "../../../kit/clock.ts";
import { errorMessage } from "../../../kit/errors.ts";
import { KeyedWorker } from "../../../kit/keyed-worker.ts";
import type { Log } from "../../../kit/log.ts";
import type { Backend, ResourceKey } from "../../backend/backend.ts";
import { nextVerdictMs } from "../../core/routes/certificate-verdict.ts";
import { routeStatus, type RouteFacts } from "../../core/routes/route-status.ts";
import type { EventRecorder } from "../event-recorder.ts";
import { ExpiryAlarm } from "./expiry-alarm.ts";

export interface RouteStatusesOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: EventRecorder;
  /** undefined: the route is gone. */
  readonly route: (uid: string) => WasmRoute | undefined;
  readonly facts: (uid: string) => RouteFacts | undefined;
}

export const routeResource: ResourceKey = { group: "wherry.dev", plural: "wasmroutes" };
/** A rollout's revisions come and go: what is so for a moment is not written. */
const statusIntervalMs = 100;

/** Writes what is known of routes into their status, and tells as an event what has come to be wrong. */
export class RouteStatuses implements AsyncDisposable {
  readonly #options: RouteStatusesOptions;
  readonly #worker: KeyedWorker;
  /** Certificates expire while nothing happens. */
  readonly #alarm: ExpiryAlarm;

  constructor(options: RouteStatusesOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#alarm = new ExpiryAlarm(clock, (uid) => this.schedule(uid));
    this.#worker = new KeyedWorker((uid) => this.#write(uid), {
      clock,
      concurrencyMax: 16,
      intervalMs: statusIntervalMs,
      backoff: { initialMs: 200, factor: 2, maxMs: 30_000 },
      failed: (uid, thrown) =>
        log.warn("route status not written, trying again", { route: uid, reason: errorMessage(thrown) }),
    });
  }

  schedule(uid: string): void {
    this.#worker.schedule(uid);
  }

  async close(): Promise<void> {
    this.#alarm.close();
    await this.#worker.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #write(uid: string): Promise<void> {
    const { backend, clock, route: routeOf, facts: factsOf } = this.#options;
    const route = routeOf(uid);
    const facts = factsOf(uid);
    const nowMs = clock.now();
    this.#alarm.set(uid, facts?.certificate && nextVerdictMs(facts.certificate, nowMs));
    if (route === undefined || facts === undefined) return;
    const status = routeStatus(route, facts, nowMs);
    if (status === route.status) return;
    // A conflict means that a newer route is on its way here as a watch event, which makes it due again.
    const outcome = await backend.updateStatus(routeResource, route as unknown as ApiObject, status);
    if (outcome.kind !== "written") return;
    for (const condition of status.conditions ?? []) this.#tell(route, condition);
  }

  /** Once, when it becomes so or for another reason than before. */
  #tell(route: WasmRoute, { type, status, reason, message }: Condition): void {
    const before = route.status?.conditions?.find((one) => one.type === type);
    if ((status === "True" && reason !== "ExpiresSoon") || type === "Programmed") return;
    if (before?.status === status && before.reason === reason && before.message === message) return;
    const { apiVersion, kind, metadata } = route;
    const { name, namespace = "", uid } = metadata;
    this.#options.events.record({
      involved: { apiVersion, kind, namespace, name, uid },
      type: "Warning",
      reason,
      message,
    });
  }
}
