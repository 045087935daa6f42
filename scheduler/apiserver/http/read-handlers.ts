import type { ApiObject } from "../../../api/object-meta.ts";
import { ApiError, badRequest, expired, invalidOptions, notFound } from "../status.ts";
import type { ApiContext, NamedTarget, ResourceTarget } from "./context.ts";
import { type Exchange, flowOf } from "./exchange.ts";
import { pageOf, select, selectionOf } from "./list-options.ts";
import { negotiate, notAcceptable, parseAccept, type Representation } from "./media.ts";
import { presentList, presentObject, presentYaml } from "./present.ts";
import { WatchStream } from "./watch-stream.ts";

/** A watch without timeoutSeconds ends by itself after this and up to twice as long, so that not all end together. */
const watchTimeoutMsMin = 1_800_000;
const watchTimeoutMsMax = 86_400_000;

export function representationOf(exchange: Exchange): Representation {
  const ranges = parseAccept(exchange.request.headers.accept);
  return negotiate(ranges, exchange.query.get("includeObject"));
}

export async function getObject(context: ApiContext, exchange: Exchange, target: NamedTarget): Promise<void> {
  const { kind } = target;
  const as = representationOf(exchange);
  const body = presentObject(kind, existing(context, target), as, context.clock.now());
  await exchange.send(200, body, { yaml: as.kind === "object" && as.yaml });
}

/** In the kind's version. Throws NotFound, or InternalError for what is stored and cannot be read. */
export function existing(context: ApiContext, { kind, namespace, name }: NamedTarget): ApiObject {
  const object = context.sourceOf(kind).get(namespace, name);
  if (object) return kind.view(object);
  const why = context.unreadable(kind, namespace, name);
  if (why === undefined) throw notFound(kind.resource, name);
  throw new ApiError("InternalError", `${kind.resource.plural} "${name}" cannot be read: ${why}`);
}

export async function listObjects(
  context: ApiContext,
  exchange: Exchange,
  target: ResourceTarget,
): Promise<void> {
  const { kind } = target;
  const as = representationOf(exchange);
  const selection = selectionOf(exchange, kind, target);
  const page = await pageOf(exchange, context.sourceOf(kind), selection, kind);
  const hidden = context.unreadableCount(kind);
  if (hidden > 0)
    exchange.warn(
      `${hidden} ${kind.resource.plural} are stored and cannot be read; the server's log says why`,
    );
  if (as.kind === "object" && as.yaml)
    return exchange.sendPieces(presentYaml(kind, page), "application/yaml");
  await exchange.sendPieces(presentList(kind, page, as, context.clock.now()), "application/json");
}

/** Returns at once; the watch goes on until its client leaves or its time is over. */
export async function watchObjects(
  context: ApiContext,
  exchange: Exchange,
  target: ResourceTarget,
): Promise<void> {
  const { kind } = target;
  const { watches, clock, log } = context;
  const flow = flowOf(exchange);
  watches.admit(flow);
  const as = representationOf(exchange);
  const source = context.sourceOf(kind);
  const selection = selectionOf(exchange, kind, target);
  const start = startOf(exchange);
  const bookmarks = exchange.flag("allowWatchBookmarks");
  const timeoutMs = timeoutOf(exchange, context);
  if (start.kind === "after") await source.recall(start.revision);
  // Meanwhile the client may have gone, and others may have come.
  exchange.signal.throwIfAborted();
  watches.admit(flow);
  const after = start.kind === "after" ? start.revision : source.revision;
  const { encoder, ready, room } = watches;
  const stream = new WatchStream(
    { exchange, kind, source, selection, as, now: () => clock.now(), encoder, room, log, ready },
    after,
  );
  exchange.response.once("close", watches.add(stream, flow, bookmarks, timeoutMs));
  if (start.kind !== "after") {
    if (start.kind === "initial")
      stream.sendInitial(select(source, selection, kind), start.bookmark && bookmarks);
    stream.follow([]);
    return;
  }
  // A revision that we have not reached comes from another store, or from before a restart of a live kind.
  const past = after > source.revision ? undefined : source.eventsAfter(after);
  if (past) stream.follow(past);
  else stream.fail(expired(`too old resource version: ${after} (${source.revision})`));
}

type WatchStart =
  | { readonly kind: "now" }
  | { readonly kind: "initial"; readonly bookmark: boolean }
  | { readonly kind: "after"; readonly revision: number };

function startOf(exchange: Exchange): WatchStart {
  const revision = exchange.number("resourceVersion") ?? 0;
  const initial = exchange.query.get("sendInitialEvents");
  const match = exchange.query.get("resourceVersionMatch") ?? "";
  if (initial === null) {
    if (match !== "")
      throw invalidOptions(
        "resourceVersionMatch",
        "Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
      );
    return revision === 0 ? { kind: "initial", bookmark: false } : { kind: "after", revision };
  }
  if (match === "")
    throw invalidOptions(
      "resourceVersionMatch",
      "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
    );
  if (match !== "NotOlderThan")
    throw invalidOptions(
      "resourceVersionMatch",
      `Unsupported value: ${JSON.stringify(match)}: supported values: "NotOlderThan"`,
    );
  if ((exchange.query.get("continue") ?? "") !== "")
    throw invalidOptions("continue", "Forbidden: continue is forbidden for watch with sendInitialEvents");
  if (exchange.flag("sendInitialEvents")) return { kind: "initial", bookmark: true };
  return revision === 0 ? { kind: "now" } : { kind: "after", revision };
}

function timeoutOf(exchange: Exchange, { random }: ApiContext): number {
  const seconds = exchange.number("timeoutSeconds") ?? 0;
  if (seconds > 0) return Math.min(seconds * 1000, watchTimeoutMsMax);
  return watchTimeoutMsMin * (1 + random.fraction());
}

/** Nodes that an explanation lists when nobody says how many, and at most. */
const explainedNodes = { usual: 50, most: 10_000 } as const;

export async function explainObject(
  context: ApiContext,
  exchange: Exchange,
  { kind, namespace, name }: NamedTarget,
): Promise<void> {
  const as = representationOf(exchange);
  if (as.kind !== "object") throw notAcceptable();
  const limit = Math.min(exchange.number("limit") ?? explainedNodes.usual, explainedNodes.most);
  const explanation = context.liveOf(kind).explain(namespace, name, limit);
  if (!explanation) throw notFound(kind.resource, name);
  await exchange.send(200, explanation, { yaml: as.yaml });
}

export async function streamLog(context: ApiContext, exchange: Exchange, target: NamedTarget): Promise<void> {
  const { kind, namespace, name } = target;
  const { response, signal } = exchange;
  const live = context.liveOf(kind);
  if (!live.get(namespace, name)) throw notFound(kind.resource, name);
  const sinceSeconds = exchange.number("sinceSeconds");
  if (exchange.query.get("previous") === "true")
    throw badRequest("only the present log is kept: leave previous out");
  const options = {
    follow: exchange.flag("follow"),
    tailLines: exchange.number("tailLines"),
    sinceMs: sinceSeconds === undefined ? undefined : sinceSeconds * 1000,
    timestamps: exchange.flag("timestamps"),
  };
  const chunks = live.openLog(namespace, name, options, signal);
  for await (const chunk of chunks) {
    // Only now is it known that there is a log; before, a failure still becomes a Status.
    startLog(exchange);
    if (response.destroyed) return;
    if (!response.write(chunk)) await exchange.drained();
  }
  startLog(exchange);
  response.end();
}

function startLog({ response }: Exchange): void {
  if (response.headersSent) return;
  response.statusCode = 200;
  response.setHeader("Content-Type", "text/plain; charset=utf-8");
  response.setHeader("Cache-Control", "no-cache, private");
  response.flushHeaders();
}
