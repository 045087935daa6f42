import type { Clock } from "../../../kit/clock.ts";
import { Bug, WherryError } from "../../../kit/errors.ts";
import type { Log } from "../../../kit/log.ts";
import type { WorkerOptions, WorkerReply, WorkerRequest } from "./messages.ts";
import { type Answer, failureOf, WorkerLink } from "./worker-link.ts";

/** A worker that dies at once, again and again, is not started more often than this. */
const restartMsMin = 1_000;

export type Opened = WorkerReply & { readonly kind: "opened" };

interface ThreadSettings {
  readonly script: URL;
  readonly worker: WorkerOptions;
  readonly clock: Clock;
  readonly log: Log;
}

/** The store's worker, whichever it is: one that died is replaced at the next question. */
export class StoreThread {
  readonly opened: Opened;
  readonly #settings: ThreadSettings;
  #link: WorkerLink;
  #linkedAtMs: number;
  #relinking: Promise<WorkerLink> | undefined;
  /** Said so already. */
  #isAway = false;
  #onReplaced: (link: WorkerLink, opened: Opened) => Promise<void> = () => Promise.resolve();

  private constructor(settings: ThreadSettings, link: WorkerLink, opened: Opened) {
    this.#settings = settings;
    this.#link = link;
    this.opened = opened;
    this.#linkedAtMs = settings.clock.monotonic();
  }

  /** Rejects when the file cannot be opened. */
  static async start(settings: ThreadSettings): Promise<StoreThread> {
    const link = new WorkerLink(settings.script, settings.worker);
    return new StoreThread(settings, link, await openedBy(link));
  }

  /** What is done with a new worker before it is asked anything else. */
  onReplaced(listener: (link: WorkerLink, opened: Opened) => Promise<void>): void {
    this.#onReplaced = listener;
  }

  async ask(request: WorkerRequest): Promise<Answer> {
    const link = this.#link.isDead ? await this.#replaced() : this.#link;
    return link.ask(request);
  }

  async close(): Promise<void> {
    await this.#relinking?.catch(() => {});
    await this.#link.close();
  }

  #replaced(): Promise<WorkerLink> {
    if (!this.#relinking) {
      const relinking = this.#relink();
      this.#relinking = relinking;
      const done = () => void (this.#relinking = undefined);
      relinking.then(done, done);
    }
    return this.#relinking;
  }

  async #relink(): Promise<WorkerLink> {
    const { script, worker, clock, log } = this.#settings;
    if (clock.monotonic() - this.#linkedAtMs < restartMsMin)
      throw new WherryError("StoreUnavailable", "the store's thread has ended; it is started again soon", {
        retryable: true,
      });
    this.#linkedAtMs = clock.monotonic();
    if (!this.#isAway) log.error("the store's thread has ended; starting it again");
    this.#isAway = true;
    const link = new WorkerLink(script, worker);
    const opened = await openedBy(link);
    try {
      await this.#onReplaced(link, opened);
    } catch (thrown) {
      await link.close().catch(() => {});
      throw thrown;
    }
    this.#link = link;
    this.#isAway = false;
    return link;
  }
}

async function openedBy(link: WorkerLink): Promise<Opened> {
  const { reply } = await link.opened;
  if (reply.kind === "opened") return reply;
  await link.ended;
  throw reply.kind === "failed" ? failureOf(reply) : new Bug(`the store's worker began with ${reply.kind}`);
}
