/**
 * Reads long YAML in a thread of its own: what takes it a second would keep everybody else waiting here.
 *
 *   text ─▶ waiting, users taking turns (bounded; then refused) ─▶ the thread, one at a time and not for long ─▶ JSON
 *
 * The thread is started when it is needed, and ended when it has not been for a while, or takes too long over a text.
 */
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Clock, Timer } from "../../../kit/clock.ts";
import { ApiError, badRequest } from "../status.ts";
import { type Flow, TurnQueue } from "./turn-queue.ts";
import type { YamlReply } from "./yaml-worker.ts";

/** For one text. */
const readMsMax = 5_000;
const idleMs = 30_000;
const waitingOfUserMax = 100;
const waitingMax = 1_000;
const heapMegabytes = 512;

interface Job {
  readonly text: string;
  readonly resolve: (json: string) => void;
  readonly reject: (error: ApiError) => void;
}

export class YamlReader implements Disposable {
  readonly #clock: Clock;
  readonly #waiting = new TurnQueue<Job>();
  #worker: Worker | undefined;
  #current: Job | undefined;
  /** Until the thread is too slow, or idle for too long. */
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The JSON text of the same value. Throws BadRequest, or TooManyRequests when too much waits. */
  read(flow: Flow, text: string): Promise<string> {
    const isFull =
      this.#waiting.size >= waitingMax || this.#waiting.sizeOfUser(flow.user) >= waitingOfUserMax;
    if (this.#isClosed || isFull)
      throw new ApiError("TooManyRequests", "Too many YAML bodies, please send JSON or try again later.", {
        retryAfterSeconds: 1,
      });
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    this.#waiting.push(flow, { text, resolve, reject });
    this.#next();
    return promise;
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#fail(new ApiError("ServiceUnavailable", "the server is stopping", { retryAfterSeconds: 1 }));
  }

  #next(): void {
    if (this.#current || this.#isClosed) return;
    this.#timer?.cancel();
    const job = this.#waiting.shift();
    if (!job) {
      this.#timer = this.#clock.setTimer(idleMs, () => this.#stop());
      return;
    }
    this.#current = job;
    this.#timer = this.#clock.setTimer(readMsMax, () =>
      this.#fail(
        new ApiError("RequestEntityTooLarge", "the YAML takes too long to read: send JSON, or less of it"),
      ),
    );
    this.#worker ??= this.#start();
    this.#worker.postMessage(job.text, []);
  }

  #start(): Worker {
    const script = new URL(`./yaml-worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(script, {
      name: "yaml",
      resourceLimits: { maxOldGenerationSizeMb: heapMegabytes },
    });
    worker.unref();
    worker.on("message", (reply: YamlReply) => {
      if (this.#worker === worker) this.#answer(reply);
    });
    const lost = () => {
      if (this.#worker === worker)
        this.#fail(new ApiError("RequestEntityTooLarge", "the YAML takes too much memory: send JSON"));
    };
    worker.on("error", lost);
    worker.on("exit", lost);
    return worker;
  }

  #answer(reply: YamlReply): void {
    const job = this.#current;
    this.#current = undefined;
    if (reply.kind === "json") job?.resolve(reply.text);
    else job?.reject(badRequest(reply.message));
    this.#next();
  }

  /** The thread is no good any more; the next text gets another. */
  #fail(error: ApiError): void {
    this.#stop();
    const job = this.#current;
    this.#current = undefined;
    job?.reject(error);
    if (!this.#isClosed) return this.#next();
    for (let left = this.#waiting.shift(); left; left = this.#waiting.shift()) left.reject(error);
  }

  #stop(): void {
    this.#timer?.cancel();
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
  }
}
