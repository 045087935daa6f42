/**
 * The thread that owns the SQLite file. Takes one request at a time and answers each.
 *
 * A backup alone takes its time: Node copies it step by step in yet another thread, on the same connection. Requests and
 * steps take turns, so that no step ever meets a transaction: SQLite would answer that it is busy, which Node takes for
 * the end when it is the first step, and otherwise repeats without a pause.
 */
import { parentPort, workerData } from "node:worker_threads";
import { assertNever, Bug } from "../../../kit/errors.ts";
import { Database } from "./database.ts";
import { readOnlyReason, storeError } from "./failures.ts";
import type { WorkerMessage, WorkerOptions, WorkerPart, WorkerReply, WorkerRequest } from "./messages.ts";

const options = workerData as WorkerOptions;

function failure(thrown: unknown): WorkerReply {
  const { code, message, retryable } = storeError(options.file, thrown);
  return { kind: "failed", code, message, retryable };
}

type Question = Exclude<WorkerRequest, { kind: "backup" | "close" }>;

interface Numbered<Request> {
  readonly id: number;
  readonly request: Request;
}

function answer(database: Database, request: Question, onPart: (part: WorkerPart) => void): WorkerReply {
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
  const readOnly = damage === undefined ? undefined : readOnlyReason(options.file, damage);
  post({ id: 0, reply: { kind: "opened", revision, epoch, readOnly, tidiness } });
  const reply = ({ id, request }: Numbered<Question>) => {
    try {
      post({ id, reply: answer(database, request, (part) => post({ id, part })) });
    } catch (thrown) {
      post({ id, reply: failure(thrown) });
    }
  };
  /** What has come while a step of the copy is under way. */
  const waiting: Numbered<Question>[] = [];
  const replyToWaiting = () => waiting.splice(0).forEach(reply);
  let copying: Promise<void> | undefined;
  port.on("message", ({ id, request }: Numbered<WorkerRequest>) => {
    switch (request.kind) {
      case "backup":
        copying = database
          .copyTo(request.file, replyToWaiting)
          .then((): WorkerReply => ({ kind: "copied" }), failure)
          .then((copied) => {
            copying = undefined;
            replyToWaiting();
            post({ id, reply: copied });
          });
        return;
      case "close":
        void Promise.resolve(copying).then(() => {
          database.close();
          post({ id, reply: { kind: "closed" } });
          port.close();
        });
        return;
      default:
        if (copying) waiting.push({ id, request });
        else reply({ id, request });
    }
  });
}

serve();
