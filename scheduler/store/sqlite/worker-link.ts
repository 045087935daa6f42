/** Questions to a store's worker thread, and its answers. When the thread dies, every open question fails. */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import { errorMessage, WherryError } from "../../../kit/errors.ts";
import type { WorkerMessage, WorkerOptions, WorkerPart, WorkerReply, WorkerRequest } from "./messages.ts";

export interface Answer {
  readonly reply: WorkerReply;
  /** What came before the reply, of the kinds that have parts. */
  readonly parts: readonly WorkerPart[];
}

interface Waiting {
  readonly parts: WorkerPart[];
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: Error) => void;
}

export const workerScript = new URL(`./worker${extname(import.meta.url)}`, import.meta.url);

export class WorkerLink {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #failure: WherryError | undefined;
  /** How the file was opened. */
  readonly opened: Promise<Answer>;
  readonly ended: Promise<void>;

  constructor(script: URL, options: WorkerOptions) {
    this.#worker = new Worker(script, { workerData: options, name: "store" });
    this.opened = this.#wait(0);
    this.ended = new Promise((resolve) => this.#worker.once("exit", () => resolve()));
    this.#worker.on("message", (message: WorkerMessage) => this.#take(message));
    this.#worker.on("error", (error) => this.#fail(errorMessage(error), error));
    this.#worker.on("exit", (code) => this.#fail(`it ended with code ${code}`));
  }

  get isDead(): boolean {
    return this.#failure !== undefined;
  }

  async ask(request: WorkerRequest): Promise<Answer> {
    if (this.#failure) throw this.#failure;
    const id = ++this.#lastId;
    const waiting = this.#wait(id);
    this.#worker.postMessage({ id, request }, []);
    const answer = await waiting;
    const { reply } = answer;
    if (reply.kind === "failed") throw failureOf(reply);
    return answer;
  }

  async close(): Promise<void> {
    if (!this.#failure) await this.ask({ kind: "close" });
    await this.ended;
  }

  #wait(id: number): Promise<Answer> {
    return new Promise((resolve, reject) => this.#waiting.set(id, { parts: [], resolve, reject }));
  }

  #take(message: WorkerMessage): void {
    const waiting = this.#waiting.get(message.id);
    if ("part" in message) {
      waiting?.parts.push(message.part);
      return;
    }
    this.#waiting.delete(message.id);
    waiting?.resolve({ reply: message.reply, parts: waiting.parts });
  }

  #fail(message: string, cause?: unknown): void {
    this.#failure ??= new WherryError(
      "StoreUnavailable",
      `the store's thread failed: ${message}; whether what it was writing is written is not known`,
      { retryable: true, cause },
    );
    for (const waiting of this.#waiting.values()) waiting.reject(this.#failure);
    this.#waiting.clear();
  }
}

export function failureOf(reply: WorkerReply & { readonly kind: "failed" }): WherryError {
  return new WherryError(reply.code, reply.message, { retryable: reply.retryable });
}
