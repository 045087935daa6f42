/**
 * Deployments at zero that are woken up because a request waits for them (`wakeOnRequest`).
 *
 *   asleep ──a request waits──▶ waking: taken as if replicas were 1 ──written──▶ awake (replicas is 1)
 *     ▲      (no quota is in the way)  │ conflict, store down: again
 *     └────────────────────────────────┘ refused for good: taken back
 *
 * The instance is made in the turn in which the request is heard of; the store hears of it meanwhile. Requests that wait are
 * told of again and again: of those only the first counts. Bounded by the deployments that have wakeOnRequest.
 */
import type { WasmDeployment } from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import type { Clock } from "../../../kit/clock.ts";
import { errorMessage, WherryError } from "../../../kit/errors.ts";
import { KeyedWorker } from "../../../kit/keyed-worker.ts";
import type { Log } from "../../../kit/log.ts";
import type { Backend } from "../../backend/backend.ts";
import type { EventRecorder } from "../event-recorder.ts";
import { ownerApiVersion } from "../instance-object.ts";
import { namespaceOf, ownerOf, toWorkload, type Workload, workloadResources } from "../workloads.ts";

export interface RequestWakeUpsOptions {
  readonly backend: Backend;
  readonly clock: Clock;
  readonly log: Log;
  readonly events: Pick<EventRecorder, "record">;
  /** As the engine sees it. */
  readonly workload: (uid: string) => Workload | undefined;
  /** Why it can have no instance now. */
  readonly refusal: (workload: Workload) => string | undefined;
  /** The engine is to see it like this from now on. */
  readonly seen: (workload: Workload) => void;
  /** It has been written; `before` is how the engine saw it. */
  readonly stored: (workload: Workload, before: Workload) => void;
}

type Deployment = Workload & { readonly kind: "WasmDeployment" };

const resource = workloadResources.WasmDeployment;

/** It is awake; a quota keeps it asleep while requests wait (counted each time that a gateway tells of them); its write was refused. */
export type WakeUpResult = "woken" | "refused" | "failed";

export class RequestWakeUps implements AsyncDisposable {
  /** Of all times. */
  readonly counts: Record<WakeUpResult, number> = { woken: 0, refused: 0, failed: 0 };
  readonly #options: RequestWakeUpsOptions;
  readonly #waking = new Set<string>();
  readonly #writer: KeyedWorker;

  constructor(options: RequestWakeUpsOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#writer = new KeyedWorker((uid) => this.#write(uid), {
      clock,
      backoff: { initialMs: 20, factor: 2, maxMs: 5_000 },
      concurrencyMax: 64,
      intervalMs: 0,
      failed: (uid, thrown) =>
        log.debug("wake-up not written, trying again", { workload: uid, reason: errorMessage(thrown) }),
    });
  }

  async close(): Promise<void> {
    await this.#writer.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** A request waits for it. Of what is unknown, awake or does not wake nothing is heard. */
  wake(uid: string): void {
    if (this.#waking.has(uid)) return;
    const workload = this.#options.workload(uid);
    if (!workload || !isAsleep(workload)) return;
    const refusal = this.#options.refusal(workload);
    if (refusal !== undefined) {
      this.counts.refused++;
      this.#tell(
        workload,
        "Warning",
        "WakeUpRefused",
        `a request waits for it, and it stays at 0: ${refusal}`,
      );
      return;
    }
    this.#waking.add(uid);
    this.#options.seen(awake(workload));
    this.#writer.schedule(uid);
  }

  /** A workload as declared, as the engine is to see it. */
  view(workload: Workload): Workload {
    const { uid } = workload.object.metadata;
    if (!this.#waking.has(uid)) return workload;
    if (isAsleep(workload)) return awake(workload);
    // Somebody has scaled it, our write has come back, or it is to wake no more.
    this.#waking.delete(uid);
    return workload;
  }

  gone(uid: string): void {
    this.#waking.delete(uid);
  }

  async #write(uid: string): Promise<void> {
    const workload = this.#options.workload(uid);
    if (!this.#waking.has(uid) || workload?.kind !== "WasmDeployment") return;
    const { backend, stored } = this.#options;
    try {
      const outcome = await backend.update(resource, workload.object as unknown as ApiObject);
      // A newer object is on its way here, or has come.
      if (outcome.kind === "conflict") throw conflict(workload);
      if (outcome.kind === "notFound") return;
      this.counts.woken++;
      this.#tell(workload, "Normal", "WokenByRequest", "a request waits for it: replicas is 1 now");
      // Seen at once, so that nothing takes it for asleep until the watch brings it.
      stored(toWorkload(workload.kind, outcome.object), workload);
    } catch (thrown) {
      if (thrown instanceof WherryError && thrown.retryable) throw thrown;
      this.#takeBack(workload, thrown);
    }
  }

  #takeBack(workload: Deployment, thrown: unknown): void {
    const { backend, log, seen } = this.#options;
    const { uid, name } = workload.object.metadata;
    this.#waking.delete(uid);
    this.counts.failed++;
    const declared = backend.get(resource, namespaceOf(workload), name);
    if (declared?.metadata.uid === uid) seen(toWorkload(workload.kind, declared));
    log.warn("wake-up refused by the store", { workload: uid, reason: errorMessage(thrown) });
    const message = `a request waits for it, and replicas could not be set to 1: ${errorMessage(thrown)}`;
    this.#tell(workload, "Warning", "WakeUpFailed", message);
  }

  #tell(workload: Workload, type: "Normal" | "Warning", reason: string, message: string): void {
    const involved = { apiVersion: ownerApiVersion, ...ownerOf(workload), namespace: namespaceOf(workload) };
    this.#options.events.record({ involved, type, reason, message });
  }
}

/** At zero, and to be woken up by a request. Whether its updates are paused does not matter. */
function isAsleep(workload: Workload): workload is Deployment {
  if (workload.kind !== "WasmDeployment") return false;
  const { metadata, spec } = workload.object;
  return spec.wakeOnRequest === true && spec.replicas === 0 && metadata.deletionTimestamp === undefined;
}

function awake({ kind, object }: Deployment): Deployment {
  const awakened: WasmDeployment = { ...object, spec: { ...object.spec, replicas: 1 } };
  return { kind, object: awakened };
}

function conflict({ object: { metadata } }: Deployment): WherryError {
  return new WherryError(
    "Conflict",
    `set replicas of WasmDeployment ${metadata.name}: it has changed meanwhile`,
    {
      retryable: true,
    },
  );
}
