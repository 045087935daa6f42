/**
 * Drains one node: asks for the eviction of each instance, again and again where it is refused, until all have gone.
 *
 *   seen on the node ──decided──▶ stays
 *                        └──▶ asked ──201──▶ leaves ──watch: gone──▶ gone
 *                              ▲ │ 429, 503, server away     │ listed anew without it
 *                              └─┘                           └──▶ asked once more: 404 says that it is gone
 *
 * Survives a scheduler that is killed: the next one has forgotten who should leave, and knows an instance again only when its node
 * has reported it. So after each new list all are asked for again, and only a 404 or the watch says that one is gone: until all
 * nodes have reported, the server answers 503 for instances that it does not know.
 *
 * Invariants: at most `concurrency` requests at once; nothing is evicted before all that is there has been decided on.
 */
import type { ApiObject } from "../../api/object-meta.ts";
import type { WasmInstance } from "../../api/gen/kinds.gen.ts";
import { errorMessage } from "../../kit/errors.ts";
import { KeyedWorker } from "../../kit/keyed-worker.ts";
import type { ApiClient } from "../client/api-client.ts";
import { observe } from "../client/observe.ts";
import { ApiStatusError } from "../client/status-error.ts";
import { Failure } from "../failure.ts";
import { dryRunText } from "../nodes/set-schedulable.ts";
import { objectReference, type Resource } from "../resources/resource.ts";
import type { Terminal } from "../terminal.ts";
import { askToLeave, type AskedHow } from "./ask-to-leave.ts";
import { drainLimits } from "./drain-limits.ts";
import { CalmVoice, waitingLines } from "./waiting-reasons.ts";
import { type DepartureRules, isOver } from "./who-leaves.ts";

export interface DrainOptions extends AskedHow {
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly instances: Resource;
  readonly rules: DepartureRules;
  /** Only these leave; undefined: all. */
  readonly labelSelector: string | undefined;
}

interface Leaver {
  readonly instance: WasmInstance;
  /** What it waits for; empty: nobody has said. */
  reason: string;
}

export class NodeDrain {
  readonly #options: DrainOptions;
  readonly #nodeName: string;
  readonly #leavers = new Map<string, Leaver>();
  /** Uids of instances that stay. */
  readonly #staying = new Set<string>();
  readonly #worker: KeyedWorker;
  readonly #voice = new CalmVoice();
  readonly #warned = new Set<string>();
  readonly #done = new AbortController();
  #failure: unknown;
  #gone = 0;

  constructor(nodeName: string, options: DrainOptions) {
    this.#options = options;
    this.#nodeName = nodeName;
    this.#worker = new KeyedWorker((uid) => this.#ask(uid), {
      clock: options.terminal.clock,
      concurrencyMax: drainLimits.concurrency,
      intervalMs: 0,
      backoff: drainLimits.retry,
      failed: (uid, thrown) => this.#askFailed(uid, thrown),
    });
  }

  /** How many have gone. */
  get gone(): number {
    return this.#gone;
  }

  /** Resolves when all have gone. Rejects with a Failure that says what is left when `signal` aborts first. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options.terminal;
    const ends = AbortSignal.any([signal, this.#done.signal]);
    let report = clock.setTimer(drainLimits.reportMs, () => reportAgain());
    const reportAgain = () => {
      this.#report();
      report = clock.setTimer(drainLimits.reportMs, reportAgain);
    };
    try {
      await this.#follow(ends);
    } finally {
      report.cancel();
      await this.#worker.close();
    }
    if (this.#failure !== undefined) throw this.#failure;
    if (signal.aborted) throw new Failure(this.#leftText());
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { client, terminal, instances, labelSelector } = this.#options;
    const fieldSelector = `spec.nodeName=${this.#nodeName}`;
    const query = { resource: instances, namespace: undefined, fieldSelector, labelSelector, signal };
    let found: WasmInstance[] | undefined;
    for await (const sighting of observe(client, terminal.clock, query)) {
      if (sighting.kind === "listing") found = [];
      else if (sighting.kind === "listed") {
        await this.#decideAll(found ?? []);
        found = undefined;
        if (this.#options.dryRun === "client") return;
        for (const uid of this.#leavers.keys()) this.#worker.schedule(uid);
        this.#endIfEmpty();
      } else if (sighting.kind === "gone") await this.#left(sighting.object.metadata.uid);
      else if (found) found.push(asInstance(sighting.object));
      else await this.#appeared(asInstance(sighting.object));
    }
  }

  /** Of what is there at once nothing is evicted if something may not be. */
  async #decideAll(found: readonly WasmInstance[]): Promise<void> {
    const refusals: { readonly name: string; readonly why: string }[] = [];
    const leaving: WasmInstance[] = [];
    for (const instance of found) {
      if (await this.#isKnown(instance)) continue;
      const decision = await this.#options.rules.decide(instance);
      if (decision.kind === "refuse") refusals.push({ name: nameOf(instance), why: decision.why });
      else if (decision.kind === "stay") this.#staying.add(instance.metadata.uid);
      else leaving.push(instance);
      if (decision.kind !== "refuse") await this.#warn(decision.warning, instance);
    }
    if (refusals.length > 0) throw new Failure(refusalText(refusals));
    for (const instance of leaving) await this.#add(instance);
  }

  /** It got its node before that was cordoned, or its node has reported it to a new scheduler. */
  async #appeared(instance: WasmInstance): Promise<void> {
    if (await this.#isKnown(instance)) return;
    const { uid } = instance.metadata;
    const decision = await this.#options.rules.decide(instance);
    if (decision.kind === "evict") {
      await this.#add(instance);
      this.#worker.schedule(uid);
      return;
    }
    this.#staying.add(uid);
    await this.#warn(decision.kind === "refuse" ? decision.why : decision.warning, instance);
  }

  async #isKnown(instance: WasmInstance): Promise<boolean> {
    const { uid } = instance.metadata;
    if (!this.#leavers.has(uid)) return this.#staying.has(uid);
    // What has ended is shown for a while.
    if (isOver(instance)) await this.#left(uid);
    return true;
  }

  async #add(instance: WasmInstance): Promise<void> {
    const { dryRun, terminal } = this.#options;
    this.#leavers.set(instance.metadata.uid, { instance, reason: "" });
    await terminal.out(`evicting instance ${nameOf(instance)}${dryRunText(dryRun)}\n`);
  }

  async #warn(warning: string | undefined, instance: WasmInstance): Promise<void> {
    if (warning === undefined || this.#warned.has(warning)) return;
    this.#warned.add(warning);
    await this.#options.terminal.err(`Warning: ${warning}, such as ${nameOf(instance)}\n`);
  }

  async #ask(uid: string): Promise<void> {
    const leaver = this.#leavers.get(uid);
    if (leaver === undefined || this.#done.signal.aborted) return;
    const answer = await askToLeave(this.#options, leaver.instance, this.#done.signal);
    if (answer.kind === "gone") await this.#left(uid);
    else if (this.#options.dryRun === "server") this.#forget(uid);
    else leaver.reason = answer.waitsFor;
  }

  #askFailed(uid: string, thrown: unknown): void {
    const leaver = this.#leavers.get(uid);
    if (this.#done.signal.aborted || leaver === undefined) return;
    if (thrown instanceof ApiStatusError && !thrown.retryable) {
      this.#failure = thrown;
      this.#done.abort();
      return;
    }
    leaver.reason = refusalOf(thrown);
    if (this.#options.dryRun !== "server") return;
    void this.#options.terminal.err(`instance ${nameOf(leaver.instance)}: ${leaver.reason}\n`);
    this.#forget(uid);
  }

  async #left(uid: string): Promise<void> {
    const leaver = this.#leavers.get(uid);
    if (leaver === undefined) return;
    this.#gone++;
    const { terminal, instances } = this.#options;
    this.#leavers.delete(uid);
    await terminal.out(`${objectReference(instances, leaver.instance.metadata.name)} evicted\n`);
    this.#endIfEmpty();
  }

  #forget(uid: string): void {
    this.#leavers.delete(uid);
    this.#endIfEmpty();
  }

  #endIfEmpty(): void {
    if (this.#leavers.size === 0) this.#done.abort();
  }

  /** Says what is waited for, and asks some of those that leave later whether that is still so. */
  #report(): void {
    const { terminal } = this.#options;
    const text = this.#voice.say(this.#reasons(), terminal.clock.monotonic());
    if (text !== undefined) void terminal.err(text);
    let asked = 0;
    for (const uid of this.#leavers.keys()) {
      if (++asked > drainLimits.askedMax) break;
      this.#worker.schedule(uid);
    }
  }

  #reasons(): readonly string[] {
    const reasons = [...this.#leavers.values()].map(({ reason }) => reason).filter((reason) => reason !== "");
    return waitingLines(reasons, `node ${this.#nodeName}`);
  }

  #leftText(): string {
    const lines = this.#reasons().map((line) => `\n  ${line}`);
    return `the time is over, and instances are still there: ${this.#leavers.size}${lines.join("")}`;
  }
}

function refusalText(refusals: readonly { readonly name: string; readonly why: string }[]): string {
  const byReason = Map.groupBy(refusals, ({ why }) => why);
  return [...byReason]
    .map(([why, group]) => `${why}: ${shortList(group.map(({ name }) => name))}`)
    .join("; ");
}

function shortList(names: readonly string[]): string {
  const shown = names.slice(0, drainLimits.reasonsMax).join(", ");
  return names.length > drainLimits.reasonsMax
    ? `${shown} and ${names.length - drainLimits.reasonsMax} more`
    : shown;
}

/** What a budget says is in the causes. */
function refusalOf(thrown: unknown): string {
  if (!(thrown instanceof ApiStatusError)) return errorMessage(thrown);
  const causes = thrown.status.details?.causes?.flatMap(({ message }) => message ?? []) ?? [];
  return causes.length > 0 ? causes.join("; ") : thrown.message;
}

function nameOf({ metadata: { namespace, name } }: WasmInstance): string {
  return `${namespace ?? ""}/${name}`;
}

function asInstance(object: ApiObject): WasmInstance {
  // What the server lists under wasminstances.
  return object as unknown as WasmInstance;
}
