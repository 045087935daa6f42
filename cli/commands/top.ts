import type { Command } from "commander";
import type { WasmInstance, WasmNode } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import { getObject, listObjects } from "../client/objects.ts";
import type { CommandContext } from "../command.ts";
import type { Connection } from "../connection.ts";
import { Failure } from "../failure.ts";
import { formatColumns } from "../output/table.ts";
import { findResource } from "../resources/resolve.ts";
import { isOurs, type Resource } from "../resources/resource.ts";
import { instanceRows, type SortKey, sortKeys } from "../top/instance-usage.ts";
import { nodeRows } from "../top/node-usage.ts";

interface TopOptions {
  readonly selector?: string;
  readonly allNamespaces?: boolean;
  readonly sortBy?: string;
}

/** Short for what `top` is about; everything else is found as `get` finds it. */
const words: Readonly<Record<string, string>> = {
  instance: "wasminstances",
  instances: "wasminstances",
  node: "wasmnodes",
  nodes: "wasmnodes",
};

export function define(command: Command, { terminal, connect }: CommandContext): void {
  command
    .argument("<what>", "instances or nodes")
    .argument("[name]", "only this one")
    .option("-l, --selector <labels>", "only objects with these labels")
    .option("-A, --all-namespaces", "instances of all namespaces")
    .option("--sort-by <column>", `of instances, the largest first: ${sortKeys.join(", ")}`)
    .action(async (what: string, name: string | undefined, options: TopOptions) => {
      const sortBy = options.sortBy === undefined ? undefined : parseSortKey(options.sortBy);
      const connection = await connect();
      const resource = findResource(await connection.resources(), words[what] ?? what);
      const rows = await topRows(connection, resource, { ...options, what, name, sortBy });
      if (rows.length > 1) await terminal.out(formatColumns(rows));
      else await terminal.err("No resources found\n");
    });
}

interface TopQuery extends Omit<TopOptions, "sortBy"> {
  readonly what: string;
  readonly name: string | undefined;
  readonly sortBy: SortKey | undefined;
}

function topRows(
  connection: Connection,
  resource: Resource | undefined,
  query: TopQuery,
): Promise<readonly (readonly string[])[]> {
  if (resource && isOurs(resource) && resource.kind === "WasmInstance")
    return topInstances(connection, resource, query);
  if (resource && isOurs(resource) && resource.kind === "WasmNode")
    return topNodes(connection, resource, query);
  throw new Failure(`wherry top shows what instances or nodes use; it knows nothing of "${query.what}"`);
}

function parseSortKey(text: string): SortKey {
  const known = sortKeys.find((key) => key === text);
  if (known === undefined)
    throw new Failure(`--sort-by "${text}" is not known; it is one of ${sortKeys.join(", ")}`);
  return known;
}

async function topInstances(
  connection: Connection,
  resource: Resource,
  { name, allNamespaces = false, selector, sortBy }: TopQuery,
): Promise<readonly (readonly string[])[]> {
  if (allNamespaces && name !== undefined)
    throw new Failure("a resource cannot be retrieved by name across all namespaces");
  const namespace = allNamespaces ? undefined : connection.namespace;
  const objects = await read(connection, resource, namespace, name, selector);
  const instances = objects as readonly unknown[] as readonly WasmInstance[];
  return instanceRows(instances, { sortBy, showNamespace: allNamespaces });
}

async function topNodes(
  connection: Connection,
  resource: Resource,
  { name, selector }: TopQuery,
): Promise<readonly (readonly string[])[]> {
  const instances = findResource(await connection.resources(), "wasminstances.live.wherry.dev");
  const [nodes, running] = await Promise.all([
    read(connection, resource, undefined, name, selector),
    instances ? read(connection, instances, undefined, undefined, undefined) : [],
  ]);
  return nodeRows(
    nodes as readonly unknown[] as readonly WasmNode[],
    running as readonly unknown[] as readonly WasmInstance[],
  );
}

async function read(
  { client }: Connection,
  resource: Resource,
  namespace: string | undefined,
  name: string | undefined,
  selector: string | undefined,
): Promise<readonly ApiObject[]> {
  if (name !== undefined) return [await getObject(client, resource, namespace, name)];
  return (await listObjects(client, resource, namespace, { labelSelector: selector })).items;
}
