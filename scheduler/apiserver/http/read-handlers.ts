import { badRequest, expired, invalid, notFound } from "../status.ts";
import type { ApiContext, NamedTarget, ResourceTarget } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import { pageOf, select, selectionOf } from "./list-options.ts";
import { negotiate, parseAccept, type Representation } from "./media.ts";
import { presentList, presentObject } from "./present.ts";
import { WatchStream } from "./watch-stream.ts";

/** A watch without timeoutSeconds ends by itself after this and up to twice as long, so that not all end together. */
const watchTimeoutMsMin = 1_800_000;
const watchTimeoutMsMax = 86_400_000;

export function representationOf(exchange: Exchange): Representation {
  const ranges = parseAccept(exchange.request.headers.accept);
  return negotiate(ranges, exchange.query.get("includeObject"));
}

export async function getObject(context: ApiContext, exchange: Exchange, target: NamedTarget): Promise<void> {
  const { kind, namespace, name } = target;
  const as = representationOf(exchange);
  const object = context.sourceOf(kind).get(namespace, name);
  if (!object) throw notFound(kind.resource, name);
  const body = presentObject(kind, object, as, context.clock.now());
  await exchange.send(200, body, { yaml: as.kind === "object" && as.yaml });
}

export async function listObjects(
  context: ApiContext,
  exchange: Exchange,
  target: ResourceTarget,
): Promise<void> {
  const { kind } = target;
  const as = representationOf(exchange);
  const selection = selectionOf(exchange, kind.resource, target);
  const page = pageOf(exchange, context.sourceOf(kind), selection);
  const body = presentList(kind, page, as, context.clock.now());
  await exchange.send(200, body, { yaml: as.kind === "object" && as.yaml });
}

/** Returns at once; the watch goes on until its client leaves or its time is over. */
export function watchObjects(context: ApiContext, exchange: Exchange, target: ResourceTarget): void {
  const { kind } = target;
  const { watches, clock, log } = context;
  watches.admit();
  const as = representationOf(exchange);
  const source = context.sourceOf(kind);
  const selection = selectionOf(exchange, kind.resource, target);
  const start = startOf(exchange, kind.resource.kind);
  const bookmarks = exchange.flag("allowWatchBookmarks");
  const timeoutMs = timeoutOf(exchange, context);
  const after = start.kind === "after" ? start.revision : source.revision;
  const stream = new WatchStream(
    { exchange, kind, source, selection, as, now: () => clock.now(), encoder: watches.encoder, log },
    after,
  );
  const remove = watches.add(stream, bookmarks, timeoutMs);
  exchange.response.once("close", remove);
  if (start.kind !== "after") {
    if (start.kind === "initial") stream.sendInitial(select(source, selection), start.bookmark && bookmarks);
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

function startOf(exchange: Exchange, kind: string): WatchStart {
  const revision = exchange.number("resourceVersion") ?? 0;
  const initial = exchange.query.get("sendInitialEvents");
  if (initial === null)
    return revision === 0 ? { kind: "initial", bookmark: false } : { kind: "after", revision };
  if (exchange.query.get("resourceVersionMatch") !== "NotOlderThan")
    throw invalid({ group: "meta.k8s.io", kind: "ListOptions" }, kind, [
      {
        reason: "FieldValueInvalid",
        field: "resourceVersionMatch",
        message: "Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan",
      },
    ]);
  if (exchange.flag("sendInitialEvents")) return { kind: "initial", bookmark: true };
  return revision === 0 ? { kind: "now" } : { kind: "after", revision };
}

function timeoutOf(exchange: Exchange, { random }: ApiContext): number {
  const seconds = exchange.number("timeoutSeconds") ?? 0;
  if (seconds > 0) return Math.min(seconds * 1000, watchTimeoutMsMax);
  return watchTimeoutMsMin * (1 + random.fraction());
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
    if (!response.write(chunk)) await drained(exchange);
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

/** Resolves when the client has taken what was written, or is gone. */
function drained({ response }: Exchange): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      response.off("drain", done);
      response.off("close", done);
      resolve();
    };
    response.once("drain", done);
    response.once("close", done);
  });
}
