/**
 * Draws the picture of a rollout on a terminal: when something has changed, at most ten times a second, and once a second for its
 * clock. One drawing at a time; what changes meanwhile is in the next.
 *
 *   the workload ──▶ progress ─┐
 *   its instances ──▶ census ──┼──▶ the view ──▶ lines, written over those before
 *   its revisions ─────────────┘
 */
import type { ApiObject } from "../../api/object-meta.ts";
import type { Timer } from "../../kit/clock.ts";
import type { ApiClient } from "../client/api-client.ts";
import { observe } from "../client/observe.ts";
import { statusOf } from "../conditions.ts";
import { LiveLines } from "../output/live-lines.ts";
import { isUnicode } from "../output/locale.ts";
import { requireResource } from "../resources/resolve.ts";
import { objectReference, type Resource } from "../resources/resource.ts";
import type { Terminal } from "../terminal.ts";
import { InstanceCensus } from "./instance-census.ts";
import { pictureLines, troubleText, type RevisionView } from "./picture.ts";
import { readIdleness, troublesOf, type Progress } from "./progress.ts";
import type { RolloutReporter } from "./reporter.ts";
import { currentRevision, listRevisions, type Revision } from "./revisions.ts";
import type { Workload } from "./workload.ts";

interface PictureRequest {
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly resources: readonly Resource[];
}

/** Instances that are watched for the picture. Of more the counts of the workload's status are shown. */
const instancesMax = 5_000;
/** A picture stays for so long, however much happens. */
const redrawMs = 100;
const tickMs = 1_000;

export class PictureReporter implements RolloutReporter {
  readonly #request: PictureRequest;
  readonly #workload: Workload;
  readonly #signal: AbortSignal;
  readonly #lines: LiveLines;
  readonly #census = new InstanceCensus();
  readonly #startMs: number;
  #latest: { readonly progress: Progress; readonly object: ApiObject } | undefined;
  #revisions: readonly Revision[] = [];
  #isFollowing = false;
  #isCounting = false;
  #isShown = false;
  /** The number for which the revisions were read last. */
  #askedFor: unknown;
  #drawing: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  /** When the timer fires, on the monotonic clock. */
  #dueMs = 0;

  constructor(request: PictureRequest, workload: Workload, signal: AbortSignal) {
    this.#request = request;
    this.#workload = workload;
    this.#signal = signal;
    this.#lines = new LiveLines(request.terminal);
    this.#startMs = request.terminal.clock.monotonic();
  }

  async progress(progress: Progress, object: ApiObject): Promise<void> {
    const isNewSpec = this.#latest?.object.metadata.generation !== object.metadata.generation;
    this.#latest = { progress, object };
    const { counts } = progress;
    // What has ended before anybody looked needs no counting.
    if (progress.kind === "waiting" && counts.wanted + counts.old <= instancesMax && !this.#isFollowing) {
      this.#isFollowing = true;
      void this.#countInstances().catch(() => this.#stopCounting());
    }
    // A revision gets its number when the scheduler has seen the spec, and may get another one later.
    const number = statusOf(object)["revision"];
    const isKnown = number === undefined || this.#revisions.some((one) => one.number === number);
    if (!isNewSpec && (isKnown || number === this.#askedFor)) return this.#show(progress);
    this.#askedFor = number;
    await this.#readRevisions();
    return this.#show(progress);
  }

  async #show(progress: Progress): Promise<void> {
    if (progress.kind === "waiting") this.#drawWithin(redrawMs);
    else {
      this.#timer?.cancel();
      // Of what had ended before anybody looked there is no picture.
      if (this.#isShown || progress.kind === "failed") await this.#draw();
      if (progress.kind === "done") await this.#request.terminal.out(`${progress.text}\n`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.cancel();
    await this.#drawing;
  }

  async #countInstances(): Promise<void> {
    const { client, terminal, resources } = this.#request;
    const { namespace, instanceSelector: labelSelector } = this.#workload;
    const resource = requireResource(resources, "wasminstances.live.wherry.dev");
    const where = { resource, namespace, labelSelector, signal: this.#signal };
    for await (const sighting of observe(client, terminal.clock, where)) {
      this.#census.take(sighting, terminal.clock.monotonic());
      this.#isCounting ||= sighting.kind === "listed";
      if (this.#isCounting) this.#drawWithin(redrawMs);
    }
  }

  /** Who may not see instances still sees how far the rollout is. */
  #stopCounting(): void {
    this.#isCounting = false;
  }

  async #readRevisions(): Promise<void> {
    const { client, resources } = this.#request;
    const uid = this.#latest?.object.metadata.uid ?? "";
    this.#revisions = await listRevisions(client, resources, this.#workload, uid).catch(() => []);
  }

  #drawWithin(delayMs: number): void {
    const { clock } = this.#request.terminal;
    const dueMs = clock.monotonic() + delayMs;
    if (this.#signal.aborted || (this.#timer && this.#dueMs <= dueMs)) return;
    this.#timer?.cancel();
    this.#dueMs = dueMs;
    this.#timer = clock.setTimer(delayMs, () => {
      this.#timer = undefined;
      void this.#draw().then(() => this.#drawWithin(tickMs));
    });
  }

  #draw(): Promise<void> {
    this.#drawing = this.#drawing.then(async () => {
      const { terminal } = this.#request;
      if (!this.#latest) return;
      const { progress, object } = this.#latest;
      this.#isShown = true;
      const current = currentRevision(object, this.#revisions);
      const style = {
        colours: !terminal.env["NO_COLOR"],
        unicode: isUnicode(terminal.env),
        columns: terminal.size()?.columns ?? 80,
      };
      const nowMs = terminal.clock.monotonic();
      const troubles = [
        ...troublesOf(object),
        ...(this.#isCounting ? this.#census.troubles(current?.templateHash, nowMs).map(troubleText) : []),
      ];
      const reference = objectReference(this.#workload.resource, this.#workload.name);
      const revisions = this.#isCounting ? this.#revisionViews(current) : undefined;
      await this.#lines.show(
        pictureLines(
          {
            reference,
            progress,
            revisions,
            current: current?.number,
            troubles,
            elapsedMs: nowMs - this.#startMs,
            idleness: readIdleness(object, terminal.clock.now()),
          },
          style,
        ),
      );
    });
    return this.#drawing;
  }

  #revisionViews(current: Revision | undefined): readonly RevisionView[] {
    const counted = this.#census.revisions();
    const nothing = { ready: 0, starting: 0, waiting: 0, stopping: 0 };
    const isThere = counted.some(({ templateHash }) => templateHash === current?.templateHash);
    const all =
      current?.templateHash === undefined || isThere
        ? counted
        : [{ templateHash: current.templateHash, ...nothing }, ...counted];
    return all.map((one) => ({
      ...one,
      number: this.#revisions.find(({ templateHash }) => templateHash === one.templateHash)?.number,
      isCurrent: one.templateHash === current?.templateHash,
    }));
  }
}
