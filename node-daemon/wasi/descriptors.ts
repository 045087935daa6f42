import { assertNever } from "../../kit/errors.ts";
import { errno, writingRights, type Errno } from "./abi.ts";
import type { DirectoryCapability } from "./file-system/directory-capability.ts";
import type { ListingCache, ListingHolder } from "./file-system/listing-cache.ts";
import type { FileOperations } from "./file-system/operations.ts";
import type { InputSource, OutputSink } from "./host.ts";
import type { TcpConnection, TcpListener } from "./sockets/network.ts";

interface Rights {
  /** What may be done with the descriptor itself: `right` bits. */
  rightsBase: number;
  /** The most that descriptors opened through it may have. */
  rightsInheriting: number;
  /** Below a read-only mount: a missing writing right is then EROFS instead of ENOTCAPABLE. */
  readonly readOnly: boolean;
}

export interface FileDescriptor extends Rights {
  readonly kind: "file";
  readonly files: FileOperations;
  /**
   * The host's descriptor, -1 once it is closed: its number may be another instance's by then, so whoever comes back from a
   * suspension asks first. Reads and writes pass `position` themselves: Node can't seek.
   */
  hostFd: number;
  position: number;
  /** `fdFlag` bits. */
  flags: number;
  readonly read: boolean;
  readonly write: boolean;
}

export interface DirectoryDescriptor extends Rights, ListingHolder {
  readonly kind: "directory";
  readonly directory: DirectoryCapability;
  /** UTF-8; undefined for a directory that the guest opened itself. */
  readonly preopenPath: Uint8Array | undefined;
  flags: number;
}

export interface InputDescriptor extends Rights {
  readonly kind: "input";
  readonly source: InputSource;
  flags: number;
}

export interface OutputDescriptor extends Rights {
  readonly kind: "output";
  readonly sink: OutputSink;
  flags: number;
}

export interface SocketDescriptor extends Rights {
  readonly kind: "socket";
  readonly connection: TcpConnection;
  flags: number;
}

export interface ListenerDescriptor extends Rights {
  readonly kind: "listener";
  readonly listener: TcpListener;
  flags: number;
}

export type Descriptor =
  | FileDescriptor
  | DirectoryDescriptor
  | InputDescriptor
  | OutputDescriptor
  | SocketDescriptor
  | ListenerDescriptor;

/** Why `descriptor` must not do what needs all of `needed`, or 0. */
export function missingRight(descriptor: Descriptor, needed: number): Errno {
  return refusal(descriptor, needed & ~descriptor.rightsBase);
}

export function refusal(descriptor: Descriptor, missing: number): Errno {
  if (missing === 0) return 0;
  return descriptor.readOnly && (missing & writingRights) !== 0 ? errno.rofs : errno.notcapable;
}

/** The descriptors of one instance by number. */
export class DescriptorTable {
  readonly #openMax: number;
  readonly #listings: ListingCache;
  readonly #slots: (Descriptor | undefined)[];
  #openCount: number;
  /** No slot below it is free. */
  #lowestFree: number;

  /** Takes over the descriptors that are there from the start, and the array with them. */
  constructor(openMax: number, listings: ListingCache, first: Descriptor[]) {
    this.#openMax = openMax;
    this.#listings = listings;
    this.#slots = first;
    this.#openCount = first.length;
    this.#lowestFree = first.length;
  }

  get full(): boolean {
    return this.#openCount >= this.#openMax;
  }

  /** `fd` is the guest's i32, of either sign. */
  get(fd: number): Descriptor | undefined {
    return this.#slots[fd >>> 0];
  }

  /** Takes over `descriptor` under the lowest free number. The caller has asked `full` before opening it. */
  add(descriptor: Descriptor): number {
    let fd = this.#lowestFree;
    while (this.#slots[fd] !== undefined) fd++;
    this.#slots[fd] = descriptor;
    this.#lowestFree = fd + 1;
    this.#openCount++;
    return fd;
  }

  close(fd: number): Errno {
    const slot = fd >>> 0;
    const descriptor = this.#slots[slot];
    if (descriptor === undefined) return errno.badf;
    this.#slots[slot] = undefined;
    this.#openCount--;
    this.#lowestFree = Math.min(this.#lowestFree, slot);
    this.#release(descriptor);
    return 0;
  }

  /** Closes what `to` was and gives its number to what `from` is. Both have to be open. */
  renumber(from: number, to: number): Errno {
    const moved = this.#slots[from >>> 0];
    const replaced = this.#slots[to >>> 0];
    if (moved === undefined || replaced === undefined) return errno.badf;
    if (moved === replaced) return 0;
    this.#slots[to >>> 0] = moved;
    this.#slots[from >>> 0] = undefined;
    this.#openCount--;
    this.#lowestFree = Math.min(this.#lowestFree, from >>> 0);
    this.#release(replaced);
    return 0;
  }

  closeAll(): void {
    for (let fd = 0; fd < this.#slots.length; fd++) this.close(fd);
    this.#slots.length = 0;
  }

  #release(descriptor: Descriptor): void {
    switch (descriptor.kind) {
      case "file":
        descriptor.files.close(descriptor.hostFd);
        descriptor.hostFd = -1;
        return;
      case "directory":
        this.#listings.forget(descriptor);
        descriptor.directory.release();
        return;
      case "input":
      case "output":
        return;
      case "socket":
        descriptor.connection.close();
        return;
      case "listener":
        descriptor.listener.close();
        return;
      default:
        assertNever(descriptor, "descriptor");
    }
  }
}
