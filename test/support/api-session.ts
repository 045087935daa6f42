import type { Answer, CallOptions, TestServer } from "../../scheduler/apiserver/testing/test-server.ts";

/** Waits until a definition is served. */
export async function define(server: TestServer, definition: object): Promise<void> {
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  const { body } = expectCode(201, await server.call("POST", path, { body: definition }));
  const name = String(body.metadata.name);
  using watch = server.watch(`${path}?watch=true&fieldSelector=metadata.name%3D${name}`);
  for (let event = await watch.next(); event; event = await watch.next()) {
    const conditions = (event.object.status?.conditions ?? []) as readonly Condition[];
    if (conditions.some(({ type, status }) => type === "Established" && status === "True")) return;
  }
  throw new Error(`${name} was never established`);
}

interface Condition {
  readonly type: string;
  readonly status: string;
}

/** A definition with one version, v1, of a namespaced kind. `schema` is that of the whole object. */
export function definitionOf(plural: string, group: string, schema: object, more: object = {}): object {
  const kind = plural.charAt(0).toUpperCase() + plural.slice(1, -1);
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: "Namespaced",
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [{ name: "v1", served: true, storage: true, schema: { openAPIV3Schema: schema }, ...more }],
    },
  };
}

export function expectCode(code: number, answer: Answer): Answer {
  if (answer.code === code) return answer;
  throw new Error(`expected ${code}, got ${answer.code}: ${answer.text}`);
}

export function inNamespace(namespace: string, plural: string, root = "/api/v1"): string {
  return `${root}/namespaces/${namespace}/${plural}`;
}

/** A namespace of the test's own. */
export async function newNamespace(server: TestServer, name: string, metadata: object = {}): Promise<void> {
  const body = { apiVersion: "v1", kind: "Namespace", metadata: { name, ...metadata } };
  expectCode(201, await server.call("POST", "/api/v1/namespaces", { body }));
}

/** Server-side apply. */
export function apply(
  server: TestServer,
  path: string,
  manager: string,
  body: unknown,
  options: CallOptions & { readonly force?: boolean; readonly query?: string } = {},
): Promise<Answer> {
  const { force, query = "", ...rest } = options;
  const url = `${path}?fieldManager=${manager}${force ? "&force=true" : ""}${query}`;
  return server.call("PATCH", url, { body, type: "application/apply-patch+yaml", ...rest });
}
