import { fstatSync } from "node:fs";
import {
  type DirectoryCapability,
  openDirectoryCapability,
} from "../wasi/file-system/directory-capability.ts";

interface Shared {
  readonly directory: DirectoryCapability;
  users: number;
}

/**
 * One open descriptor per mounted directory, however many instances mount it. A path is opened each time, because
 * another directory may stand there by now; what is shared is what is the same directory.
 */
export class MountTable {
  readonly #shared = new Map<string, Shared>();

  /** Throws as {@link openDirectoryCapability} does. `close` is to be called once. */
  open(hostPath: string): { readonly directory: DirectoryCapability; close(): void } {
    const opened = openDirectoryCapability(hostPath);
    const { dev, ino } = fstatSync(opened.fd, { bigint: true });
    const key = `${dev}:${ino}`;
    let shared = this.#shared.get(key);
    if (shared) {
      opened.release();
      shared.users++;
    } else {
      shared = { directory: opened, users: 1 };
      this.#shared.set(key, shared);
    }
    const held = shared;
    return {
      directory: held.directory,
      close: () => {
        if (--held.users > 0) return;
        this.#shared.delete(key);
        held.directory.release();
      },
    };
  }

  get size(): number {
    return this.#shared.size;
  }
}
