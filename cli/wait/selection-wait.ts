/**
 * Waits for what one selection names: an object, or all that a selector finds. The objects are those of the first list; of what is
 * created later only `create` takes notice, since whoever waits for a set means the one that is there. An object that goes away
 * while something else is waited for may come back, so it is waited for until the time is over.
 *
 *   first list ──▶ pending ──met──▶ said at once
 *                     ├──hopeless──▶ failure
 *                     └──the time is over──▶ failure that says how the object was last
 */
import type { ApiObject } from "../../api/object-meta.ts";
import type { ApiClient } from "../client/api-client.ts";
import { errorMessage } from "../../kit/errors.ts";
import { clientLimits } from "../client/limits.ts";
import { getObject } from "../client/objects.ts";
import { observe, type Sighting } from "../client/observe.ts";
import { isNotFound } from "../client/status-error.ts";
import { objectReference, type Resource } from "../resources/resource.ts";
import type { Terminal } from "../terminal.ts";
import { judge } from "./judge.ts";
import type { WaitGoal } from "./wait-goal.ts";

export interface WaitSelection {
  readonly resource: Resource;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
}

export interface WaitRequest {
  readonly client: ApiClient;
  readonly terminal: Terminal;
  readonly goal: WaitGoal;
  /** Looks once and does not wait. */
  readonly once: boolean;
  /** Aborts when the time is over. */
  readonly signal: AbortSignal;
}

export interface WaitOutcome {
  /** How many objects were waited for. */
  readonly count: number;
  readonly failures: readonly string[];
}

interface Pending {
  readonly uid: string | undefined;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly seen: string;
}

/** Rejects with what the server says when an object that is named does not exist and should. */
export async function waitForSelection(request: WaitRequest, selection: WaitSelection): Promise<WaitOutcome> {
  return new SelectionWait(request, selection).run();
}

class SelectionWait {
  readonly #request: WaitRequest;
  readonly #selection: WaitSelection;
  readonly #pending = new Map<string, Pending>();
  readonly #failures: string[] = [];
  /** What there was in the list that is being read, or that was read last; and what came since. */
  #told = new Set<string>();
  /** Questions whether what has left the selection is gone. They are asked beside the watch, a few at a time. */
  readonly #checks = new Set<Promise<void>>();
  readonly #enough = new AbortController();
  #listed = false;
  #count = 0;

  constructor(request: WaitRequest, selection: WaitSelection) {
    this.#request = request;
    this.#selection = selection;
  }

  async run(): Promise<WaitOutcome> {
    const { client, terminal, once, signal } = this.#request;
    const { resource, namespace, name, labelSelector } = this.#selection;
    const fieldSelector = name === undefined ? this.#selection.fieldSelector : `metadata.name=${name}`;
    const where = { resource, namespace, labelSelector, fieldSelector };
    const until = AbortSignal.any([signal, this.#enough.signal]);
    for await (const sighting of observe(client, terminal.clock, { ...where, signal: until })) {
      await this.#take(sighting);
      if (this.#listed && (once || this.#isDone())) break;
    }
    this.#enough.abort();
    await Promise.all(this.#checks);
    for (const { name: left, seen } of this.#pending.values()) {
      const object = `${resource.plural}/${left}`;
      const what = once ? "condition not met for" : "timed out waiting for the condition on";
      this.#failures.push(`${what} ${object}: ${seen}`);
    }
    if (name !== undefined && this.#count === 0 && !once && this.#request.goal.kind === "create") {
      const object = `${resource.plural}/${name}`;
      this.#failures.push(`timed out waiting for the condition on ${object}: it does not exist yet`);
    }
    return { count: this.#count, failures: this.#failures };
  }

  #isDone(): boolean {
    // Who waits for a creation waits for the first.
    return this.#pending.size === 0 && (this.#count > 0 || this.#request.goal.kind !== "create");
  }

  async #take(sighting: Sighting): Promise<void> {
    switch (sighting.kind) {
      case "present":
        return this.#present(sighting.object);
      case "gone":
        return this.#gone(keyOf(sighting.object.metadata));
      case "listing":
        this.#told = new Set();
        return;
      case "listed":
        return this.#endOfList();
      default:
        return sighting satisfies never;
    }
  }

  async #present(object: ApiObject): Promise<void> {
    const { name, namespace, uid } = object.metadata;
    const key = keyOf(object.metadata);
    this.#told.add(key);
    const before = this.#pending.get(key);
    const { goal } = this.#request;
    if (!before) {
      if (this.#listed && goal.kind !== "create") return;
      this.#count++;
    }
    // The one that was waited for is gone; this is another one of its name.
    const isAnother = before?.uid !== undefined && before.uid !== uid && goal.kind === "delete";
    const verdict = isAnother ? ({ kind: "met" } as const) : judge(goal, object);
    if (verdict.kind === "waiting") this.#pending.set(key, { uid, name, namespace, seen: verdict.seen });
    else {
      this.#pending.delete(key);
      if (verdict.kind === "met") await this.#say(name);
      else this.#failures.push(`${objectReference(this.#selection.resource, name)}: ${verdict.why}`);
    }
  }

  async #gone(key: string): Promise<void> {
    const before = this.#pending.get(key);
    if (!before) return;
    if (this.#request.goal.kind !== "delete") {
      this.#pending.set(key, { ...before, seen: "it was deleted in the meantime" });
      return;
    }
    const { name, labelSelector, fieldSelector } = this.#selection;
    const canOnlyBeGone = name !== undefined || (labelSelector === undefined && fieldSelector === undefined);
    if (canOnlyBeGone) return this.#confirm(key, before);
    if (this.#checks.size >= clientLimits.concurrency) await Promise.race(this.#checks);
    const check = this.#check(key, before).finally(() => this.#checks.delete(check));
    this.#checks.add(check);
  }

  async #confirm(key: string, { name }: Pending): Promise<void> {
    this.#pending.delete(key);
    await this.#say(name);
  }

  /** Never rejects. */
  async #check(key: string, before: Pending): Promise<void> {
    try {
      const isGone = await this.#isReallyGone(before);
      // It may have come back meanwhile.
      if (this.#pending.get(key) !== before) return;
      if (isGone) await this.#confirm(key, before);
      else this.#pending.set(key, { ...before, seen: "it no longer matches the selector, but it exists" });
    } catch (error) {
      this.#failures.push(
        `${objectReference(this.#selection.resource, before.name)}: ${errorMessage(error)}`,
      );
      this.#pending.delete(key);
    }
    if (this.#listed && this.#isDone()) this.#enough.abort();
  }

  /** An object may also leave a selection by its labels. */
  async #isReallyGone({ name, namespace, uid }: Pending): Promise<boolean> {
    return getObject(this.#request.client, this.#selection.resource, namespace, name).then(
      ({ metadata }) => metadata.uid !== uid,
      (error: unknown) => {
        if (isNotFound(error)) return true;
        throw error;
      },
    );
  }

  async #endOfList(): Promise<void> {
    for (const key of this.#pending.keys()) if (!this.#told.has(key)) await this.#gone(key);
    if (!this.#listed) await this.#expectNamed();
    this.#listed = true;
  }

  async #expectNamed(): Promise<void> {
    const { client, goal, once } = this.#request;
    const { resource, namespace, name } = this.#selection;
    if (name === undefined || this.#count > 0 || goal.kind === "delete") return;
    // Throws the server's own words. If it has come just now, it is what the list would have told.
    if (goal.kind !== "create" || once)
      await this.#present(await getObject(client, resource, namespace, name));
  }

  async #say(name: string): Promise<void> {
    await this.#request.terminal.out(`${objectReference(this.#selection.resource, name)} condition met\n`);
  }
}

function keyOf({ namespace, name }: ApiObject["metadata"]): string {
  return `${namespace ?? ""}/${name}`;
}
