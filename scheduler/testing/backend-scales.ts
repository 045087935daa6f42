import { Bug } from "../../kit/errors.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import type { Backend, ResourceKey } from "../backend/backend.ts";
import type {
  Scale,
  ScaleBackend,
  ScaleOutcome,
  ScaleReading,
  ScaleReference,
} from "../backend/scale-backend.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Kinds that can be scaled, beside one of a user's. */
const resources: Readonly<Record<string, ResourceKey>> = {
  WasmDeployment: { group: "wherry.dev", plural: "wasmdeployments" },
  Fleet: { group: "example.com", plural: "fleets" },
};

/** Scales of what a Backend has: for tests, and as the store of a simulated cluster lets its schedulers see it. */
export class BackendScales implements ScaleBackend {
  readonly #backend: Backend;
  /** Sees what is about to be written. */
  writing: ((reference: ScaleReference, scale: Scale, replicas: number) => void) | undefined;
  /** Why writes are refused. */
  refusal: string | undefined;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  read({ kind, namespace, name }: ScaleReference): Promise<ScaleReading> {
    const resource = resources[kind];
    if (resource === undefined)
      return Promise.resolve({
        kind: kind === "WasmJob" ? "noScale" : "noKind",
        message: `${kind} is not known`,
      });
    const object = this.#backend.get(resource, namespace, name);
    if (object === undefined)
      return Promise.resolve({ kind: "notFound", message: `there is no ${kind} ${name}` });
    return Promise.resolve({ kind: "found", scale: scaleOf(object) });
  }

  async write(reference: ScaleReference, scale: Scale, replicas: number): Promise<ScaleOutcome> {
    const { kind, namespace, name } = reference;
    this.writing?.(reference, scale, replicas);
    if (this.refusal !== undefined) return { kind: "refused", message: this.refusal };
    const resource = resources[kind];
    const object = resource && this.#backend.get(resource, namespace, name);
    if (resource === undefined || object === undefined) return { kind: "notFound" };
    const { uid, resourceVersion } = object.metadata;
    if (uid !== scale.uid || resourceVersion !== scale.resourceVersion) return { kind: "conflict" };
    const outcome = await this.#backend.update(resource, {
      ...object,
      spec: { ...(object["spec"] as Fields), replicas },
    });
    return outcome.kind === "written" ? { kind: "written", scale: scaleOf(outcome.object) } : outcome;
  }

  watch({ kind, namespace, name }: ScaleReference, changed: () => void): Disposable {
    const stopping = new AbortController();
    const resource = resources[kind];
    let isOpen = false;
    if (resource)
      this.#backend.watch(
        resource,
        (event) => {
          if (event.kind === "synced" || !isOpen) return;
          const { metadata } = event.object;
          if (metadata.name === name && metadata.namespace === namespace) changed();
        },
        stopping.signal,
      );
    isOpen = true;
    return { [Symbol.dispose]: () => stopping.abort(new Bug("nobody watches any more")) };
  }
}

function scaleOf(object: ApiObject): Scale {
  const spec = (object["spec"] ?? {}) as Fields;
  const status = (object["status"] ?? {}) as Fields;
  const selector = status["selector"];
  return {
    uid: object.metadata.uid,
    resourceVersion: object.metadata.resourceVersion ?? "",
    specReplicas: Number(spec["replicas"] ?? 0),
    statusReplicas: Number(status["replicas"] ?? 0),
    selector: typeof selector === "string" ? selector : "",
  };
}
