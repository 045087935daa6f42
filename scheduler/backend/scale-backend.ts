/** autoscaling/v1 Scale, of whatever kind has the subresource. */
export interface ScaleReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
}

export interface Scale {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly specReplicas: number;
  readonly statusReplicas: number;
  /** The labels of its instances, as text; empty: it says nothing of it. */
  readonly selector: string;
}

export type ScaleReading =
  | { readonly kind: "found"; readonly scale: Scale }
  /** `message` says what was looked for and what to do. */
  | { readonly kind: "noKind" | "noScale" | "notFound"; readonly message: string };

export type ScaleOutcome =
  | { readonly kind: "written"; readonly scale: Scale }
  /** It has changed meanwhile: read again, decide again. */
  | { readonly kind: "conflict" }
  | { readonly kind: "notFound" }
  /** The object does not allow it (admission, validation). */
  | { readonly kind: "refused"; readonly message: string };

/** Reads and sets numbers of replicas. Rejects with a retryable `WherryError` (code `BackendUnavailable`) while the store or the API server is down. */
export interface ScaleBackend {
  read(reference: ScaleReference): Promise<ScaleReading>;
  /** If `scale` is still current. */
  write(reference: ScaleReference, scale: Scale, replicas: number): Promise<ScaleOutcome>;
  /** `changed` is called when `read` may answer something else: numbers, uid, selector, or the kind itself. Not from within `watch`. */
  watch(reference: ScaleReference, changed: () => void): Disposable;
}
