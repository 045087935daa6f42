import type { Resource } from "../resources/resource.ts";
import type { ApiClient } from "./api-client.ts";
import { isNotFound } from "./status-error.ts";

/** Aggregated discovery where the server has it (Kubernetes 1.30 and later), the older lists otherwise. */
const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";

interface AggregatedResource {
  readonly resource: string;
  readonly responseKind?: { readonly kind?: string };
  readonly scope?: string;
  readonly singularResource?: string;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  readonly verbs?: readonly string[];
}

interface AggregatedGroups {
  readonly kind: "APIGroupDiscoveryList";
  readonly items?: readonly {
    readonly metadata?: { readonly name?: string };
    readonly versions?: readonly {
      readonly version: string;
      readonly resources?: readonly AggregatedResource[];
    }[];
  }[];
}

interface PlainGroups {
  readonly kind: "APIGroupList" | "APIVersions";
  readonly versions?: readonly string[];
  readonly groups?: readonly {
    readonly name: string;
    readonly versions: readonly { readonly version: string }[];
  }[];
}

interface PlainResources {
  readonly resources?: readonly {
    readonly name: string;
    readonly singularName?: string;
    readonly kind: string;
    readonly namespaced: boolean;
    readonly shortNames?: readonly string[];
    readonly categories?: readonly string[];
    readonly verbs?: readonly string[];
  }[];
}

interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** All resources of the server, core first, each group's preferred version before its others. */
export async function discover(client: ApiClient): Promise<readonly Resource[]> {
  const answers = await Promise.all(
    ["/api", "/apis"].map((path) =>
      client.request<AggregatedGroups | PlainGroups>({ path, accept }).catch((error: unknown) => {
        if (isNotFound(error)) return nothing;
        throw error;
      }),
    ),
  );
  const resources = await Promise.all(
    answers.map(async (answer) =>
      answer.kind === "APIGroupDiscoveryList" ? fromAggregated(answer) : await fromPlain(client, answer),
    ),
  );
  return resources.flat();
}

const nothing: PlainGroups = { kind: "APIGroupList", groups: [] };

function fromAggregated(answer: AggregatedGroups): readonly Resource[] {
  return (answer.items ?? []).flatMap((item) =>
    (item.versions ?? []).flatMap(({ version, resources = [] }) =>
      resources.map((resource) => ({
        group: item.metadata?.name ?? "",
        version,
        plural: resource.resource,
        singular: resource.singularResource ?? "",
        kind: resource.responseKind?.kind ?? "",
        shortNames: resource.shortNames ?? [],
        categories: resource.categories ?? [],
        namespaced: resource.scope === "Namespaced",
        verbs: resource.verbs ?? [],
      })),
    ),
  );
}

async function fromPlain(client: ApiClient, answer: PlainGroups): Promise<readonly Resource[]> {
  const groupVersions: GroupVersion[] =
    answer.kind === "APIVersions"
      ? (answer.versions ?? []).map((version) => ({ group: "", version }))
      : (answer.groups ?? []).flatMap(({ name, versions }) =>
          versions.map(({ version }) => ({ group: name, version })),
        );
  const lists = await Promise.all(
    groupVersions.map((groupVersion) => readGroupVersion(client, groupVersion)),
  );
  return lists.flat();
}

async function readGroupVersion(client: ApiClient, { group, version }: GroupVersion) {
  const path = group === "" ? `/api/${version}` : `/apis/${group}/${version}`;
  const answer = await client.request<PlainResources>({ path }).catch((error: unknown): PlainResources => {
    // A group served by somebody else's server that is down must not take all the others with it.
    if (error instanceof Error && "httpStatus" in error) return {};
    throw error;
  });
  return (answer.resources ?? [])
    .filter(({ name }) => !name.includes("/"))
    .map((resource) => ({
      group,
      version,
      plural: resource.name,
      singular: resource.singularName ?? "",
      kind: resource.kind,
      shortNames: resource.shortNames ?? [],
      categories: resource.categories ?? [],
      namespaced: resource.namespaced,
      verbs: resource.verbs ?? [],
    }));
}
