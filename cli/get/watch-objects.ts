import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { listPages, type ListQuery } from "../client/objects.ts";
import { ApiStatusError } from "../client/status-error.ts";
import { watch } from "../client/watch.ts";
import type { GetRequest, GetTarget } from "./request.ts";
import { ColumnLayout } from "../output/table.ts";
import { tableAccept, type TableAnswer } from "../resources/server-table.ts";
import type { Terminal } from "../terminal.ts";
import { formatObject, tableReader } from "./print-objects.ts";

/** Prints a list, and then every change. */
type Printer<T> = (answer: T, isList: boolean) => Promise<void>;

/** `get -w`: lists, then prints changes until the process is interrupted or `signal` aborts. */
export async function watchObjects(
  client: ApiClient,
  terminal: Terminal,
  targets: readonly GetTarget[],
  request: GetRequest,
  signal: AbortSignal = new AbortController().signal,
): Promise<void> {
  const [target] = targets;
  if (!target) return;
  const follow = { client, terminal, target, request, signal };
  if (request.format === "table" || request.format === "wide") {
    await followChanges<TableAnswer>(follow, tableAccept, tablePrinter(terminal, target, request));
  } else {
    await followChanges<ListOrObject>(follow, undefined, async (answer, isList) => {
      const objects = isList ? (answer.items ?? []) : [answer as ApiObject];
      const { group, version, kind } = target.selection.resource;
      const kindOf = { apiVersion: group === "" ? version : `${group}/${version}`, kind };
      for (const object of objects) {
        await terminal.out(formatObject({ ...kindOf, ...object }, target, request));
      }
    });
  }
}

type ListOrObject = Partial<ApiObject> & {
  readonly items?: readonly ApiObject[];
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
};

interface Follow {
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly target: GetTarget;
  readonly request: GetRequest;
  readonly signal: AbortSignal;
}

async function followChanges<T extends { readonly metadata?: { readonly resourceVersion?: string } }>(
  { client, terminal, target, request, signal }: Follow,
  accept: string | undefined,
  print: Printer<T>,
): Promise<void> {
  const { resource, name } = target.selection;
  const query: ListQuery = {
    labelSelector: request.selector,
    fieldSelector: name === undefined ? request.fieldSelector : `metadata.name=${name}`,
  };
  for (let listed = false; !signal.aborted; listed = true) {
    let resourceVersion = "";
    for await (const page of listPages<T>(client, resource, target.namespace, query, accept)) {
      resourceVersion ||= page.metadata?.resourceVersion ?? "";
      if (listed || !request.watchOnly) await print(page, true);
    }
    try {
      const where = { resource, namespace: target.namespace, resourceVersion, signal };
      const events = watch<T>(client, terminal.clock, { ...query, ...where, ...(accept ? { accept } : {}) });
      for await (const { object } of events) await print(object, false);
    } catch (error) {
      // The server no longer has what came after the version we know: start again from a new list.
      if (!(error instanceof ApiStatusError && error.httpStatus === 410)) throw error;
    }
  }
}

function tablePrinter(terminal: Terminal, target: GetTarget, request: GetRequest): Printer<TableAnswer> {
  const reader = tableReader(terminal, target, request, false);
  const layout = new ColumnLayout();
  let headerPrinted = !request.headers;
  return async (answer) => {
    const rows = reader.rows(answer);
    if (rows.length === 0) return;
    await terminal.out(layout.format(headerPrinted ? rows : [reader.header(), ...rows]));
    headerPrinted = true;
  };
}
