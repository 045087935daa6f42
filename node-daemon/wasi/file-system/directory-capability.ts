import { closeSync, fstatSync, openSync } from "node:fs";

import { Bug, WherryError, errorCode, errorMessage } from "../../../kit/errors.ts";
import { forgetDevices, isKernelFileSystem } from "./file-system-types.ts";
import type { OpenedMount } from "./file-jobs.ts";
import { entryPath, mountFlags, stepFlags } from "./host-flags.ts";
import { localFiles } from "./local-files.ts";
import type { FileOperations } from "./operations.ts";

/**
 * An open directory on the host, and with it the right to everything below it. Shared by many instances: each holder
 * acquires it once and releases it once; the last release closes it.
 */
export class DirectoryCapability {
  readonly fd: number;
  /** What can be done with it and with what is opened below it. */
  readonly files: FileOperations;
  #references = 1;

  constructor(fd: number, files: FileOperations) {
    this.fd = fd;
    this.files = files;
  }

  acquire(): this {
    if (this.#references === 0) throw new Bug("a closed directory was acquired");
    this.#references++;
    return this;
  }

  release(): void {
    if (this.#references === 0) throw new Bug("a closed directory was released");
    if (--this.#references === 0) this.files.close(this.fd);
  }
}

/** Opens a directory of a local file system by its real path. The caller holds one reference. */
export function openDirectoryCapability(realPath: string): DirectoryCapability {
  return new DirectoryCapability(openMount(realPath).fd, localFiles);
}

/**
 * Opens a directory of the host by its real path. Whoever checked that path saw no symlink in it, but a guest that may
 * write there can have put one since: every component is opened by itself, without following, so what is opened is what
 * was checked or nothing.
 */
export function openMount(realPath: string): OpenedMount {
  forgetDevices();
  const fd = openRealPath(realPath);
  const { dev, ino } = fstatSync(fd, { bigint: true });
  if (!isKernelFileSystem(fd, Number(dev))) return { fd, key: `${dev}:${ino}` };
  closeSync(fd);
  throw new WherryError("mount-forbidden", `open directory ${realPath}: it is a kernel interface, not files`);
}

function openRealPath(path: string): number {
  const components = path === "/" ? [] : path.split("/").slice(1);
  if (!path.startsWith("/") || components.some((name) => name === "" || name === "." || name === "..")) {
    throw new WherryError("mount-unavailable", `open directory ${path}: it is no real path`);
  }
  let fd = openSync("/", components.length === 0 ? mountFlags : stepFlags);
  for (const [index, name] of components.entries()) {
    const parent = fd;
    try {
      fd = openSync(entryPath(parent, name), index === components.length - 1 ? mountFlags : stepFlags);
    } catch (thrown) {
      throw new WherryError("mount-unavailable", `open directory ${path}: ${whyNot(name, thrown)}`, {
        cause: thrown,
      });
    } finally {
      closeSync(parent);
    }
  }
  return fd;
}

/** Not the system's message, which names our way to the directory. */
function whyNot(name: string, thrown: unknown): string {
  const code = errorCode(thrown);
  if (code === "ELOOP" || code === "ENOTDIR")
    return `${name} is no directory, or has become a symlink since it was checked`;
  return `${name}: ${code ?? errorMessage(thrown)}`;
}
