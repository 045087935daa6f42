/** The thread that owns the SQLite file. Takes one request at a time and answers each; a backup alone takes its time. */
import { parentPort, workerData } from "node:worker_threads";
import { assertNever, Bug } from "../../../kit/errors.ts";
import { Database } from "./database.ts";
import { corruption, storeError } from "./failures.ts";
import type { WorkerMessage, WorkerOptions, WorkerPart, WorkerReply, WorkerRequest } from "./messages.ts";

const options = workerData as WorkerOptions;

function failure(thrown: unknown): WorkerReply {
  const { code, message, retryable } = storeError(options.file, thrown);
  return { kind: "failed", code, message, retryable };
}

function answer(
  database: Database,
  request: Exclude<WorkerRequest, { kind: "backup" | "close" }>,
  onPart: (part: WorkerPart) => void,
): WorkerReply {
  switch (request.kind) {
    case "commit": {
      const { outcomes, removed } = database.commit(request.commits, request.nowMs);
      const { revision, tidiness } = database;
      return { kind: "committed", revision, outcomes, removed, tidiness };
    }
    case "get":
      return { kind: "entry", entry: database.get(request.key) };
    case "list":
      database.list(request.prefix, onPart);
      return { kind: "listed", revision: database.revision };
    case "history": {
      const { revision, completeAfter } = database;
      const current = database.history(request.prefix, request.afterRevision, onPart);
      if (!current) return { kind: "compacted", completeAfter };
      return { kind: "history", revision, completeAfter, current };
    }
    case "tidy":
      database.tidy(request.nowMs);
      return { kind: "tidied", tidiness: database.tidiness };
    case "forget":
      database.forget();
      return { kind: "forgotten" };
    default:
      return assertNever(request, "request to the store's worker");
  }
}

function openDatabase(): Database | WorkerReply {
  try {
    return new Database(options);
  } catch (thrown) {
    return failure(thrown);
  }
}

function serve(): void {
  const port = parentPort;
  if (!port) throw new Bug("the store's worker was not started as a thread");
  const post = (message: WorkerMessage) => port.postMessage(message, []);
  const database = openDatabase();
  if (!(database instanceof Database)) {
    post({ id: 0, reply: database });
    port.close();
    return;
  }
  const { revision, epoch, damage, tidiness } = database;
  const readOnly = damage === undefined ? undefined : storeError(options.file, corruption(damage)).message;
  post({ id: 0, reply: { kind: "opened", revision, epoch, readOnly, tidiness } });
  let copying: Promise<WorkerReply> = Promise.resolve({ kind: "copied" });
  port.on("message", ({ id, request }: { readonly id: number; readonly request: WorkerRequest }) => {
    if (request.kind === "backup") {
      copying = database.copyTo(request.file).then((): WorkerReply => ({ kind: "copied" }), failure);
      void copying.then((reply) => post({ id, reply }));
      return;
    }
    if (request.kind === "close") {
      // A copy under way reads the file from another thread.
      void copying.then(() => {
        database.close();
        post({ id, reply: { kind: "closed" } });
        port.close();
      });
      return;
    }
    let reply: WorkerReply;
    try {
      reply = answer(database, request, (part) => post({ id, part }));
    } catch (thrown) {
      reply = failure(thrown);
    }
    post({ id, reply });
  });
}

serve();
