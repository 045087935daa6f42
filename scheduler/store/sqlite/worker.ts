/** The thread that owns the SQLite file. Takes one request at a time and answers each, in order. */
import { parentPort, workerData } from "node:worker_threads";
import { assertNever, Bug, errorMessage } from "../../../kit/errors.ts";
import { Database, sqliteCorrupt } from "./database.ts";
import type { WorkerOptions, WorkerReply, WorkerRequest } from "./messages.ts";

const options = workerData as WorkerOptions;

/** SQLite's primary result codes. https://www.sqlite.org/rescode.html */
const sqliteFailures: Readonly<Record<number, { readonly code: string; readonly advice: string }>> = {
  5: { code: "StoreLocked", advice: "another process uses it; stop that one first" },
  6: { code: "StoreLocked", advice: "another process uses it; stop that one first" },
  8: { code: "StoreUnwritable", advice: "the file or its folder cannot be written; check owner and mode" },
  [sqliteCorrupt]: { code: "StoreCorrupt", advice: "the file is damaged; restore a backup or move it away" },
  13: { code: "StoreUnavailable", advice: "the disk is full; free some space" },
  14: {
    code: "StoreUnwritable",
    advice: "the file cannot be opened; check that its folder exists and can be written",
  },
  26: { code: "StoreCorrupt", advice: "the file is no SQLite database; restore a backup or move it away" },
};

function failure(thrown: unknown): WorkerReply {
  const errcode =
    typeof thrown === "object" && thrown !== null && "errcode" in thrown ? Number(thrown.errcode) & 0xff : 0;
  const known = sqliteFailures[errcode];
  const message = `store ${options.file}: ${errorMessage(thrown)}${known ? ` (${known.advice})` : ""}`;
  const code = known?.code ?? "StoreUnavailable";
  return { kind: "failed", code, message, retryable: code === "StoreUnavailable" };
}

function answer(database: Database, request: WorkerRequest): WorkerReply {
  switch (request.kind) {
    case "commit": {
      const { outcomes, events } = database.commit(request.commits, request.nowMs);
      return { kind: "committed", revision: database.revision, outcomes, events };
    }
    case "get":
      return { kind: "entry", entry: database.get(request.key) };
    case "list":
      return { kind: "entries", revision: database.revision, entries: database.list(request.prefix) };
    case "history": {
      const events = database.history(request.prefix, request.afterRevision);
      if (!events) return { kind: "compacted", oldestRevision: database.oldestRevision };
      return { kind: "history", revision: database.revision, events };
    }
    case "close":
      database.close();
      return { kind: "closed" };
    default:
      return assertNever(request, "request to the store's worker");
  }
}

function serve(): void {
  const port = parentPort;
  if (!port) throw new Bug("the store's worker was not started as a thread");
  let database: Database;
  try {
    database = new Database(options);
  } catch (thrown) {
    port.postMessage(failure(thrown));
    port.close();
    return;
  }
  port.postMessage({ kind: "opened", revision: database.revision } satisfies WorkerReply);
  port.on("message", (request: WorkerRequest) => {
    let reply: WorkerReply;
    try {
      reply = answer(database, request);
    } catch (thrown) {
      reply = failure(thrown);
    }
    port.postMessage(reply);
    if (reply.kind === "closed") port.close();
  });
}

serve();
