import type { OpenApiDocuments } from "../discovery/open-api-documents.ts";
import { urlOf } from "../discovery/open-api-documents.ts";
import type { TaggedDocument } from "../discovery/tagged-document.ts";
import { ApiError, unknownPath } from "../status.ts";
import type { Exchange } from "./exchange.ts";
import { parseAccept } from "./media.ts";

const protobufV2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf";
/** The names under which clients ask for it: the first is the older one. */
const protobufTypes = new Set(["application/com.github.proto-openapi.spec.v2@v1.0+protobuf", protobufV2]);
const jsonTypes = new Set(["application/json", "application/*", "*/*"]);

const yearMs = 365 * 24 * 3_600_000;

/** `/openapi/v2`, `/openapi/v3` and what is below. `parts`: without `openapi`. */
export async function serveOpenApi(
  openApi: OpenApiDocuments,
  exchange: Exchange,
  parts: readonly string[],
  nowMs: number,
): Promise<void> {
  const [version, ...rest] = parts;
  if (version === "v2" && rest.length === 0) return sendSwagger(openApi, exchange);
  if (version !== "v3") throw unknownPath();
  if (rest.length === 0) return exchange.sendDocument(await openApi.index(), "application/json");
  const path = rest.join("/");
  const document = openApi.get(path);
  if (!document) throw unknownPath();
  return sendVersion(exchange, path, document, nowMs);
}

async function sendSwagger(openApi: OpenApiDocuments, exchange: Exchange): Promise<void> {
  for (const { type } of parseAccept(exchange.request.headers.accept)) {
    if (protobufTypes.has(type)) return exchange.sendDocument(await openApi.swaggerProtobuf(), protobufV2);
    if (jsonTypes.has(type)) return exchange.sendDocument(await openApi.swagger(), "application/json");
  }
  throw notAcceptable(["application/json", protobufV2]);
}

/** With its hash, a document is the same for ever; with an old one, clients are told where it is now. */
async function sendVersion(
  exchange: Exchange,
  path: string,
  document: TaggedDocument,
  nowMs: number,
): Promise<void> {
  const isTaken = parseAccept(exchange.request.headers.accept).some(({ type }) => jsonTypes.has(type));
  if (!isTaken) throw notAcceptable(["application/json"]);
  const hash = exchange.query.get("hash") ?? "";
  if (hash === "") return exchange.sendDocument(document, "application/json");
  if (hash !== document.tag) return exchange.redirect(urlOf(path, document));
  exchange.response.setHeader("Expires", new Date(nowMs + yearMs).toUTCString());
  return exchange.sendDocument(document, "application/json", "public, immutable");
}

function notAcceptable(types: readonly string[]): ApiError {
  return new ApiError("NotAcceptable", `only the following media types are accepted: ${types.join(", ")}`);
}
