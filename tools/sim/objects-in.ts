import type { ApiObject } from "../../api/object-meta.ts";
import type { FakeBackend } from "../../scheduler/testing/fake-backend.ts";

/** All objects of a kind that are stored now. */
export function objectsIn(store: FakeBackend, plural: string): readonly ApiObject[] {
  const objects: ApiObject[] = [];
  const stop = new AbortController();
  store.watch(
    { group: "", plural },
    (event) => {
      if (event.kind === "put") objects.push(event.object);
    },
    stop.signal,
  );
  stop.abort();
  return objects;
}
