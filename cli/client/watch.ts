import { backoffMs } from "../../kit/backoff.ts";
import { sleep, type Clock } from "../../kit/clock.ts";
import type { Resource } from "../resources/resource.ts";
import { ConnectionError, type ApiClient } from "./api-client.ts";
import { lines } from "./json-lines.ts";
import { clientLimits } from "./limits.ts";
import { resourcePath, type ListQuery } from "./objects.ts";
import { ApiStatusError, type Status } from "./status-error.ts";

export interface WatchEvent<T> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: T;
}

interface WatchRequest extends ListQuery {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  /** Events after this one. */
  readonly resourceVersion: string;
  readonly accept?: string;
  /** Whether the server has been there before, so that it is waited for from the first attempt on. */
  readonly isPatient?: boolean;
  readonly signal: AbortSignal;
}

interface RawEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: unknown;
}

/**
 * Yields events until the signal aborts. A watch that the server ends (they all do after a while) or that breaks is
 * opened again after the last event seen. Throws {@link ApiStatusError} 410 when the server no longer has what comes
 * after it: the caller lists again.
 */
export async function* watch<T>(
  client: ApiClient,
  clock: Clock,
  request: WatchRequest,
): AsyncGenerator<WatchEvent<T>, void, undefined> {
  let resourceVersion = request.resourceVersion;
  let opened = request.isPatient ?? false;
  const onOpen = () => {
    opened = true;
  };
  for (let failures = 0; !request.signal.aborted;) {
    try {
      for await (const event of watchOnce(client, request, resourceVersion, onOpen)) {
        failures = 0;
        resourceVersion = versionOf(event.object) ?? resourceVersion;
        if (event.type === "ERROR") throw statusOfEvent(event.object);
        if (event.type !== "BOOKMARK") yield { type: event.type, object: event.object as T };
      }
    } catch (error) {
      if (request.signal.aborted) return;
      if (!opened || !isPassing(error)) throw error;
    }
    if (request.signal.aborted) return;
    await sleep(clock, backoffMs(failures++, clientLimits.rewatch), request.signal).catch(() => {});
  }
}

/** A server that is away, starts, or has too much to do is asked again. */
export function isPassing(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof ApiStatusError && error.retryable);
}

async function* watchOnce(
  client: ApiClient,
  request: WatchRequest,
  resourceVersion: string,
  onOpen: () => void,
) {
  const response = await client.open({
    path: resourcePath(request.resource, request.namespace),
    query: {
      watch: "true",
      allowWatchBookmarks: "true",
      resourceVersion,
      labelSelector: request.labelSelector,
      fieldSelector: request.fieldSelector,
    },
    ...(request.accept ? { accept: request.accept } : {}),
    signal: request.signal,
  });
  onOpen();
  try {
    for await (const line of lines(response, clientLimits.watchLineBytesMax)) {
      if (line.length > 0) yield JSON.parse(line.toString("utf8")) as RawEvent;
    }
  } catch (error) {
    throw error instanceof Error && "code" in error && error.code === "LineTooLong"
      ? error
      : new ConnectionError("the watch was broken off", error);
  } finally {
    response.destroy();
  }
}

/** An object's own version, or that of the last row of a table. */
function versionOf(object: unknown): string | undefined {
  if (typeof object !== "object" || object === null) return undefined;
  const { metadata, rows } = object as {
    readonly metadata?: { readonly resourceVersion?: string };
    readonly rows?: readonly { readonly object?: unknown }[];
  };
  return (
    (rows?.length ? versionOf(rows.at(-1)?.object) : undefined) ?? (metadata?.resourceVersion || undefined)
  );
}

function statusOfEvent(object: unknown): ApiStatusError {
  const status = (object ?? {}) as Status;
  return new ApiStatusError(status, status.code ?? 500);
}
