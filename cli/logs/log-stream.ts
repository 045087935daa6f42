import { errorMessage } from "../../kit/errors.ts";
import { ConnectionError, type ApiClient } from "../client/api-client.ts";
import { resourcePath } from "../client/objects.ts";
import { lines } from "../client/json-lines.ts";
import type { Terminal } from "../terminal.ts";
import type { LogTarget } from "./instances.ts";

export interface LogQuery {
  readonly follow: boolean;
  readonly tailLines: number | undefined;
  readonly sinceSeconds: number | undefined;
  readonly timestamps: boolean;
}

/** A guest may write lines without end; longer ones than this are refused rather than kept in memory. */
const logLineBytesMax = 16 * 1024 * 1024;

/** Copies the log of one instance to standard output until it ends. `prefix` is asked for each line. */
export async function printLog(
  client: ApiClient,
  terminal: Terminal,
  target: LogTarget,
  instance: string,
  query: LogQuery,
  prefix: () => string,
  signal?: AbortSignal,
): Promise<void> {
  const response = await client.open({
    path: resourcePath(target.instances, target.namespace, instance, "log"),
    query: {
      follow: query.follow ? "true" : undefined,
      tailLines: query.tailLines?.toString(),
      sinceSeconds: query.sinceSeconds?.toString(),
      timestamps: query.timestamps ? "true" : undefined,
    },
    accept: "*/*",
    signal,
  });
  try {
    for await (const line of lines(response, logLineBytesMax)) {
      const before = prefix();
      await terminal.out(Buffer.concat([Buffer.from(before), line, newline]));
    }
  } catch (error) {
    if (signal?.aborted) return;
    throw new ConnectionError(`the log of ${instance} was broken off: ${errorMessage(error)}`, error);
  } finally {
    response.destroy();
  }
}

const newline = Buffer.from("\n");
