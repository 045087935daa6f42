import type { Isolation } from "../../api/isolation.ts";
import type { Instance } from "./model.ts";
import { isolationOn } from "./resources.ts";

/**
 * Which modules need a process although their templates do not say so, as nodes have found: only the first instances of
 * such a template are placed for less than they take. One entry per workload, for the newest template that was found so.
 */
export class LearnedIsolation {
  readonly #templateHashes = new Map<string, string>();

  note(instance: Instance): void {
    const { owner, templateHash, isolation } = instance;
    if (isolation === "shared" && isolationOn(instance) !== "shared")
      this.#templateHashes.set(owner.uid, templateHash);
  }

  /** What an instance of this template is made for. */
  isolationFor(ownerUid: string, templateHash: string, asked: Isolation): Isolation {
    return asked === "shared" && this.#templateHashes.get(ownerUid) === templateHash ? "process" : asked;
  }

  drop(ownerUid: string): void {
    this.#templateHashes.delete(ownerUid);
  }
}
