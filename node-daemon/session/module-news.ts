/**
 * What one session has to tell of the node's modules: all of them first, then what changes. Only names wait here, and the
 * state is read when it is told. Bounded: where more has changed than there are modules, all are told again.
 */
import type { Module } from "../../proto/gen/wherry/v1/Module.ts";
import type { ModuleInventory as ModuleInventoryMessage } from "../../proto/gen/wherry/v1/ModuleInventory.ts";
import { batchItemsMax } from "../../proto/node-service.ts";
import type { ModuleInventory } from "./module-inventory.ts";

/** Names can be long; a message is far smaller than what may be sent. */
const messageCharsMax = 1024 * 1024;

const stateNames = { fetched: "STATE_FETCHED", prepared: "STATE_PREPARED" } as const;

export class ModuleNews {
  readonly #inventory: ModuleInventory;
  readonly #waitingMax: number;
  #waiting: Set<string>;
  #complete = true;

  constructor(inventory: ModuleInventory, waitingMax: number) {
    this.#inventory = inventory;
    this.#waitingMax = waitingMax;
    this.#waiting = new Set(inventory.images());
  }

  changed(image: string): void {
    this.#waiting.add(image);
    if (this.#waiting.size <= this.#waitingMax) return;
    this.#waiting = new Set(this.#inventory.images());
    this.#complete = true;
  }

  /** The next message; undefined: everything is told. */
  take(): ModuleInventoryMessage | undefined {
    if (!this.#complete && this.#waiting.size === 0) return undefined;
    const modules: Module[] = [];
    let chars = 0;
    for (const image of this.#waiting) {
      if (modules.length >= batchItemsMax || chars > messageCharsMax) break;
      this.#waiting.delete(image);
      const state = this.#inventory.stateOf(image);
      chars += image.length;
      modules.push({ image, state: state === undefined ? "STATE_GONE" : stateNames[state] });
    }
    const complete = this.#complete;
    this.#complete = false;
    return { complete, modules };
  }
}
