/**
 * A small API server over real HTTPS: enough of the Kubernetes protocol for the client to be tried against. Objects are
 * kept by path, every write gives them a new resourceVersion, and watches see it.
 */
import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { EventEmitter, once } from "node:events";
import { readFileSync } from "node:fs";
import {
  collectionOf,
  discovery,
  merge,
  notFound,
  resources,
  toTable,
  type TestObject,
} from "./test-answers.ts";
import type { CertificateFiles } from "../local/certificates.ts";

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

interface HistoryEvent {
  readonly version: number;
  readonly path: string;
  readonly type: string;
  readonly object: TestObject;
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
  readonly #history: HistoryEvent[] = [];
  readonly #events = new EventEmitter();
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
    const metadata = { ...object.metadata, resourceVersion: String(++this.#version) };
    this.#tell(path, "DELETED", { ...object, metadata });
  }

  /** How many watches are open. */
  get watching(): number {
    return this.#watchers.size;
  }

  endWatches(): void {
    for (const { response } of this.#watchers) response.end();
    this.#watchers.clear();
  }

  /** As a server that no longer has the changes since what its clients know. */
  expireWatches(): void {
    const object = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version" };
    for (const { response } of this.#watchers) response.end(`${JSON.stringify({ type: "ERROR", object })}\n`);
    this.#watchers.clear();
  }

  /** Resolves when so many watches are open. */
  async watched(count: number): Promise<void> {
    while (this.#watchers.size < count) await once(this.#events, "watch");
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
    const event = { version: this.#version, path, type, object: structuredClone(object) };
    this.#history.push(event);
    for (const watcher of this.#watchers) sendEvent(watcher, event);
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
      const since = Number(query.get("resourceVersion") ?? this.#version);
      for (const event of this.#history) if (event.version > since) sendEvent(watcher, event);
      this.#watchers.add(watcher);
      this.#events.emit("watch");
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

function sendEvent({ prefix, name, response, table }: Watcher, { path, type, object }: HistoryEvent): void {
  if (!path.startsWith(`${prefix}/`)) return;
  if (name !== undefined && name !== object.metadata.name) return;
  const shown = table ? { ...toTable([object]), columnDefinitions: null } : object;
  response.write(`${JSON.stringify({ type, object: shown })}\n`);
}
