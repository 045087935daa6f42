import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { Log } from "../../kit/log.ts";
import { Gate } from "../core/gate.ts";

/** The folders of instances, `<state>/instances/<uid>`, with their logs and emptyDirs. They go when the scheduler lets go of the instance. */
export class InstanceFolders {
  readonly #folder: string;
  readonly #log: Log;
  readonly #gate = new Gate(4);

  constructor(folder: string, log: Log) {
    this.#folder = folder;
    this.#log = log;
  }

  remove(uid: string): void {
    this.#gate
      .run(() => rm(join(this.#folder, uid), { recursive: true, force: true }))
      .catch((err: unknown) => this.#log.warn("folder of an ended instance not removed", { uid, err }));
  }

  /** Removes what an earlier process did not get to. */
  async sweep(isHeld: (uid: string) => boolean): Promise<void> {
    for (const uid of await readdir(this.#folder).catch(() => [])) if (!isHeld(uid)) this.remove(uid);
  }
}
