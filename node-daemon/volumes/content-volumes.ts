/**
 * The folders of configMap and secret volumes, `<state>/templates/<template id>/<volume>`: shared by the template's
 * instances, made with the first, updated while there are any, removed with the last.
 *
 *   directory ─▶ made, or found and made right ─▶ ready ◀──────────────┐
 *   update ────▶ wanted (the newest only) ──────▶ written into place ──┘──▶ the version before goes a little later
 *
 * Invariants:
 * - One writer per folder: an update waits for what is being written, and of those that wait only the newest is written.
 * - What a process finds from one before is compared with the contents that it has in its checkpoint, and made right.
 * - An update that fails (a full disk) leaves the old files, and is tried again.
 */
import { createHash } from "node:crypto";
import { readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock, Timer } from "../../kit/clock.ts";
import type { Log } from "../../kit/log.ts";
import type { VolumeContent } from "../core/assignment.ts";
import {
  createContentFolder,
  isUpdatable,
  removePartialFolders,
  updateContentFolder,
} from "./content-folder.ts";
import { pathFault } from "./content-path.ts";
import { MountFailure } from "./mount-failure.ts";

/**
 * How long a version stays after it was replaced. Guests' paths are walked one component at a time, so that there is time
 * between following `..data` and opening what it led to: microseconds, or as long as a process had to wait for a processor.
 */
const replacedKeptMs = 2_000;
/** So many of a volume are kept at most, however fast it changes. */
const replacedMax = 8;
const retryMs = 5_000;

interface Held {
  /** Rejects when the folder could not be made; then it is not held any more. */
  readonly made: Promise<void>;
  /** The newest contents that are not written yet. */
  wanted: VolumeContent | undefined;
  /** The newest contents of all, and which update brought them. */
  newest: VolumeContent | undefined;
  newestUpdate: number;
  writing: Promise<void> | undefined;
  /** Paths of versions that go soon, the oldest first. */
  readonly replaced: Set<string>;
}

export class ContentVolumes {
  readonly #root: string;
  readonly #clock: Clock;
  readonly #log: Log;
  /** By folder. */
  readonly #held = new Map<string, Held>();
  /** The folders that are held, by template folder: thousands of templates may go at once. */
  readonly #volumes = new Map<string, Set<string>>();
  /** Removals under way, by template folder: a template that comes back at once must not lose its new files to them. */
  readonly #removals = new Map<string, Promise<void>>();
  readonly #timers = new Set<Timer>();
  #updates = 0;
  #closed = false;

  constructor(stateDir: string, clock: Clock, log: Log) {
    this.#root = join(stateDir, "templates");
    this.#clock = clock;
    this.#log = log;
  }

  /** The volume's folder, with its files. Rejects with a `MountFailure`, or with what the system said. */
  async directory(
    templateId: string,
    volume: string,
    contents: () => readonly VolumeContent[],
  ): Promise<string> {
    const folder = join(this.#templateFolder(templateId), volume);
    const held = this.#held.get(folder) ?? this.#hold(folder, () => this.#make(folder, volume, contents));
    await held.made;
    return folder;
  }

  /** Resolves when the files of the volumes that are on the disk are these, or later ones. Never rejects. */
  async update(templateId: string, contents: readonly VolumeContent[]): Promise<void> {
    const folder = this.#templateFolder(templateId);
    await Promise.all(contents.map((content) => this.#updateVolume(join(folder, content.volume), content)));
  }

  /** Called when no instance of the template is left. */
  async remove(templateId: string): Promise<void> {
    const folder = this.#templateFolder(templateId);
    const writing: Promise<void>[] = [];
    for (const volumeFolder of Array.from(this.#volumes.get(folder) ?? [])) {
      const held = this.#held.get(volumeFolder);
      if (held === undefined) continue;
      this.#letGo(volumeFolder, held);
      held.wanted = undefined;
      writing.push(held.made);
      if (held.writing) writing.push(held.writing);
    }
    const removal = Promise.allSettled(writing).then(() => rm(folder, { recursive: true, force: true }));
    this.#removals.set(folder, removal);
    try {
      await removal;
    } finally {
      if (this.#removals.get(folder) === removal) this.#removals.delete(folder);
    }
  }

  /** Removes what an earlier process left of templates that nobody uses any more. Secrets must not outlive their use. */
  async sweep(inUse: Iterable<string>): Promise<void> {
    const kept = new Set([...inUse].map((id) => this.#templateFolder(id)));
    for (const name of await readdir(this.#root).catch(() => [])) {
      const folder = join(this.#root, name);
      if (kept.has(folder)) await removePartialFolders(folder);
      else await rm(folder, { recursive: true, force: true });
    }
  }

  /** What is left to do is done by the next process. */
  close(): void {
    this.#closed = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #hold(folder: string, make: () => Promise<void>): Held {
    const held: Held = {
      made: make(),
      wanted: undefined,
      newest: undefined,
      newestUpdate: 0,
      writing: undefined,
      replaced: new Set(),
    };
    this.#held.set(folder, held);
    const volumes = this.#volumes.get(dirname(folder)) ?? new Set();
    this.#volumes.set(dirname(folder), volumes.add(folder));
    // A failed attempt must not stand in the way of the next one.
    held.made.catch(() => this.#letGo(folder, held));
    return held;
  }

  #letGo(folder: string, held: Held): void {
    if (this.#held.get(folder) !== held) return;
    this.#held.delete(folder);
    const volumes = this.#volumes.get(dirname(folder));
    volumes?.delete(folder);
    if (volumes?.size === 0) this.#volumes.delete(dirname(folder));
  }

  async #make(folder: string, volume: string, contents: () => readonly VolumeContent[]): Promise<void> {
    await this.#removals.get(dirname(folder))?.catch(() => undefined);
    const exists = (await stat(folder).catch(() => undefined)) !== undefined;
    if (exists && !(await isUpdatable(folder))) return;
    const content = contents().find((candidate) => candidate.volume === volume);
    if (!content) {
      if (exists) return;
      const message = `volume ${volume}: its files did not come with the template`;
      throw new MountFailure("MountFailed", message, { retryable: false });
    }
    for (const { path } of content.files) {
      const fault = pathFault(path);
      if (fault === undefined) continue;
      const message = `volume ${volume}: the file path "${path}" ${fault}`;
      throw new MountFailure("ConfigInvalid", message, { retryable: false });
    }
    if (exists) this.#noteReplaced(folder, await updateContentFolder(folder, content, this.#clock.now()));
    else await createContentFolder(folder, content, this.#clock.now());
  }

  async #updateVolume(folder: string, content: VolumeContent): Promise<void> {
    const update = ++this.#updates;
    // One that nobody has mounted is made with what is newest then.
    if (!this.#held.has(folder) && !(await isUpdatable(folder).catch(() => false))) return;
    if (this.#closed || this.#removals.has(dirname(folder))) return;
    const held = this.#held.get(folder) ?? this.#hold(folder, () => Promise.resolve());
    // While it was found out whether the folder is there, a newer one may have overtaken this one.
    if (held.newestUpdate < update) {
      held.wanted = content;
      held.newest = content;
      held.newestUpdate = update;
    }
    await (held.writing ??= this.#write(folder, held));
  }

  async #write(folder: string, held: Held): Promise<void> {
    try {
      await held.made;
      for (let content = held.wanted; content !== undefined && !this.#closed; content = held.wanted) {
        held.wanted = undefined;
        await this.#writeOne(folder, held, content);
      }
    } catch {
      // It could not be made; the next mount makes it, with the newest.
    } finally {
      held.writing = undefined;
    }
  }

  async #writeOne(folder: string, held: Held, content: VolumeContent): Promise<void> {
    const fault = content.files.map(({ path }) => pathFault(path)).find((one) => one !== undefined);
    if (fault !== undefined) {
      this.#log.error("files of a volume not updated: a path is refused", { folder, fault });
      return;
    }
    try {
      const replaced = await updateContentFolder(folder, content, this.#clock.now());
      if (this.#held.get(folder) === held) this.#noteReplaced(folder, replaced);
    } catch (err) {
      if (this.#held.get(folder) !== held) return;
      this.#log.warn("files of a volume not updated, trying again", { folder, err });
      this.#after(retryMs, () => {
        if (this.#held.get(folder) === held && held.newest === content) {
          void this.#updateVolume(folder, content);
        }
      });
    }
  }

  #noteReplaced(folder: string, paths: readonly string[]): void {
    const held = this.#held.get(folder);
    for (const path of paths) {
      if (held?.replaced.has(path)) continue;
      held?.replaced.add(path);
      this.#after(replacedKeptMs, () => this.#removeReplaced(held, path));
    }
    for (const oldest of held?.replaced ?? []) {
      if (held === undefined || held.replaced.size <= replacedMax) break;
      this.#removeReplaced(held, oldest);
    }
  }

  #removeReplaced(held: Held | undefined, path: string): void {
    held?.replaced.delete(path);
    rm(path, { recursive: true, force: true }).catch((err: unknown) =>
      this.#log.warn("replaced files of a volume not removed", { path, err }),
    );
  }

  #after(delayMs: number, fire: () => void): void {
    if (this.#closed) return;
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      fire();
    });
    this.#timers.add(timer);
  }

  /** Template ids name content and may have characters that file names may not. */
  #templateFolder(templateId: string): string {
    const safe = /^[A-Za-z0-9_-]{1,128}$/.test(templateId);
    const name = safe ? templateId : createHash("sha256").update(templateId).digest("hex");
    return join(this.#root, name);
  }
}
