/**
 * Follows the logs of all instances of a target, also of those that come later.
 *
 * A list gives the instances there are, a watch those that come. Each instance's log is opened once, as soon as it is
 * no longer pending (before that it has none). At most `clientLimits.logStreams` are open; more wait for one to end.
 * It ends when everything that can still write has ended: a single instance with its log, a job with its condition,
 * a deployment only when it is deleted or the user has seen enough.
 */
import type { ApiObject } from "../../api/object-meta.ts";
import type { Condition, WasmInstance } from "../../api/gen/kinds.gen.ts";
import type { ApiClient } from "../client/api-client.ts";
import { clientLimits } from "../client/limits.ts";
import { getObject, listObjects } from "../client/objects.ts";
import { ApiStatusError, isNotFound } from "../client/status-error.ts";
import { watch } from "../client/watch.ts";
import { describeError } from "../error-text.ts";
import type { Terminal } from "../terminal.ts";
import { selectInstances, type LogTarget } from "./instances.ts";
import { printLog, type LogQuery } from "./log-stream.ts";

export class LogFollower {
  readonly #client: ApiClient;
  readonly #terminal: Terminal;
  readonly #target: LogTarget;
  readonly #query: LogQuery;
  readonly #seen = new Set<string>();
  readonly #waiting: WasmInstance[] = [];
  readonly #stop = new AbortController();
  #open = 0;
  #failure: unknown;

  constructor(client: ApiClient, terminal: Terminal, target: LogTarget, query: LogQuery) {
    this.#client = client;
    this.#terminal = terminal;
    this.#target = target;
    this.#query = query;
  }

  async run(): Promise<void> {
    const { instances, namespace, name, reference } = this.#target;
    const query = name === undefined ? {} : { fieldSelector: `metadata.name=${name}` };
    while (!this.#stop.signal.aborted) {
      const list = await listObjects(this.#client, instances, namespace, query);
      const selected = selectInstances(this.#target, list.items);
      if (this.#seen.size === 0 && !selected.some(hasLog)) {
        await this.#terminal.err(`waiting for ${reference} to start\n`);
      }
      for (const instance of selected) this.#consider(instance);
      await this.#endIfFinished();
      try {
        const signal = this.#stop.signal;
        const request = {
          ...query,
          resource: instances,
          namespace,
          resourceVersion: list.resourceVersion,
          signal,
        };
        for await (const event of watch<ApiObject>(this.#client, this.#terminal.clock, request)) {
          if (event.type === "DELETED") await this.#endIfFinished();
          else for (const instance of selectInstances(this.#target, [event.object])) this.#consider(instance);
        }
      } catch (error) {
        if (!(error instanceof ApiStatusError && error.httpStatus === 410)) throw error;
      }
    }
    if (this.#failure !== undefined) throw this.#failure;
  }

  #consider(instance: WasmInstance): void {
    const { uid } = instance.metadata;
    if (this.#seen.has(uid) || !hasLog(instance)) return;
    this.#seen.add(uid);
    this.#waiting.push(instance);
    this.#openNext();
  }

  #openNext(): void {
    while (this.#open < clientLimits.logStreams) {
      const instance = this.#waiting.shift();
      if (!instance) return;
      this.#open++;
      void this.#follow(instance.metadata.name);
    }
  }

  async #follow(name: string): Promise<void> {
    const prefix = () => (this.#seen.size > 1 ? `[${name}] ` : "");
    try {
      await printLog(
        this.#client,
        this.#terminal,
        this.#target,
        name,
        this.#query,
        prefix,
        this.#stop.signal,
      );
    } catch (error) {
      if (this.#target.name !== undefined) this.#failure = error;
      // One of many that is gone, or whose node is, does not end the others.
      else if (!isNotFound(error)) await this.#terminal.err(`${prefix()}${describeError(error)}\n`);
    } finally {
      this.#open--;
      this.#openNext();
    }
    await this.#endIfFinished().catch((error: unknown) => {
      this.#failure = error;
      this.#stop.abort();
    });
  }

  async #endIfFinished(): Promise<void> {
    if (this.#open > 0 || this.#waiting.length > 0) return;
    const { workload, namespace, name } = this.#target;
    const finished =
      name !== undefined
        ? this.#seen.size > 0
        : workload !== undefined && (await this.#isFinished(workload.resource, namespace, workload.name));
    if (finished && this.#open === 0) this.#stop.abort();
  }

  async #isFinished(resource: LogTarget["instances"], namespace: string, name: string): Promise<boolean> {
    try {
      const object = await getObject(this.#client, resource, namespace, name);
      const { conditions = [] } = (object["status"] ?? {}) as { readonly conditions?: readonly Condition[] };
      return conditions.some(
        ({ type, status }) => status === "True" && (type === "Complete" || type === "Failed"),
      );
    } catch (error) {
      if (isNotFound(error)) return true;
      throw error;
    }
  }
}

function hasLog({ status }: WasmInstance): boolean {
  return status !== undefined && status.phase !== "Pending";
}
