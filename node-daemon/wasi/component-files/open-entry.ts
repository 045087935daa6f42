import { assertNever } from "../../../kit/errors.ts";
import type { DirectoryCapability } from "../file-system/directory-capability.ts";
import type { FileOperations } from "../file-system/operations.ts";
import { GuestEnded, type Preopen } from "../host.ts";
import type { OpenFiles, Reservation } from "./open-files.ts";
import type { DescriptorFlags } from "./wit-types.ts";

/**
 * Whether a directory may be changed: if its parent may, or only if the guest asked for `mutate-directory` when it opened it
 * as well. WIT says the latter. No implementation of WASI 0.2 does it, so that what libraries make of preview 1 never asks
 * (removing a folder with all that is in it, in Rust): there it is inherited.
 */
export type Mutation = "inherited" | "requested";

interface Access {
  /** As `get-flags` tells them. */
  readonly flags: DescriptorFlags;
  /** Whether anything may be changed through it: never on a read-only mount. */
  readonly mayChange: boolean;
  readonly mutation: Mutation;
}

type Target =
  | { readonly kind: "directory"; readonly directory: DirectoryCapability }
  | { readonly kind: "file"; readonly fd: number; readonly operations: FileOperations };

/** An open file or directory of a guest. Whoever makes one holds it. */
export class OpenEntry {
  readonly files: OpenFiles;
  readonly access: Access;
  readonly #target: Target;
  /** None for a preopen. */
  readonly #reservation: Reservation | undefined;
  #holders = 1;
  #closed = false;

  constructor(files: OpenFiles, target: Target, access: Access, reservation?: Reservation) {
    this.files = files;
    this.access = access;
    this.#target = target;
    this.#reservation = reservation;
    files.add(this);
  }

  get kind(): "directory" | "file" {
    return this.#target.kind;
  }

  get closed(): boolean {
    return this.#closed;
  }

  get operations(): FileOperations {
    const target = this.#target;
    return target.kind === "file" ? target.operations : target.directory.files;
  }

  /** The host's descriptor. */
  get fd(): number {
    if (this.#closed) throw new GuestEnded();
    const target = this.#target;
    return target.kind === "file" ? target.fd : target.directory.fd;
  }

  hold(): this {
    if (this.#closed) throw new GuestEnded();
    this.#holders++;
    return this;
  }

  letGo(): void {
    if (--this.#holders === 0) this.close();
  }

  /** At once, whoever holds it. Idempotent. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.files.remove(this);
    this.#reservation?.close();
    const target = this.#target;
    switch (target.kind) {
      case "directory":
        target.directory.release();
        return;
      case "file":
        target.operations.close(target.fd);
        return;
      default:
        assertNever(target, "target of an entry");
    }
  }
}

/** Makes what takes over one hold of `entry`; lets go of it when that fails, as at the bound on resources. */
export function handedOver<T>(entry: OpenEntry, make: () => T): T {
  try {
    return make();
  } catch (thrown) {
    entry.letGo();
    throw thrown;
  }
}

/** A new entry for a mount. */
export function preopened(files: OpenFiles, { directory, readOnly }: Preopen, mutation: Mutation): OpenEntry {
  return new OpenEntry(
    files,
    { kind: "directory", directory: directory.acquire() },
    { flags: { read: true, mutateDirectory: !readOnly }, mayChange: !readOnly, mutation },
  );
}
