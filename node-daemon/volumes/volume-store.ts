/**
 * Turns the mounts of an instance into directories of this machine.
 *
 *   hostPath           the directory itself, once its real path lies under an allowed root
 *   emptyDir           <state>/instances/<uid>/volumes/<name>, removed with the instance
 *   configMap, secret  <state>/templates/<template id>/<volume>, shared by the template's instances, removed with the last
 *
 * All are given as real paths: what opens them follows no symlink, neither one of the operator's to the state folder nor
 * one that a guest has made since.
 */
import { createHash } from "node:crypto";
import { mkdir, readdir, realpath, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { assertNever, errorCode, errorMessage } from "../../kit/errors.ts";
import type { VolumeContent } from "../core/assignment.ts";
import type { ConfiguredMount, VolumeSource } from "../core/instance-config.ts";
import type { MountPoint } from "../runtimes/runtime-driver.ts";
import type { AllowedRoots } from "./allowed-roots.ts";
import { pathFault, writeContent } from "./content-files.ts";

export type MountOutcome =
  | { readonly kind: "mounted"; readonly mounts: readonly MountPoint[] }
  | {
      readonly kind: "failed";
      readonly reason: string;
      readonly message: string;
      readonly retryable: boolean;
    };

export interface MountRequest {
  readonly uid: string;
  readonly namespace: string;
  readonly templateId: string;
  readonly mounts: readonly ConfiguredMount[];
  /** The template's files, read only when a volume of it is not on the disk yet. */
  readonly contents: () => readonly VolumeContent[];
}

/** Ends the resolution of one instance's mounts early; never leaves this file. */
class MountFailure extends Error {
  readonly reason: string;
  readonly retryable: boolean;

  constructor(reason: string, message: string, options: { readonly retryable: boolean }) {
    super(message);
    this.reason = reason;
    this.retryable = options.retryable;
  }
}

export class VolumeStore {
  readonly #stateDir: string;
  readonly #roots: AllowedRoots;
  /** Contents written or being written, by folder: a thousand instances of a template write it once. */
  readonly #contents = new Map<string, Promise<void>>();
  /** Removals under way, by template folder: a template that comes back at once must not lose its new files to them. */
  readonly #removals = new Map<string, Promise<void>>();

  constructor(stateDir: string, roots: AllowedRoots) {
    this.#stateDir = stateDir;
    this.#roots = roots;
  }

  async mount(request: MountRequest): Promise<MountOutcome> {
    try {
      const mounts: MountPoint[] = [];
      for (const { volume, source, guestPath, readOnly } of request.mounts) {
        const hostPath = await this.#directoryOf(volume, source, request);
        const sizeBytesMax = source.kind === "emptyDir" ? source.sizeBytesMax : undefined;
        mounts.push({
          guestPath,
          hostPath,
          readOnly,
          ...(sizeBytesMax === undefined ? {} : { sizeBytesMax }),
        });
      }
      return { kind: "mounted", mounts };
    } catch (error) {
      if (error instanceof MountFailure) {
        const { reason, message, retryable } = error;
        return { kind: "failed", reason, message, retryable };
      }
      const message = `preparing the volumes: ${errorMessage(error)}`;
      return { kind: "failed", reason: "MountFailed", message, retryable: true };
    }
  }

  async removeInstance(uid: string): Promise<void> {
    await rm(this.#instanceVolumes(uid), { recursive: true, force: true });
  }

  /** Called when no instance of the template is left. */
  async removeTemplate(templateId: string): Promise<void> {
    const folder = this.#templateFolder(templateId);
    const writing: Promise<void>[] = [];
    for (const [volumeFolder, written] of this.#contents) {
      if (!volumeFolder.startsWith(`${folder}/`)) continue;
      this.#contents.delete(volumeFolder);
      writing.push(written);
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
  async sweepTemplates(inUse: Iterable<string>): Promise<void> {
    const kept = new Set([...inUse].map((id) => this.#templateFolder(id)));
    const root = join(this.#stateDir, "templates");
    for (const name of await readdir(root).catch(() => [])) {
      const folder = join(root, name);
      if (!kept.has(folder)) await rm(folder, { recursive: true, force: true });
    }
  }

  async #directoryOf(volume: string, source: VolumeSource, request: MountRequest): Promise<string> {
    switch (source.kind) {
      case "hostPath":
        return await this.#hostDirectory(volume, source.path, request.namespace);
      case "emptyDir": {
        const folder = join(this.#instanceVolumes(request.uid), volume);
        await mkdir(folder, { recursive: true, mode: 0o700 });
        return await realpath(folder);
      }
      case "content":
        return await realpath(await this.#contentDirectory(volume, request));
      default:
        return assertNever(source, "volume source");
    }
  }

  async #hostDirectory(volume: string, path: string, namespace: string): Promise<string> {
    const absolute = this.#roots.absolute(path, namespace);
    if (absolute === undefined) {
      const message = `volume ${volume}: hostPath ${path} is relative, and ${this.#roots.advice(namespace)}`;
      throw new MountFailure("HostPathNotAllowed", message, { retryable: false });
    }
    const real = await realpath(absolute).catch((error: unknown) => {
      const missing = ["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "");
      const what = missing
        ? "does not exist on this node; create it or correct the path"
        : errorMessage(error);
      throw new MountFailure("MountFailed", `volume ${volume}: hostPath ${path} ${what}`, {
        retryable: false,
      });
    });
    const verdict = await this.#roots.judge(real, namespace);
    if (verdict.kind === "refused") {
      const message = `volume ${volume}: hostPath ${path} ${verdict.why}`;
      throw new MountFailure("HostPathNotAllowed", message, { retryable: false });
    }
    if (!(await stat(real)).isDirectory()) {
      const message = `volume ${volume}: hostPath ${path} is not a directory`;
      throw new MountFailure("MountFailed", message, { retryable: false });
    }
    return real;
  }

  async #contentDirectory(volume: string, request: MountRequest): Promise<string> {
    const folder = join(this.#templateFolder(request.templateId), volume);
    let written = this.#contents.get(folder);
    if (!written) {
      written = this.#writeContent(folder, volume, request);
      this.#contents.set(folder, written);
      // A failed attempt must not stand in the way of the next one.
      written.catch(() => this.#contents.delete(folder));
    }
    await written;
    return folder;
  }

  async #writeContent(folder: string, volume: string, request: MountRequest): Promise<void> {
    await this.#removals.get(dirname(folder))?.catch(() => undefined);
    if (await stat(folder).catch(() => undefined)) return;
    const content = request.contents().find((candidate) => candidate.volume === volume);
    if (!content) {
      const message = `volume ${volume}: its files did not come with the template`;
      throw new MountFailure("MountFailed", message, { retryable: false });
    }
    for (const { path } of content.files) {
      const fault = pathFault(path);
      if (fault === undefined) continue;
      const message = `volume ${volume}: the file path "${path}" ${fault}`;
      throw new MountFailure("ConfigInvalid", message, { retryable: false });
    }
    await writeContent(folder, content);
  }

  #instanceVolumes(uid: string): string {
    return join(this.#stateDir, "instances", uid, "volumes");
  }

  /** Template ids name content and may have characters that file names may not. */
  #templateFolder(templateId: string): string {
    const safe = /^[A-Za-z0-9_-]{1,128}$/.test(templateId);
    const name = safe ? templateId : createHash("sha256").update(templateId).digest("hex");
    return join(this.#stateDir, "templates", name);
  }
}
