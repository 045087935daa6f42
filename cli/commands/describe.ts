import type { Command } from "commander";
import type { ApiObject } from "../../api/object-meta.ts";
import type { InstanceExplanation, WasmInstance } from "../../api/gen/kinds.gen.ts";
import type { Connection } from "../connection.ts";
import { getObject, listObjects, resourcePath } from "../client/objects.ts";
import { ApiStatusError } from "../client/status-error.ts";
import { describeObject } from "../describe/describe-object.ts";
import type { CommandContext } from "../command.ts";
import { shortExplanation } from "../explain/explanation-text.ts";
import { isOwnedBy } from "../logs/instances.ts";
import { findResource, resolveSelections } from "../resources/resolve.ts";
import { isOurs, type Resource } from "../resources/resource.ts";

interface DescribeOptions {
  readonly selector?: string;
  readonly allNamespaces?: boolean;
}

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .argument("<type...>", "TYPE [NAME...] or TYPE/NAME...")
    .option("-l, --selector <labels>", "only objects with these labels")
    .option("-A, --all-namespaces", "objects of all namespaces")
    .action(async (args: readonly string[], options: DescribeOptions) => {
      const connection = await connect();
      let described = 0;
      for (const { resource, name } of resolveSelections(await connection.resources(), args)) {
        const namespace = resource.namespaced && !options.allNamespaces ? connection.namespace : undefined;
        const objects =
          name === undefined
            ? (await listObjects(connection.client, resource, namespace, { labelSelector: options.selector }))
                .items
            : [await getObject(connection.client, resource, namespace, name)];
        for (const object of objects) {
          const now = terminal.clock.now();
          const [events, instances, placement] = await Promise.all([
            eventsOf(connection, object),
            instancesOf(connection, resource, object),
            placementOf(connection, resource, object, now),
          ]);
          const text = describeObject(object, { events, instances, placement, now });
          await terminal.out(described++ > 0 ? `\n\n${text}` : text);
        }
      }
      if (described === 0) await terminal.err("No resources found\n");
    });
}

/** Events are an extra: a server that has none, or may not show them, still gets its object described. */
async function eventsOf(connection: Connection, object: ApiObject): Promise<readonly ApiObject[]> {
  const events = (await connection.resources()).find(
    ({ group, plural }) => group === "" && plural === "events",
  );
  if (!events) return [];
  const { name, namespace, uid } = object.metadata;
  const fields = { name, namespace, kind: object.kind, uid };
  const fieldSelector = Object.entries(fields)
    .filter(([, value]) => value !== undefined && value !== "")
    .map(([field, value]) => `involvedObject.${field}=${value}`)
    .join(",");
  try {
    const list = await listObjects(connection.client, events, namespace ?? "default", { fieldSelector });
    return list.items;
  } catch (error) {
    if (error instanceof ApiStatusError) return [];
    throw error;
  }
}

/** Why an instance is where it is, in short. An extra, as events are. */
async function placementOf(
  { client }: Connection,
  resource: Resource,
  { metadata: { name, namespace } }: ApiObject,
  now: number,
): Promise<readonly string[]> {
  if (!isOurs(resource) || resource.kind !== "WasmInstance") return [];
  try {
    const path = resourcePath(resource, namespace, name, "explain");
    return shortExplanation(await client.request<InstanceExplanation>({ path, query: { limit: "1" } }), now);
  } catch (error) {
    if (error instanceof ApiStatusError) return [];
    throw error;
  }
}

/** The instances of one of our workloads, for a node those of all; undefined for anything else. */
async function instancesOf(
  connection: Connection,
  resource: Resource,
  object: ApiObject,
): Promise<readonly WasmInstance[] | undefined> {
  const instances = findResource(await connection.resources(), "wasminstances.live.wherry.dev");
  if (!instances || !isOurs(resource)) return undefined;
  if (resource.kind === "WasmNode") return await allInstances(connection, instances);
  if (!hasTemplate(object["spec"])) return undefined;
  const { items } = await listObjects(connection.client, instances, object.metadata.namespace);
  return (items as readonly unknown[] as readonly WasmInstance[]).filter((instance) =>
    isOwnedBy(instance, object.kind, object.metadata.name),
  );
}

/** undefined for who may see the node but not the instances of all namespaces. */
async function allInstances(
  { client }: Connection,
  instances: Resource,
): Promise<readonly WasmInstance[] | undefined> {
  try {
    const { items } = await listObjects(client, instances, undefined);
    return items as readonly unknown[] as readonly WasmInstance[];
  } catch (error) {
    if (error instanceof ApiStatusError) return undefined;
    throw error;
  }
}

function hasTemplate(spec: unknown): boolean {
  return typeof spec === "object" && spec !== null && "template" in spec;
}
