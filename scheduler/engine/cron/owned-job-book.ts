import type { WasmJob } from "../../../api/gen/kinds.gen.ts";
import { endOf, type OwnedJob } from "../../core/controllers/cron-job/owned-jobs.ts";

/** Jobs that others have deleted and that wait for the status to be stored; of more than so many the oldest are forgotten. */
const goneMax = 100;

interface Awaited {
  readonly name: string;
  /** Monotonic. */
  readonly untilMs: number;
  readonly job: WasmJob | undefined;
}

/**
 * The jobs of one cron job.
 *
 *   created by us ──▶ awaited ──the watch has it──▶ there ──▶ deleted (by us), or gone (by others) ──▶ forgotten
 *
 * The watch may be late: an awaited job counts as there, and no other is made until it has come. What the watch skips,
 * because it came and went while nobody listened, is waited for no longer than `untilMs`.
 */
export class OwnedJobBook {
  readonly #jobs = new Map<string, OwnedJob>();
  #goneCount = 0;
  #awaited: Awaited | undefined;

  get isEmpty(): boolean {
    return this.#jobs.size === 0 && this.#awaited === undefined;
  }

  list(): readonly OwnedJob[] {
    const known = [...this.#jobs.values()];
    const awaited = this.#awaited?.job;
    return awaited === undefined ? known : [...known, { job: awaited, presence: "there" }];
  }

  /** Before a job is created, as the watch may have it before the answer comes. */
  await(name: string, untilMs: number): void {
    this.#awaited = { name, untilMs, job: undefined };
  }

  /** The answer has come; unless the watch has had the job already, it counts from now on. */
  created(job: WasmJob): void {
    if (this.#awaited?.name === job.metadata.name) this.#awaited = { ...this.#awaited, job };
  }

  forgetAwaited(): void {
    this.#awaited = undefined;
  }

  /** Monotonic; undefined: none is awaited (any more). */
  awaitedUntilMs(nowMs: number): number | undefined {
    if (this.#awaited && this.#awaited.untilMs <= nowMs) this.#awaited = undefined;
    return this.#awaited?.untilMs;
  }

  /** Answers whether that matters: statuses of jobs change often, and only their beginning and their end do. */
  put(job: WasmJob): boolean {
    const { uid, name } = job.metadata;
    const wasAwaited = this.#awaited?.name === name;
    if (wasAwaited) this.#awaited = undefined;
    const before = this.#jobs.get(uid);
    this.#jobs.set(uid, { job, presence: before?.presence ?? "there" });
    return wasAwaited || before === undefined || isOtherwise(before.job, job);
  }

  /** We ask for it to be deleted. */
  deleted({ metadata: { uid } }: WasmJob): void {
    const known = this.#jobs.get(uid);
    if (known?.presence === "there") this.#jobs.set(uid, { ...known, presence: "deleted" });
  }

  /** Whether it will be deleted is not known. */
  undeleted({ metadata: { uid } }: WasmJob): void {
    const known = this.#jobs.get(uid);
    if (known?.presence === "deleted") this.#jobs.set(uid, { ...known, presence: "there" });
  }

  /** The watch says that it is not there any more. */
  remove(job: WasmJob): void {
    const { uid, name } = job.metadata;
    if (this.#awaited?.name === name) this.#awaited = undefined;
    const before = this.#jobs.get(uid);
    this.#jobs.delete(uid);
    if (before?.presence === "deleted") return;
    this.#jobs.set(uid, { job, presence: "gone" });
    this.#goneCount++;
    if (this.#goneCount > goneMax) this.#forgetOneGone();
  }

  /** It is none of these any more. */
  disown(uid: string): void {
    if (this.#jobs.get(uid)?.presence === "gone") this.#goneCount--;
    this.#jobs.delete(uid);
  }

  /** A status that takes these into account is stored. */
  accountedFor(jobs: readonly OwnedJob[]): void {
    for (const { job, presence } of jobs) if (presence === "gone") this.#forgetGone(job.metadata.uid);
  }

  #forgetOneGone(): void {
    for (const [uid, { presence }] of this.#jobs)
      if (presence === "gone") {
        this.#forgetGone(uid);
        return;
      }
  }

  #forgetGone(uid: string): void {
    if (this.#jobs.get(uid)?.presence !== "gone") return;
    this.#jobs.delete(uid);
    this.#goneCount--;
  }
}

function isOtherwise(before: WasmJob, now: WasmJob): boolean {
  const { deletionTimestamp } = before.metadata;
  return endOf(before) !== endOf(now) || deletionTimestamp !== now.metadata.deletionTimestamp;
}
