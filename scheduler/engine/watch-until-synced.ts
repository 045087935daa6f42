import type { Backend, BackendEvent, ResourceKey } from "../backend/backend.ts";

/** Tells of all objects of a resource and of every change, until `signal` aborts. Resolves when what existed has been told. */
export function watchUntilSynced(
  backend: Backend,
  resource: ResourceKey,
  listener: (event: BackendEvent) => void,
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve) => {
    backend.watch(
      resource,
      (event) => {
        listener(event);
        if (event.kind === "synced") resolve();
      },
      signal,
    );
  });
}
