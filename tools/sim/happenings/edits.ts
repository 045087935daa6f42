import type { ApiObject } from "../../../api/object-meta.ts";
import type { Cluster } from "../cluster.ts";
import { objectsIn } from "../objects-in.ts";

export type Fields = Readonly<Record<string, unknown>>;

export function some({ store, dice }: Cluster, plural: string): ApiObject | undefined {
  const objects = objectsIn(store, plural);
  return objects.length === 0 ? undefined : dice.pick(objects);
}

/** Changes the spec of an object, as an apply does. */
export function edit({ store }: Cluster, plural: string, object: ApiObject, change: Fields): string {
  const spec = { ...(object["spec"] as Fields), ...change };
  store.put(plural, { ...object, spec });
  return `people edit ${plural} ${object.metadata.name}: ${JSON.stringify(change)}`;
}
