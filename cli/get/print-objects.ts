import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { getObject, listObjects, listPages, resourcePath } from "../client/objects.ts";
import { isNotFound } from "../client/status-error.ts";
import type { GetRequest, GetTarget } from "./request.ts";
import { describeError } from "../error-text.ts";
import { AlreadyReported } from "../failure.ts";
import { formatColumns } from "../output/table.ts";
import { toYaml } from "../output/yaml.ts";
import { objectReference } from "../resources/resource.ts";
import { tableAccept, TableReader, type TableAnswer } from "../resources/server-table.ts";
import type { Terminal } from "../terminal.ts";

/** `get` without `-w`. One target that fails does not hide the others. */
export async function printObjects(
  client: ApiClient,
  terminal: Terminal,
  targets: readonly GetTarget[],
  request: GetRequest,
): Promise<void> {
  const failures: unknown[] = [];
  const attempt = <T>(promise: Promise<T>) =>
    promise.catch((error: unknown) => {
      if (!(request.ignoreNotFound && isNotFound(error))) failures.push(error);
      return undefined;
    });
  if (request.format === "table" || request.format === "wide") {
    await printTables(client, terminal, targets, request, attempt);
  } else {
    const results = await Promise.all(targets.map((target) => attempt(readObjects(client, target, request))));
    const objects = results.flatMap((result) => result ?? []);
    const single = targets.length === 1 && targets[0]?.selection.name !== undefined;
    if (!single || objects.length > 0) {
      await terminal.out(formatObjects(objects, single, targets, request));
    }
  }
  if (failures.length === 0) return;
  if (failures.length === 1 && targets.length === 1) throw failures[0];
  for (const failure of failures) await terminal.err(`${describeError(failure)}\n`);
  throw new AlreadyReported();
}

type Attempt = <T>(promise: Promise<T>) => Promise<T | undefined>;

interface PrintedTable {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

async function printTables(
  client: ApiClient,
  terminal: Terminal,
  targets: readonly GetTarget[],
  request: GetRequest,
  attempt: Attempt,
): Promise<void> {
  const kinds = new Set(targets.map(({ selection }) => selection.resource)).size;
  const results = await Promise.all(
    targets.map((target) => attempt(readTable(client, terminal, target, request, kinds > 1))),
  );
  let printed = 0;
  // Neighbouring targets of one resource (`get wd a b`) share one table.
  for (let at = 0; at < targets.length;) {
    const { resource } = targets[at]?.selection ?? {};
    const group: PrintedTable[] = [];
    for (; at < targets.length && targets[at]?.selection.resource === resource; at++) {
      const table = results[at];
      if (table) group.push(table);
    }
    const rows = group.flatMap((table) => table.rows);
    if (rows.length === 0) continue;
    const header = request.headers ? [group[0]?.header ?? []] : [];
    await terminal.out(`${printed > 0 ? "\n" : ""}${formatColumns([...header, ...rows])}`);
    printed += rows.length;
  }
  const listing = targets.some(({ selection }) => selection.name === undefined);
  if (printed === 0 && listing && !request.ignoreNotFound && results.every((table) => table !== undefined)) {
    const namespace = targets.find((target) => target.namespace !== undefined)?.namespace;
    await terminal.err(
      namespace === undefined ? "No resources found\n" : `No resources found in ${namespace} namespace.\n`,
    );
  }
}

async function readTable(
  client: ApiClient,
  terminal: Terminal,
  { selection, namespace }: GetTarget,
  request: GetRequest,
  showKind: boolean,
): Promise<PrintedTable> {
  const { resource, name } = selection;
  const reader = tableReader(terminal, { selection, namespace }, request, showKind);
  const rows: (readonly string[])[] = [];
  if (name === undefined) {
    const query = { labelSelector: request.selector, fieldSelector: request.fieldSelector };
    for await (const page of listPages<TableAnswer>(client, resource, namespace, query, tableAccept)) {
      rows.push(...reader.rows(page));
    }
  } else {
    const path = resourcePath(resource, namespace, name);
    rows.push(...reader.rows(await client.request<TableAnswer>({ path, accept: tableAccept })));
  }
  return { header: reader.header(), rows };
}

export function tableReader(
  terminal: Terminal,
  { selection }: GetTarget,
  request: GetRequest,
  showKind: boolean,
): TableReader {
  const view = {
    wide: request.format === "wide",
    showNamespace: request.allNamespaces === true && selection.resource.namespaced,
    showLabels: request.showLabels === true,
    showKind,
  };
  return new TableReader(selection.resource, view, () => terminal.clock.now());
}

async function readObjects(
  client: ApiClient,
  { selection, namespace }: GetTarget,
  request: GetRequest,
): Promise<readonly ApiObject[]> {
  const { resource, name } = selection;
  if (name !== undefined) return [await getObject(client, resource, namespace, name)];
  const query = { labelSelector: request.selector, fieldSelector: request.fieldSelector };
  return (await listObjects(client, resource, namespace, query)).items;
}

function formatObjects(
  objects: readonly ApiObject[],
  single: boolean,
  targets: readonly GetTarget[],
  request: GetRequest,
): string {
  if (request.format === "name") return objects.map((object) => referenceOf(object, targets)).join("");
  const shown = objects.map((object) => withoutManagedFields(object, request));
  const value = single
    ? shown[0]
    : { apiVersion: "v1", kind: "List", metadata: { resourceVersion: "" }, items: shown };
  return formatValue(value, request);
}

/** Objects in yaml, json or by name; `---` keeps yaml documents of a watch apart. */
export function formatObject(object: ApiObject, target: GetTarget, request: GetRequest): string {
  if (request.format === "name") return referenceOf(object, [target]);
  const text = formatValue(withoutManagedFields(object, request), request);
  return request.format === "yaml" ? `---\n${text}` : text;
}

function formatValue(value: unknown, request: GetRequest): string {
  return request.format === "yaml" ? toYaml(value) : `${JSON.stringify(value, undefined, 4)}\n`;
}

function referenceOf(object: ApiObject, targets: readonly GetTarget[]): string {
  const resource = targets.find(({ selection }) => selection.resource.kind === object.kind)?.selection
    .resource;
  return resource ? `${objectReference(resource, object.metadata.name)}\n` : `${object.metadata.name}\n`;
}

/** Who set which field is noise to a reader, and as long as the object itself. */
function withoutManagedFields(object: ApiObject, request: GetRequest): ApiObject {
  if (request.showManagedFields) return object;
  const { managedFields: _, ...metadata } = object.metadata;
  return { ...object, metadata };
}
