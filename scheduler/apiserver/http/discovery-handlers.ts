import type { DiscoveryDocuments } from "../discovery/discovery-documents.ts";
import type { TaggedDocument } from "../discovery/tagged-document.ts";
import { unknownPath } from "../status.ts";
import type { Exchange } from "./exchange.ts";
import { type MediaRange, negotiate, parseAccept } from "./media.ts";

/** `/api` and what is below, as far as it is no resource. `parts`: without `api`. */
export async function serveCoreDiscovery(
  discovery: DiscoveryDocuments,
  exchange: Exchange,
  parts: readonly string[],
): Promise<void> {
  const [version, ...rest] = parts;
  if (rest.length > 0) throw unknownPath();
  if (version !== undefined) return sendPlain(exchange, discovery.resources("", version));
  const aggregated = aggregatedVersion(exchange);
  if (aggregated !== undefined)
    return sendAggregated(exchange, discovery.aggregated(true, aggregated), aggregated);
  const { localAddress = "", localPort = 0 } = exchange.request.socket;
  const host = localAddress.includes(":") ? `[${localAddress}]` : localAddress;
  return sendPlain(exchange, discovery.coreVersions(`${host}:${localPort}`));
}

/** `/apis` and what is below, as far as it is no resource. `parts`: without `apis`. */
export async function serveGroupDiscovery(
  discovery: DiscoveryDocuments,
  exchange: Exchange,
  parts: readonly string[],
): Promise<void> {
  const [group, version, ...rest] = parts;
  if (rest.length > 0) throw unknownPath();
  if (group !== undefined && version !== undefined)
    return sendPlain(exchange, discovery.resources(group, version));
  if (group !== undefined) return sendPlain(exchange, discovery.group(group));
  const aggregated = aggregatedVersion(exchange);
  if (aggregated !== undefined)
    return sendAggregated(exchange, discovery.aggregated(false, aggregated), aggregated);
  return sendPlain(exchange, discovery.groups());
}

async function sendPlain(exchange: Exchange, document: TaggedDocument | undefined): Promise<void> {
  if (!document) throw unknownPath();
  const as = negotiate(parseAccept(exchange.request.headers.accept), null);
  const yaml = as.kind === "object" && as.yaml;
  if (yaml || exchange.isPretty)
    return exchange.send(200, JSON.parse(document.body.toString()) as object, { yaml });
  await exchange.sendDocument(document, "application/json");
}

async function sendAggregated(
  exchange: Exchange,
  document: TaggedDocument | undefined,
  version: string,
): Promise<void> {
  if (!document) throw unknownPath();
  const type = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
  await exchange.sendDocument(document, type, "public");
}

const discoveryVersions = new Set(["v2", "v2beta1"]);
const jsonTypes = new Set(["application/json", "application/*", "*/*"]);

/** The version that the client asks for before it asks for plain lists; undefined: it does not. */
function aggregatedVersion({ request }: Exchange): string | undefined {
  for (const range of parseAccept(request.headers.accept)) {
    if (isAggregated(range)) return range.params.get("v");
    if (jsonTypes.has(range.type) && range.params.get("as") === undefined) return undefined;
  }
  return undefined;
}

function isAggregated({ type, params }: MediaRange): boolean {
  return (
    jsonTypes.has(type) &&
    params.get("as") === "APIGroupDiscoveryList" &&
    params.get("g") === "apidiscovery.k8s.io" &&
    discoveryVersions.has(params.get("v") ?? "")
  );
}
