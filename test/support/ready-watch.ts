/** Follows how many instances are ready, at each change that the scheduler tells of. */
import type { ApiClient } from "../../cli/client/api-client.ts";
import { observe } from "../../cli/client/observe.ts";
import type { Resource } from "../../cli/resources/resource.ts";
import type { WasmInstance } from "../../api/gen/kinds.gen.ts";
import { systemClock } from "../../kit/clock.ts";

const instanceResource: Resource = {
  group: "live.wherry.dev",
  version: "v1alpha1",
  plural: "wasminstances",
  singular: "wasminstance",
  kind: "WasmInstance",
  shortNames: [],
  categories: [],
  namespaced: true,
  verbs: ["list", "watch"],
};

export class ReadyWatch implements AsyncDisposable {
  readonly #stopping = new AbortController();
  readonly #following: Promise<void>;
  readonly #client: ApiClient;
  readonly #wanted: number;
  readonly #ready = new Map<string, boolean>();
  #isWhole = false;
  /** The fewest at once since as many as are wanted were. */
  fewest = Number.POSITIVE_INFINITY;

  /** `wanted`: so many are there when nothing is wrong. After a new list nothing is counted before they are: nodes report one after the other to a new scheduler. */
  constructor(client: ApiClient, wanted: number) {
    this.#client = client;
    this.#wanted = wanted;
    this.#following = this.#follow();
  }

  get now(): number {
    return [...this.#ready.values()].filter(Boolean).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping.abort();
    await this.#following;
    await this.#client[Symbol.asyncDispose]();
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stopping;
    const query = { resource: instanceResource, namespace: undefined, signal };
    for await (const sighting of observe(this.#client, systemClock, query)) {
      if (sighting.kind === "listing") {
        this.#isWhole = false;
        this.#ready.clear();
      } else if (sighting.kind !== "listed") {
        const { metadata, status } = sighting.object as unknown as WasmInstance;
        if (sighting.kind === "gone") this.#ready.delete(metadata.uid);
        else this.#ready.set(metadata.uid, status?.ready === "1/1");
      }
      if (this.now >= this.#wanted) this.#isWhole = true;
      if (this.#isWhole) this.fewest = Math.min(this.fewest, this.now);
    }
  }
}
