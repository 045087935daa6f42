/**
 * Turns the mounts of an instance into directories of this machine.
 *
 *   hostPath           the directory itself, once its real path lies under an allowed root
 *   emptyDir           <state>/instances/<uid>/volumes/<name>, removed with the instance
 *   configMap, secret  <state>/templates/<template id>/<volume> (see content-volumes.ts)
 *
 * All are given as real paths: what opens them follows no symlink, neither one of the operator's to the state folder nor
 * one that a guest has made since.
 */
import { mkdir, realpath, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../kit/clock.ts";
import { assertNever, errorCode, errorMessage } from "../../kit/errors.ts";
import type { Log } from "../../kit/log.ts";
import type { VolumeContent } from "../core/assignment.ts";
import type { ConfiguredMount, VolumeSource } from "../core/instance-config.ts";
import type { MountPoint } from "../runtimes/runtime-driver.ts";
import type { AllowedRoots } from "./allowed-roots.ts";
import { ContentVolumes } from "./content-volumes.ts";
import { MountFailure } from "./mount-failure.ts";

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
  /** The template's files as they are now; asked for once per volume and process. */
  readonly contents: () => readonly VolumeContent[];
}

export class VolumeStore {
  readonly #stateDir: string;
  readonly #roots: AllowedRoots;
  readonly #contents: ContentVolumes;

  constructor(stateDir: string, roots: AllowedRoots, clock: Clock, log: Log) {
    this.#stateDir = stateDir;
    this.#roots = roots;
    this.#contents = new ContentVolumes(stateDir, clock, log);
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

  /** The files that instances of the template see from now on. Never rejects. */
  async updateTemplate(templateId: string, contents: readonly VolumeContent[]): Promise<void> {
    await this.#contents.update(templateId, contents);
  }

  /** Called when no instance of the template is left. */
  async removeTemplate(templateId: string): Promise<void> {
    await this.#contents.remove(templateId);
  }

  /** Removes what an earlier process left of templates that nobody uses any more. */
  async sweepTemplates(inUse: Iterable<string>): Promise<void> {
    await this.#contents.sweep(inUse);
  }

  close(): void {
    this.#contents.close();
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
        return await realpath(await this.#contents.directory(request.templateId, volume, request.contents));
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

  #instanceVolumes(uid: string): string {
    return join(this.#stateDir, "instances", uid, "volumes");
  }
}
