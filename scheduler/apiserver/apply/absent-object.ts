import type { JsonObject, ResourceDefinition } from "../resource.ts";
import { conflict } from "../status.ts";
import { asMap } from "./shape.ts";

/** Who applies to an object with a uid means the one that was there, and creates no other in its place. */
export function refuseUidOfAbsent(resource: ResourceDefinition, name: string, config: JsonObject): void {
  const { uid } = asMap(config["metadata"]);
  if (typeof uid !== "string" || uid === "") return;
  throw conflict(
    resource,
    name,
    `uid mismatch: the provided object specified uid ${uid}, and no existing object was found`,
  );
}
