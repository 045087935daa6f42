import { pipeline } from "node:stream/promises";
import type { Store } from "../../store/store.ts";
import {
  aggregatedDiscovery,
  coreVersions,
  groupList,
  resourceList,
  singleGroup,
} from "../discovery/discovery.ts";
import type { OpenApiDocuments } from "../discovery/open-api.ts";
import type { ApiMetrics } from "../metrics/api-metrics.ts";
import type { Registry } from "../registry.ts";
import { methodNotAllowed, unknownPath } from "../status.ts";
import type { Exchange } from "./exchange.ts";
import { parseAccept } from "./media.ts";

/** The Kubernetes whose protocol this is. */
const serverVersion = {
  major: "1",
  minor: "35",
  gitVersion: "v1.35.0+wherry",
  gitCommit: "",
  gitTreeState: "clean",
  buildDate: "2026-01-01T00:00:00Z",
  goVersion: "none",
  compiler: "none",
  platform: `${process.platform}/${process.arch === "x64" ? "amd64" : process.arch}`,
};

const backupMsMax = 600_000;

/** Answered without a token. */
const publicPaths = new Set(["livez", "readyz", "healthz", "version"]);

export function isPublicPath(parts: readonly string[]): boolean {
  const isOne = parts.length === 1 || (parts.length === 2 && parts[0] !== "version");
  return isOne && publicPaths.has(parts[0] ?? "");
}

export interface PathContext {
  readonly registry: Registry;
  readonly openApi: OpenApiDocuments;
  readonly metrics: ApiMetrics;
  readonly store: Store;
  /** undefined: ready; otherwise why not. */
  readonly unreadiness: () => string | undefined;
}

/** Everything that is no resource. */
export async function servePath(
  context: PathContext,
  exchange: Exchange,
  parts: readonly string[],
): Promise<void> {
  if (exchange.method !== "GET" && exchange.method !== "HEAD") throw methodNotAllowed();
  const [root, group = "", version = ""] = parts;
  switch (root) {
    case "livez":
      return sendHealth(exchange, parts, undefined);
    case "readyz":
    case "healthz":
      return sendHealth(exchange, parts, context.unreadiness());
    case "version":
      return exchange.send(200, serverVersion);
    case "api":
      if (parts.length === 1) return sendRoot(context, exchange, true);
      return sendDocument(
        exchange,
        parts.length === 2 ? resourceList(context.registry, "", group) : undefined,
      );
    case "apis":
      if (parts.length === 1) return sendRoot(context, exchange, false);
      return sendDocument(
        exchange,
        parts.length === 2
          ? singleGroup(context.registry, group)
          : resourceList(context.registry, group, version),
      );
    case "metrics":
      return exchange.sendText(200, await context.metrics.text(), context.metrics.contentType);
    case "backup":
      if (parts.length > 1) throw unknownPath();
      return sendBackup(context.store, exchange);
    case "openapi":
      return sendOpenApi(context, exchange, parts.slice(1));
    case undefined:
      return exchange.send(200, {
        paths: [
          "/api",
          "/apis",
          "/backup",
          "/healthz",
          "/livez",
          "/metrics",
          "/openapi/v3",
          "/readyz",
          "/version",
        ],
      });
    default:
      throw unknownPath();
  }
}

/** A copy of the whole store, as one file; whoever may have it may have everything in it. */
async function sendBackup(store: Store, exchange: Exchange): Promise<void> {
  const { response, signal } = exchange;
  await using backup = await store.backup(signal);
  exchange.seat?.leave();
  response.writeHead(200, {
    "Content-Type": "application/vnd.sqlite3",
    "Content-Length": backup.bytes,
    "Cache-Control": "no-store",
  });
  // A reader that stops would keep others from making theirs.
  const stalled = AbortSignal.timeout(backupMsMax);
  await pipeline(backup.content, response, { signal: AbortSignal.any([signal, stalled]) });
}

/** `/readyz?verbose`, `/readyz/store?verbose`: as people and probes ask a real server. */
async function sendHealth(
  exchange: Exchange,
  [root = "", check]: readonly string[],
  problem: string | undefined,
): Promise<void> {
  if (check !== undefined && !healthChecks.includes(check)) throw unknownPath();
  const excluded = new Set(exchange.query.getAll("exclude"));
  const failed = problem !== undefined && check !== "ping" && !excluded.has("store");
  const marks = healthChecks
    .filter((one) => check === undefined || one === check)
    .map((one) => {
      if (excluded.has(one)) return `[+]${one} excluded: ok`;
      return one === "store" && failed ? `[-]${one} failed: ${problem}` : `[+]${one} ok`;
    });
  const verdict = failed ? `${root} check failed` : `${root} check passed`;
  const isLong = failed || exchange.query.has("verbose");
  const text = isLong ? [...marks, verdict, ""].join("\n") : "ok";
  await exchange.sendText(failed ? 503 : 200, text, "text/plain; charset=utf-8");
}

const healthChecks = ["ping", "store"];

async function sendDocument(exchange: Exchange, document: object | undefined): Promise<void> {
  if (!document) throw unknownPath();
  await exchange.sendTagged(JSON.stringify(document), "application/json");
}

const discoveryVersions = new Set(["v2", "v2beta1"]);

/** Aggregated when the client asks for that before plain JSON. */
async function sendRoot({ registry }: PathContext, exchange: Exchange, core: boolean): Promise<void> {
  for (const { type, params } of parseAccept(exchange.request.headers.accept)) {
    const version = params.get("v") ?? "";
    if (
      type === "application/json" &&
      params.get("as") === "APIGroupDiscoveryList" &&
      discoveryVersions.has(version)
    ) {
      const text = JSON.stringify(aggregatedDiscovery(registry, core, version));
      const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
      return exchange.sendTagged(text, contentType);
    }
    if (params.get("as") === undefined) break;
  }
  return sendDocument(exchange, core ? coreVersions() : groupList(registry));
}

async function sendOpenApi(
  { openApi }: PathContext,
  exchange: Exchange,
  parts: readonly string[],
): Promise<void> {
  if (parts[0] !== "v3") throw unknownPath();
  const text = parts.length === 1 ? openApi.index : openApi.get(parts.slice(1).join("/"));
  if (text === undefined) throw unknownPath();
  await exchange.sendTagged(text, "application/json");
}
