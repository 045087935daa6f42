import { pipeline } from "node:stream/promises";
import type { Store } from "../../store/store.ts";
import type { Clock } from "../../../kit/clock.ts";
import type { DiscoveryDocuments } from "../discovery/discovery-documents.ts";
import type { OpenApiDocuments } from "../discovery/open-api-documents.ts";
import type { ApiMetrics } from "../metrics/api-metrics.ts";
import type { Monitoring } from "../metrics/monitoring.ts";
import { scrapeTargets } from "../metrics/scrape-targets.ts";
import { methodNotAllowed, unknownPath } from "../status.ts";
import { serveCoreDiscovery, serveGroupDiscovery } from "./discovery-handlers.ts";
import type { Exchange } from "./exchange.ts";
import { type HealthCheck, sendHealth } from "./health-handlers.ts";
import { serveOpenApi } from "./open-api-handlers.ts";
import { serverVersion } from "./server-version.ts";

const backupMsMax = 600_000;

/** Answered without a token. */
const publicPaths = new Set(["livez", "readyz", "healthz", "version"]);

export function isPublicPath(parts: readonly string[]): boolean {
  const isOne = parts.length === 1 || (parts.length === 2 && parts[0] !== "version");
  return isOne && publicPaths.has(parts[0] ?? "");
}

export interface PathContext {
  readonly discovery: DiscoveryDocuments;
  readonly openApi: OpenApiDocuments;
  readonly metrics: ApiMetrics;
  /** undefined: nothing is scheduled here. */
  readonly monitoring: () => Monitoring | undefined;
  readonly store: Store;
  readonly clock: Clock;
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
  const [root, ...rest] = parts;
  switch (root) {
    case "livez":
    case "readyz":
    case "healthz":
      return sendHealth(exchange, parts, healthChecks(context)[root]);
    case "version":
      if (rest.length > 0) throw unknownPath();
      return exchange.send(200, serverVersion);
    case "api":
      return serveCoreDiscovery(context.discovery, exchange, rest);
    case "apis":
      return serveGroupDiscovery(context.discovery, exchange, rest);
    case "metrics":
      if (rest.length > 0) throw unknownPath();
      return exchange.sendText(200, await metricsText(context), context.metrics.contentType);
    case "sd":
      if (rest.length !== 1 || rest[0] !== "prometheus") throw unknownPath();
      return exchange.sendText(
        200,
        JSON.stringify(scrapeTargets(exchange.request.headers.host, context.monitoring()?.nodes() ?? [])),
        "application/json",
      );
    case "backup":
      if (rest.length > 0) throw unknownPath();
      return sendBackup(context.store, exchange);
    case "openapi":
      return serveOpenApi(context.openApi, exchange, rest, context.clock.now());
    case undefined:
      return exchange.send(200, { paths: pathsOf(context) });
    default:
      throw unknownPath();
  }
}

async function metricsText({ metrics, monitoring }: PathContext): Promise<string> {
  const own = await metrics.text();
  const more = await monitoring()?.text();
  return more === undefined ? own : `${own}\n${more}`;
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

type HealthRoot = "livez" | "readyz" | "healthz";

/** The server answers, so it lives. Whether it takes more work is what only `readyz` is asked for. */
function healthChecks({ unreadiness }: PathContext): Readonly<Record<HealthRoot, readonly HealthCheck[]>> {
  const ping: HealthCheck = { name: "ping", problem: () => undefined };
  const shutdown: HealthCheck = { name: "shutdown", problem: unreadiness };
  return { livez: [ping], readyz: [ping, shutdown], healthz: [ping] };
}

/** What `/` lists: everything but the resources. */
function pathsOf(context: PathContext): readonly string[] {
  const health = Object.entries(healthChecks(context)).flatMap(([root, checks]) => [
    `/${root}`,
    ...checks.map(({ name }) => `/${root}/${name}`),
  ]);
  return [
    ...context.discovery.paths,
    ...health,
    "/.well-known/openid-configuration",
    "/backup",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/openapi/v3/",
    "/openid/v1/jwks",
    "/sd/prometheus",
    "/version",
  ].sort();
}
