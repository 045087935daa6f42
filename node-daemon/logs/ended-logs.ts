/**
 * Keeps the logs of instances that are over, so that a finished job can still be read: the newest so many. What is
 * older goes, with the whole folder of its instance.
 */
import { readdir, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../../kit/log.ts";
import { Gate } from "../core/gate.ts";

export class EndedLogs {
  readonly #folder: string;
  readonly #countMax: number;
  readonly #log: Log;
  readonly #gate = new Gate(4);
  /** Uids, the oldest first. */
  readonly #kept = new Set<string>();

  constructor(folder: string, countMax: number, log: Log) {
    this.#folder = folder;
    this.#countMax = countMax;
    this.#log = log;
  }

  keep(uid: string): void {
    this.#kept.add(uid);
    for (const oldest of this.#kept) {
      if (this.#kept.size <= this.#countMax) break;
      this.remove(oldest);
    }
  }

  /** Removes the folder of an instance that is over. */
  remove(uid: string): void {
    this.#kept.delete(uid);
    this.#gate
      .run(() => rm(join(this.#folder, uid), { recursive: true, force: true }))
      .catch((err: unknown) => this.#log.warn("folder of an ended instance not removed", { uid, err }));
  }

  /** Takes over what an earlier process left. */
  async adopt(isHeld: (uid: string) => boolean): Promise<void> {
    const found: { uid: string; atMs: number }[] = [];
    for (const uid of await readdir(this.#folder).catch(() => [])) {
      const facts = await stat(join(this.#folder, uid)).catch(() => undefined);
      if (facts) found.push({ uid, atMs: facts.mtimeMs });
    }
    for (const { uid } of found.sort((a, b) => a.atMs - b.atMs)) if (!isHeld(uid)) this.keep(uid);
  }
}
