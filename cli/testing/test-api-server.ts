/**
 * A small API server over real HTTPS: enough of the Kubernetes protocol for the client to be tried against. Objects are
 * kept by path, every write gives them a new resourceVersion, and watches see it.
 */
import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { CertificateFiles } from "../local/certificates.ts";

interface TestObject {
  apiVersion: string;
  kind: string;
  metadata: Record<string, unknown> & { name: string; namespace?: string };
  [field: string]: unknown;
}

interface TestResource {
  readonly group: string;
  readonly plural: string;
  readonly kind: string;
  readonly short: readonly string[];
  readonly namespaced: boolean;
}

const resources: readonly TestResource[] = [
  { group: "", plural: "configmaps", kind: "ConfigMap", short: ["cm"], namespaced: true },
  { group: "", plural: "events", kind: "Event", short: ["ev"], namespaced: true },
  { group: "wherry.dev", plural: "wasmdeployments", kind: "WasmDeployment", short: ["wd"], namespaced: true },
  { group: "wherry.dev", plural: "wasmcronjobs", kind: "WasmCronJob", short: ["wcj"], namespaced: true },
  { group: "wherry.dev", plural: "wasmjobs", kind: "WasmJob", short: ["wj"], namespaced: true },
  { group: "wherry.dev", plural: "wasmnodes", kind: "WasmNode", short: ["wn"], namespaced: false },
  {
    group: "live.wherry.dev",
    plural: "wasminstances",
    kind: "WasmInstance",
    short: ["wi"],
    namespaced: true,
  },
  {
    group: "live.wherry.dev",
    plural: "placementsimulations",
    kind: "PlacementSimulation",
    short: [],
    namespaced: false,
  },
];

export interface RecordedRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
  readonly contentType: string | undefined;
}

interface Watcher {
  readonly prefix: string;
  readonly name: string | undefined;
  readonly response: ServerResponse;
  readonly table: boolean;
}

export class TestApiServer implements AsyncDisposable {
  readonly requests: RecordedRequest[] = [];
  readonly objects = new Map<string, TestObject>();
  /** Logs by instance; a request with `follow` stays open until `endLog`. */
  readonly logs = new Map<string, string>();
  /** By the names of instances. */
  readonly explanations = new Map<string, object>();
  /** What simulations answer. */
  simulation: unknown = {};
  /** What `/backup` answers; with `breaksOff` the connection ends in the middle of it. */
  backup: { content: Buffer; breaksOff: boolean } = { content: Buffer.alloc(0), breaksOff: false };
  /** Answers the next request to a path otherwise than usual. */
  readonly refusals = new Map<string, { readonly code: number; readonly status: object }>();
  readonly token = "secret-token";
  readonly #server: Server;
  readonly #watchers = new Set<Watcher>();
  readonly #followers = new Set<ServerResponse>();
  #version = 100;

  private constructor(files: CertificateFiles) {
    const tls = { cert: readFileSync(files.certificate), key: readFileSync(files.key) };
    this.#server = createServer(tls, (request, response) => void this.#answer(request, response));
  }

  static async start(files: CertificateFiles): Promise<TestApiServer> {
    const server = new TestApiServer(files);
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    return `https://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  put(path: string, object: TestObject): void {
    const event = this.objects.has(path) ? "MODIFIED" : "ADDED";
    const version = String(++this.#version);
    object.metadata = {
      uid: `uid-${object.metadata.name}`,
      creationTimestamp: "2025-12-31T23:59:00Z",
      ...object.metadata,
      resourceVersion: version,
    };
    this.objects.set(path, object);
    this.#tell(path, event, object);
  }

  remove(path: string): void {
    const object = this.objects.get(path);
    if (!object) return;
    this.objects.delete(path);
    this.#tell(path, "DELETED", object);
  }

  /** How many watches are open. */
  get watching(): number {
    return this.#watchers.size;
  }

  endWatches(): void {
    for (const { response } of this.#watchers) response.end();
  }

  endLogs(): void {
    for (const response of this.#followers) response.end();
    this.#followers.clear();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  #tell(path: string, type: string, object: TestObject): void {
    for (const { prefix, name, response, table } of this.#watchers) {
      if (path !== `${prefix}/${object.metadata.name}` && !path.startsWith(`${prefix}/`)) continue;
      if (name !== undefined && name !== object.metadata.name) continue;
      const shown = table ? { ...toTable([object]), columnDefinitions: null } : object;
      response.write(`${JSON.stringify({ type, object: shown })}\n`);
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "", "https://localhost");
    const text = Buffer.concat(await request.toArray()).toString("utf8");
    const recorded: RecordedRequest = {
      method: request.method ?? "",
      path: url.pathname,
      query: url.searchParams,
      body: text === "" ? undefined : JSON.parse(text),
      contentType: request.headers["content-type"],
    };
    this.requests.push(recorded);
    const send = (code: number, body: unknown) => {
      response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(body));
    };
    if (request.headers.authorization !== `Bearer ${this.token}`) {
      send(401, { kind: "Status", reason: "Unauthorized", message: "Unauthorized", code: 401 });
      return;
    }
    const refusal = this.refusals.get(`${recorded.method} ${url.pathname}`);
    if (refusal) send(refusal.code, { kind: "Status", code: refusal.code, ...refusal.status });
    else if (url.pathname === "/api" || url.pathname === "/apis")
      send(200, discovery(url.pathname === "/api"));
    else if (url.pathname === "/version") send(200, { gitVersion: "v1.36.0-wherry" });
    else if (url.pathname === "/backup") this.#sendBackup(response);
    else if (url.pathname.endsWith("/placementsimulations"))
      send(201, { ...(recorded.body as object), status: this.simulation });
    else if (url.pathname.endsWith("/explain")) {
      const explanation = this.explanations.get(url.pathname.split("/").at(-2) ?? "");
      if (explanation) send(200, explanation);
      else send(404, notFound(url.pathname.replace(/\/explain$/, "")));
    } else if (url.pathname.endsWith("/log")) this.#log(recorded, response);
    else if (recorded.method === "GET") this.#read(recorded, request.headers.accept ?? "", response, send);
    else this.#write(recorded, send);
  }

  #sendBackup(response: ServerResponse): void {
    const { content, breaksOff } = this.backup;
    response.writeHead(200, { "content-type": "application/octet-stream" });
    if (breaksOff) response.write(content.subarray(0, 1_000), () => response.destroy());
    else response.end(content);
  }

  #log({ path, query }: RecordedRequest, response: ServerResponse): void {
    response.writeHead(200, { "content-type": "text/plain" });
    response.write(this.logs.get(path.split("/").at(-2) ?? "") ?? "");
    if (query.get("follow") === "true") this.#followers.add(response);
    else response.end();
  }

  #read(
    { path, query }: RecordedRequest,
    accept: string,
    response: ServerResponse,
    send: (code: number, body: unknown) => void,
  ): void {
    const table = accept.includes("as=Table");
    const name = /metadata\.name=([^,]+)/.exec(query.get("fieldSelector") ?? "")?.[1];
    const wanted = (key: string) =>
      resources.some(({ plural }) => path.endsWith(`/${plural}`)) &&
      collectionOf(key, path) &&
      (name === undefined || key.endsWith(`/${name}`));
    if (query.get("watch") === "true") {
      response.writeHead(200, { "content-type": "application/json" }).flushHeaders();
      const watcher = { prefix: path, name, response, table };
      this.#watchers.add(watcher);
      response.once("close", () => this.#watchers.delete(watcher));
      return;
    }
    const object = this.objects.get(path);
    if (object) send(200, table ? toTable([object]) : object);
    else if (resources.some(({ plural }) => path.endsWith(`/${plural}`))) {
      const items = [...this.objects].filter(([key]) => wanted(key)).map(([, item]) => item);
      const metadata = { resourceVersion: String(this.#version) };
      send(
        200,
        table ? { ...toTable(items), metadata } : { kind: "List", apiVersion: "v1", metadata, items },
      );
    } else send(404, notFound(path));
  }

  #write({ method, path, body }: RecordedRequest, send: (code: number, body: unknown) => void): void {
    const object = body as TestObject;
    if (method === "POST") {
      this.put(`${path}/${object.metadata.name}`, object);
      send(201, object);
      return;
    }
    const target = path.replace(/\/scale$/, "");
    const current = this.objects.get(target);
    if (!current) send(404, notFound(path));
    else if (method === "DELETE") {
      this.remove(target);
      send(200, { kind: "Status", status: "Success", details: { uid: current.metadata["uid"] } });
    } else {
      const merged = merge(structuredClone(current), body) as TestObject;
      this.put(target, merged);
      send(200, merged);
    }
  }
}

/** Whether an object's path is in a collection's, which may span all namespaces. */
function collectionOf(key: string, collection: string): boolean {
  const plural = collection.slice(collection.lastIndexOf("/") + 1);
  if (key.startsWith(`${collection}/`)) return true;
  const base = collection.slice(0, collection.lastIndexOf("/"));
  return (
    !collection.includes("/namespaces/") &&
    key.startsWith(`${base}/namespaces/`) &&
    key.includes(`/${plural}/`)
  );
}

function merge(target: unknown, patch: unknown): unknown {
  if (typeof patch !== "object" || patch === null || Array.isArray(patch)) return patch;
  const result = (typeof target === "object" && target !== null ? target : {}) as Record<string, unknown>;
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merge(result[key], value);
  }
  return result;
}

function notFound(path: string) {
  const [name, plural] = path.split("/").toReversed();
  const message = `${plural}.wherry.dev "${name}" not found`;
  return { kind: "Status", status: "Failure", reason: "NotFound", message, code: 404 };
}

function toTable(objects: readonly TestObject[]) {
  return {
    kind: "Table",
    apiVersion: "meta.k8s.io/v1",
    metadata: objects.length === 1 ? { resourceVersion: objects[0]?.metadata["resourceVersion"] } : {},
    columnDefinitions: [{ name: "Name" }, { name: "Ready" }, { name: "Module", priority: 1 }],
    rows: objects.map((object) => ({
      cells: [
        object.metadata.name,
        (object["status"] as { ready?: string } | undefined)?.ready ?? null,
        "m.wasm",
      ],
      object: { kind: "PartialObjectMetadata", metadata: object.metadata },
    })),
  };
}

function discovery(core: boolean) {
  const shown = resources.filter(({ group }) => (group === "") === core);
  const groups = [...new Set(shown.map(({ group }) => group))];
  return {
    kind: "APIGroupDiscoveryList",
    items: groups.map((group) => ({
      metadata: group === "" ? {} : { name: group },
      versions: [
        {
          version: group === "" ? "v1" : "v1alpha1",
          resources: shown
            .filter((resource) => resource.group === group)
            .map(({ plural, kind, short, namespaced }) => ({
              resource: plural,
              responseKind: { kind },
              scope: namespaced ? "Namespaced" : "Cluster",
              singularResource: kind.toLowerCase(),
              shortNames: short,
              categories: group === "" ? [] : ["wherry"],
              verbs: ["get", "list", "watch"],
            })),
        },
      ],
    })),
  };
}
