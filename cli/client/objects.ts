import type { ApiObject } from "../../api/object-meta.ts";
import type { Resource } from "../resources/resource.ts";
import type { ApiClient } from "./api-client.ts";
import { clientLimits } from "./limits.ts";
import { ApiStatusError } from "./status-error.ts";

export interface ListQuery {
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

interface ListPage {
  readonly metadata?: { readonly continue?: string; readonly resourceVersion?: string };
}

export interface ObjectList extends ListPage {
  readonly items?: readonly ApiObject[];
}

/** The URL path of a resource, one object of it, or a subresource. No namespace: all of them, or cluster scope. */
export function resourcePath(
  resource: Resource,
  namespace: string | undefined,
  name?: string,
  subresource?: string,
): string {
  const base =
    resource.group === "" ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const scope =
    resource.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : "";
  const object = name === undefined ? "" : `/${encodeURIComponent(name)}`;
  return `${base}${scope}/${resource.plural}${object}${subresource ? `/${subresource}` : ""}`;
}

export function getObject(
  client: ApiClient,
  resource: Resource,
  namespace: string | undefined,
  name: string,
): Promise<ApiObject> {
  return client.request<ApiObject>({ path: resourcePath(resource, namespace, name) });
}

/**
 * Every page of a list, whatever its form: objects, or a table when `accept` asks for one. Where so much changes that the server no
 * longer knows what was there at the first page, the others are of later moments: what was there all the time is in it.
 */
export async function* listPages<Page extends ListPage>(
  client: ApiClient,
  resource: Resource,
  namespace: string | undefined,
  query: ListQuery,
  accept?: string,
): AsyncGenerator<Page, void, undefined> {
  let next: string | undefined;
  do {
    const from: string | undefined = next;
    const page = await pageFrom(from).catch((thrown: unknown) => pageFrom(laterToken(thrown, from)));
    yield page;
    next = page.metadata?.continue || undefined;
  } while (next !== undefined);

  function pageFrom(token: string | undefined): Promise<Page> {
    return client.request<Page>({
      path: resourcePath(resource, namespace),
      query: {
        labelSelector: query.labelSelector,
        fieldSelector: query.fieldSelector,
        limit: String(clientLimits.listPageSize),
        continue: token,
      },
      ...(accept ? { accept } : {}),
    });
  }
}

/** What the server offers instead of a token that has expired. Throws what was thrown if it is anything else. */
function laterToken(thrown: unknown, expired: string | undefined): string {
  const offered = thrown instanceof ApiStatusError ? thrown.status.metadata?.continue : undefined;
  const isExpired = thrown instanceof ApiStatusError && thrown.httpStatus === 410 && expired !== undefined;
  if (isExpired && offered !== undefined && offered !== expired) return offered;
  throw thrown;
}

export async function listObjects(
  client: ApiClient,
  resource: Resource,
  namespace: string | undefined,
  query: ListQuery = {},
): Promise<{ readonly items: readonly ApiObject[]; readonly resourceVersion: string }> {
  const items: ApiObject[] = [];
  let resourceVersion = "";
  for await (const page of listPages<ObjectList>(client, resource, namespace, query)) {
    // The server leaves out of a list's items what the list itself says.
    const kindOf = { apiVersion: groupVersion(resource), kind: resource.kind };
    items.push(...(page.items ?? []).map((item) => ({ ...kindOf, ...item })));
    resourceVersion ||= page.metadata?.resourceVersion ?? "";
  }
  return { items, resourceVersion };
}

export function groupVersion(resource: Pick<Resource, "group" | "version">): string {
  return resource.group === "" ? resource.version : `${resource.group}/${resource.version}`;
}
