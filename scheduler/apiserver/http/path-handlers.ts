import {
  aggregatedDiscovery,
  coreVersions,
  groupList,
  resourceList,
  singleGroup,
} from "../discovery/discovery.ts";
import type { OpenApiDocuments } from "../discovery/open-api.ts";
import type { Registry } from "../registry.ts";
import { ApiError, methodNotAllowed, unknownPath } from "../status.ts";
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

/** Answered without a token. */
const publicPaths = new Set(["livez", "readyz", "healthz", "version"]);

export function isPublicPath(parts: readonly string[]): boolean {
  return parts.length === 1 && publicPaths.has(parts[0] ?? "");
}

export interface PathContext {
  readonly registry: Registry;
  readonly openApi: OpenApiDocuments;
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
      return sendHealth(exchange, undefined);
    case "readyz":
    case "healthz":
      return sendHealth(exchange, context.unreadiness());
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
    case "openapi":
      return sendOpenApi(context, exchange, parts.slice(1));
    case undefined:
      return exchange.send(200, {
        paths: ["/api", "/apis", "/healthz", "/livez", "/openapi/v3", "/readyz", "/version"],
      });
    default:
      throw unknownPath();
  }
}

async function sendHealth(exchange: Exchange, problem: string | undefined): Promise<void> {
  if (problem !== undefined) throw new ApiError("ServiceUnavailable", problem, { retryAfterSeconds: 1 });
  const text = exchange.query.has("verbose") ? "[+]store ok\nreadyz check passed\n" : "ok";
  await exchange.sendText(200, text, "text/plain; charset=utf-8");
}

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
