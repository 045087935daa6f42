/**
 * Removes from the disk what no instance uses: modules, their translations, old logs. What is in use never goes, and what
 * goes can be fetched or made again.
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { ModuleStore } from "../images/module-store.ts";
import { previousFile } from "../logs/log-record.ts";
import type { RuntimeDriver } from "../runtimes/runtime-driver.ts";
import { garbageLimits } from "./core/limits.ts";

export interface GarbageCollectorOptions {
  readonly drivers: readonly Pick<RuntimeDriver, "collectGarbage">[];
  readonly modules: Pick<ModuleStore, "isUsed" | "lastUsed" | "collectGarbage">;
  readonly onTranslationsRemoved: (digest: string) => void;
  /** Log folders of instances that have ended and are still known. */
  readonly endedLogFolders: () => readonly string[];
  readonly log: Log;
}

export class GarbageCollector {
  readonly #options: GarbageCollectorOptions;
  #running: Promise<void> | undefined;
  #asked = false;
  /** Of the last run; what the metrics show. */
  translationBytes = 0;

  constructor(options: GarbageCollectorOptions) {
    this.#options = options;
  }

  /** There may be too much now. One run at a time, and one more for whatever is asked meanwhile. */
  request(): void {
    this.#asked = true;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
  }

  /** The disk is short: everything that is not in use. */
  async collectAll(): Promise<void> {
    await this.#running;
    const { modules, endedLogFolders, log } = this.#options;
    try {
      await this.#collectTranslations(0, 0);
      await modules.collectGarbage(0);
      for (const folder of endedLogFolders()) await rm(join(folder, previousFile), { force: true });
    } catch (thrown) {
      log.warn("garbage could not be removed", { err: errorMessage(thrown) });
    }
  }

  async #run(): Promise<void> {
    while (this.#asked) {
      this.#asked = false;
      const { translationBytesHigh, translationBytesLow } = garbageLimits;
      try {
        await this.#collectTranslations(translationBytesHigh, translationBytesLow);
      } catch (thrown) {
        this.#options.log.warn("garbage could not be removed", { err: errorMessage(thrown) });
      }
    }
  }

  async #collectTranslations(bytesHigh: number, bytesLow: number): Promise<void> {
    const { drivers, modules, onTranslationsRemoved, log } = this.#options;
    const used = {
      isUsed: (digest: string) => modules.isUsed(digest),
      lastUsed: (digest: string) => modules.lastUsed(digest),
      removed: onTranslationsRemoved,
    };
    let keptBytes = 0;
    for (const driver of drivers) {
      let outcome = await driver.collectGarbage({ ...used, bytesMax: bytesHigh });
      if (outcome.freedBytes > 0 && bytesLow < bytesHigh) {
        const { freedBytes } = outcome;
        outcome = await driver.collectGarbage({ ...used, bytesMax: bytesLow });
        log.info("translated modules removed", { freedBytes: freedBytes + outcome.freedBytes });
      }
      keptBytes += outcome.keptBytes;
    }
    this.translationBytes = keptBytes;
  }
}
