import type { WasmInstance, WasmNode, WorkloadUsage } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";
import { assertNever } from "../../kit/errors.ts";
import { getObject, listObjects, listPages, type ObjectList } from "../client/objects.ts";
import type { Connection } from "../connection.ts";
import { Failure } from "../failure.ts";
import { findResource } from "../resources/resolve.ts";
import type { Resource } from "../resources/resource.ts";
import { instanceColumns, instanceRow, type InstanceRow } from "./instance-usage.ts";
import { addInstances, type NodeAccount } from "../nodes/node-account.ts";
import { nodeColumns, type NodeRow, nodeRows } from "./node-usage.ts";
import { requireSortKey, sortRows, type TableForm, tableLines, type TopColumn } from "./top-table.ts";
import { workloadColumns, workloadRow, type WorkloadRow } from "./workload-usage.ts";

/** What `top` is about. */
export type TopSubject =
  | { readonly kind: "nodes"; readonly resource: Resource }
  | { readonly kind: "instances"; readonly resource: Resource }
  /** `only`: of this kind. */
  | { readonly kind: "workloads"; readonly resource: Resource; readonly only: string | undefined };

export interface TopQuery {
  readonly name: string | undefined;
  readonly selector: string | undefined;
  readonly allNamespaces: boolean;
  readonly sortBy: string | undefined;
}

/** What there was at one moment, sorted. */
export interface TopSight {
  readonly count: number;
  lines(form: TableForm): readonly string[];
}

/** What looks at the cluster when it is called. Throws at once where the query makes no sense. */
export function lookAt(
  connection: Connection,
  subject: TopSubject,
  query: TopQuery,
): () => Promise<TopSight> {
  if (query.allNamespaces && query.name !== undefined && subject.kind !== "nodes")
    throw new Failure("a resource cannot be retrieved by name across all namespaces");
  switch (subject.kind) {
    case "nodes":
      return looking(nodeColumns, query, () => readNodes(connection, subject.resource, query));
    case "instances":
      return looking(inNamespaces(instanceColumns, query), query, () =>
        readInstances(connection, subject.resource, query),
      );
    case "workloads":
      return looking(inNamespaces(workloadColumns, query), query, () =>
        readWorkloads(connection, subject, query),
      );
    default:
      return assertNever(subject, "subject");
  }
}

function looking<Row>(
  columns: readonly TopColumn<Row>[],
  { sortBy }: TopQuery,
  read: () => Promise<readonly Row[]>,
): () => Promise<TopSight> {
  const key = sortBy === undefined ? undefined : requireSortKey(columns, sortBy);
  return async () => {
    const found = await read();
    const rows = key === undefined ? found : sortRows({ columns, rows: found }, key);
    return { count: rows.length, lines: (form) => tableLines({ columns, rows }, form) };
  };
}

function inNamespaces<Row extends { readonly namespace: string }>(
  columns: readonly TopColumn<Row>[],
  { allNamespaces }: TopQuery,
): readonly TopColumn<Row>[] {
  if (!allNamespaces) return columns;
  const namespace = ({ namespace: text }: Row) => text;
  return [
    { key: "namespace", header: "NAMESPACE", dispensable: 0, text: namespace, value: namespace },
    ...columns,
  ];
}

async function readNodes(
  connection: Connection,
  resource: Resource,
  { name, selector }: TopQuery,
): Promise<readonly NodeRow[]> {
  const { client } = connection;
  const [nodes, accounts] = await Promise.all([
    name === undefined
      ? listObjects(client, resource, undefined, { labelSelector: selector }).then(({ items }) => items)
      : getObject(client, resource, undefined, name).then((object) => [object]),
    readAccounts(connection),
  ]);
  // The resource is ours, so that its objects are of the type made from our schema.
  return nodeRows(nodes as readonly unknown[] as readonly WasmNode[], accounts);
}

async function readAccounts(connection: Connection): Promise<ReadonlyMap<string, NodeAccount>> {
  const accounts = new Map<string, NodeAccount>();
  const resource = findResource(await connection.resources(), "wasminstances.live.wherry.dev");
  if (!resource) return accounts;
  for await (const { items = [] } of listPages<ObjectList>(connection.client, resource, undefined, {}))
    addInstances(accounts, items as readonly unknown[] as readonly WasmInstance[]);
  return accounts;
}

async function readInstances(
  connection: Connection,
  resource: Resource,
  query: TopQuery,
): Promise<readonly InstanceRow[]> {
  const { name } = query;
  const toRow = (object: ApiObject) => instanceRow(object as unknown as WasmInstance) ?? [];
  if (name === undefined) return readRows(connection, resource, query, undefined, toRow);
  return [await getObject(connection.client, resource, connection.namespace, name)].flatMap(toRow);
}

async function readWorkloads(
  connection: Connection,
  { resource, only }: TopSubject & { readonly kind: "workloads" },
  query: TopQuery,
): Promise<readonly WorkloadRow[]> {
  const { name } = query;
  const fields = [
    ...(only === undefined ? [] : [`spec.workload.kind=${only}`]),
    ...(name === undefined ? [] : [`spec.workload.name=${name}`]),
  ];
  const fieldSelector = fields.length === 0 ? undefined : fields.join(",");
  const rows = await readRows(connection, resource, query, fieldSelector, (object) =>
    workloadRow(object as unknown as WorkloadUsage),
  );
  if (rows.length > 0 || name === undefined) return rows;
  throw new Failure(
    `there is no ${only ?? "workload"} "${name}" in the namespace ${connection.namespace}, or it has ended`,
  );
}

/** Page by page, so that not all objects of a large cluster are in memory at once. */
async function readRows<Row>(
  { client, namespace }: Connection,
  resource: Resource,
  { allNamespaces, selector }: TopQuery,
  fieldSelector: string | undefined,
  toRow: (object: ApiObject) => Row | readonly Row[],
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  const query = { labelSelector: selector, fieldSelector };
  const pages = listPages<ObjectList>(client, resource, allNamespaces ? undefined : namespace, query);
  for await (const { items = [] } of pages) rows.push(...items.flatMap(toRow));
  return rows;
}
