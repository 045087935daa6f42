import { closeSync, fstatSync, openSync, statfsSync } from "node:fs";

import { Bug, WherryError, errorCode, errorMessage } from "../../../kit/errors.ts";
import { descriptorPath, entryPath, mountFlags, stepFlags } from "./host-flags.ts";

/**
 * An open directory on the host, and with it the right to everything below it. Shared by many instances: each holder
 * acquires it once and releases it once; the last release closes it.
 */
export class DirectoryCapability {
  readonly fd: number;
  #references = 1;

  constructor(fd: number) {
    this.fd = fd;
  }

  acquire(): this {
    if (this.#references === 0) throw new Bug("a closed directory was acquired");
    this.#references++;
    return this;
  }

  release(): void {
    if (this.#references === 0) throw new Bug("a closed directory was released");
    if (--this.#references === 0) closeSync(this.fd);
  }
}

/**
 * Opens a directory of the host by its real path. Whoever checked that path saw no symlink in it, but a guest that may
 * write there can have put one since: every component is opened by itself, without following, so what is opened is what
 * was checked or nothing. The caller holds one reference.
 */
export function openDirectoryCapability(realPath: string): DirectoryCapability {
  allowedDevices.clear();
  const fd = openRealPath(realPath);
  if (isKernelFileSystem(fd, fstatSync(fd).dev)) {
    closeSync(fd);
    throw new WherryError(
      "mount-forbidden",
      `open directory ${realPath}: it is a kernel interface, not files`,
    );
  }
  return new DirectoryCapability(fd);
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

/**
 * File systems that are doors into the kernel: their "regular files" are process memory, debug switches and the like.
 * Nothing on them is opened, even when a mount happens to contain one. Numbers from linux/magic.h.
 */
const kernelFileSystemTypes: ReadonlySet<number> = new Set([
  0x9fa0, // proc
  0x62656572, // sysfs
  0x64626720, // debugfs
  0x74726163, // tracefs
  0x73636673, // securityfs
  0x27e0eb, // cgroup
  0x63677270, // cgroup2
  0xcafe4a11, // bpf
  0x62656570, // configfs
  0x1cd1, // devpts
  0xde5e81e4, // efivarfs
  0x19800202, // mqueue
  0x6e736673, // nsfs
]);

/**
 * Devices found to hold files. The number of an unmounted file system can come back for another one, so this is
 * forgotten whenever a mount is opened, and bounded.
 */
const allowedDevices = new Set<number>();
const allowedDevicesMax = 256;

/** Whether what `fd` has open, on device `dev`, is on such a file system. */
export function isKernelFileSystem(fd: number, dev: number): boolean {
  if (allowedDevices.has(dev)) return false;
  // statfs types are 32-bit but arrive signed on some file systems.
  if (kernelFileSystemTypes.has(statfsSync(descriptorPath(fd)).type >>> 0)) return true;
  if (allowedDevices.size >= allowedDevicesMax) allowedDevices.clear();
  allowedDevices.add(dev);
  return false;
}
