import type { CallEndpoint } from "../../../api/call-ticket.ts";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stringify } from "yaml";
import { type Clock, systemClock } from "../../../kit/clock.ts";
import { type Log, silentLog } from "../../../kit/log.ts";
import { systemRandom } from "../../../kit/random.ts";
import { openSqliteStore } from "../../store/sqlite/sqlite-store.ts";
import type { Store } from "../../store/store.ts";
import type { AuditSink } from "../audit/request-audit.ts";
import type { StaticToken } from "../authentication/static-tokens.ts";
import type { EncryptionKeys } from "../storage/encryption-keys.ts";
import type { Monitoring } from "../metrics/monitoring.ts";
import type { PlacementSimulator } from "../placement-simulator.ts";
import { ValueCodec } from "../storage/encryption.ts";
import { type ApiServer, createApiServer } from "../api-server.ts";
import type { ServiceAccountKey } from "../authentication/service-account-keys.ts";
import { TestAuthority } from "./certificate.ts";
import { FakeLiveResource } from "./fake-live-resource.ts";
import { FakeMeasuredResource } from "./fake-measured-resource.ts";
import { newServiceAccountKey } from "./service-accounts.ts";

export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
  /** The body as JSON; undefined for anything else. */
  // oxlint-disable-next-line typescript/no-explicit-any -- tests look into it freely
  readonly body: any;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly type?: string;
  readonly accept?: string;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether a watch that has begun is answer enough. */
  readonly cutsWatches?: boolean;
}

/** A whole API server on a free port, with a fake live kind, and a client for it. */
export class TestServer implements AsyncDisposable {
  readonly folder: string;
  readonly store: Store;
  readonly api: ApiServer;
  readonly live: FakeLiveResource;
  readonly usages: FakeMeasuredResource;
  readonly url: string;
  readonly ca: string;
  /** Signs the certificates of clients. */
  readonly authority: TestAuthority;
  readonly #agent: Agent;
  readonly #owned: boolean;

  private constructor(parts: {
    readonly folder: string;
    readonly store: Store;
    readonly api: ApiServer;
    readonly live: FakeLiveResource;
    readonly usages: FakeMeasuredResource;
    readonly url: string;
    readonly authority: TestAuthority;
    readonly owned: boolean;
  }) {
    this.folder = parts.folder;
    this.store = parts.store;
    this.api = parts.api;
    this.live = parts.live;
    this.usages = parts.usages;
    this.url = parts.url;
    this.authority = parts.authority;
    this.ca = parts.authority.cert;
    this.#owned = parts.owned;
    this.#agent = new Agent({ keepAlive: true, ca: this.ca });
  }

  /** `folder`: one with the store of an earlier server; otherwise a new one, removed at the end. */
  static async start(
    options: {
      readonly clock?: Clock;
      readonly folder?: string;
      readonly audit?: AuditSink;
      readonly encryption?: EncryptionKeys;
      readonly log?: Log;
      readonly simulator?: PlacementSimulator;
      readonly callEndpoints?: readonly CallEndpoint[];
      readonly monitoring?: Monitoring;
      /** Beside the administrator's. */
      readonly tokens?: readonly StaticToken[];
      /** Of an earlier server, as clients know it. */
      readonly authority?: TestAuthority;
      readonly serviceAccountKeys?: readonly ServiceAccountKey[];
      /** 0: a free one. */
      readonly port?: number;
    } = {},
  ): Promise<TestServer> {
    const { clock = systemClock } = options;
    const folder = options.folder ?? mkdtempSync(join(tmpdir(), "wherry-api-"));
    const store = await openSqliteStore({ file: join(folder, "store.db"), clock, log: silentLog });
    const live = new FakeLiveResource();
    const usages = new FakeMeasuredResource();
    const authority = options.authority ?? (await TestAuthority.create("wherry-test"));
    const api = await createApiServer({
      store,
      form: new ValueCodec(options.encryption ?? { kind: "none" }),
      clock,
      random: systemRandom,
      log: options.log ?? silentLog,
      tls: { key: authority.key, cert: authority.cert, ca: authority.cert },
      tokens: [
        { token: "secret-token", user: "admin", uid: "", groups: ["system:masters"] },
        ...(options.tokens ?? []),
      ],
      serviceAccountKeys: options.serviceAccountKeys ?? [newServiceAccountKey()],
      audit: options.audit,
      live: new Map([["wasminstances", live]]),
      measured: new Map([["workloadusages", usages]]),
      simulator: () => options.simulator,
      callEndpoints: () => options.callEndpoints ?? [],
      monitoring: () => options.monitoring,
      host: "127.0.0.1",
      port: options.port ?? 0,
    });
    const { url } = await api.listen();
    const owned = options.folder === undefined;
    return new TestServer({ folder, store, api, live, usages, url, authority, owned });
  }

  /** Writes a kubeconfig and returns its path. */
  kubeconfig(): string {
    const file = join(this.folder, "kubeconfig");
    const config = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        {
          name: "w",
          cluster: {
            server: this.url,
            "certificate-authority-data": Buffer.from(this.ca).toString("base64"),
          },
        },
      ],
      users: [{ name: "admin", user: { token: "secret-token" } }],
      contexts: [{ name: "w", context: { cluster: "w", user: "admin", namespace: "default" } }],
      "current-context": "w",
    };
    writeFileSync(file, stringify(config), { mode: 0o600 });
    return file;
  }

  async call(method: string, path: string, options: CallOptions = {}): Promise<Answer> {
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    const body = bodyOf(options.body);
    const sent = request(
      this.url + path,
      { method, agent: this.#agent, headers: headersOf(method, body, options) },
      (response) => {
        const chunks: Buffer[] = [];
        if (options.cutsWatches === true && response.statusCode === 200 && path.includes("watch=")) {
          resolve({ code: 200, headers: {}, text: "", body: undefined });
          sent.destroy();
        }
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString("utf8");
          const isJson = String(response.headers["content-type"]).includes("json");
          const headers = response.headers as Answer["headers"];
          resolve({
            code: response.statusCode ?? 0,
            headers,
            text,
            body:
              isJson && text !== "" && !headers["content-encoding"]
                ? (JSON.parse(text) as unknown)
                : undefined,
          });
        });
      },
    );
    sent.on("error", reject);
    sent.end(body);
    return promise;
  }

  /** Starts a watch; `next` gives its events one after the other, undefined at its end. */
  watch(path: string, accept?: string): WatchReader {
    return new WatchReader((onChunk, onEnd) => {
      const sent = request(
        this.url + path,
        { agent: this.#agent, headers: headersOf("GET", undefined, accept === undefined ? {} : { accept }) },
        (response) => {
          response.setEncoding("utf8");
          response.on("data", onChunk);
          response.on("end", onEnd);
          response.on("error", onEnd);
        },
      );
      sent.on("error", onEnd);
      sent.end();
      return () => sent.destroy();
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#agent.destroy();
    await this.api.close();
    await this.store.close();
    if (this.#owned) rmSync(this.folder, { recursive: true, force: true });
  }
}

// oxlint-disable-next-line typescript/no-explicit-any -- tests look into it freely
export type WatchedEvent = { readonly type: string; readonly object: any };

class WatchReader implements Disposable {
  readonly #events: WatchedEvent[] = [];
  readonly #stop: () => void;
  #rest = "";
  #isEnded = false;
  #wake: (() => void) | undefined;

  constructor(start: (onChunk: (text: string) => void, onEnd: () => void) => () => void) {
    this.#stop = start(
      (text) => {
        const lines = (this.#rest + text).split("\n");
        this.#rest = lines.pop() ?? "";
        for (const line of lines) this.#events.push(JSON.parse(line) as WatchedEvent);
        this.#wake?.();
      },
      () => {
        this.#isEnded = true;
        this.#wake?.();
      },
    );
  }

  async next(): Promise<WatchedEvent | undefined> {
    while (this.#events.length === 0 && !this.#isEnded)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    return this.#events.shift();
  }

  async take(count: number): Promise<readonly WatchedEvent[]> {
    const events: WatchedEvent[] = [];
    while (events.length < count) {
      const event = await this.next();
      if (!event) break;
      events.push(event);
    }
    return events;
  }

  [Symbol.dispose](): void {
    this.#stop();
  }
}

function bodyOf(body: unknown): string | Buffer | undefined {
  if (body === undefined || typeof body === "string" || Buffer.isBuffer(body)) return body;
  return JSON.stringify(body);
}

function headersOf(
  method: string,
  body: string | Buffer | undefined,
  options: CallOptions,
): Record<string, string> {
  const token = "token" in options ? options.token : "secret-token";
  const defaultType = method === "PATCH" ? "application/merge-patch+json" : "application/json";
  return {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body === undefined
      ? {}
      : { "content-type": options.type ?? defaultType, "content-length": String(Buffer.byteLength(body)) }),
    ...(options.accept === undefined ? {} : { accept: options.accept }),
    ...options.headers,
  };
}
