/**
 * Test support: what a guest can do to files, whatever its generation of WASI. The escape suite is written against it
 * and runs through every implementation.
 */

/** An open directory or file, in the numbers of the attacker. */
export type Handle = number;

export type Reply<T> =
  | { readonly ok: true; readonly value: T }
  /** `why` tells refusals apart as finely as a guest can. */
  | { readonly ok: false; readonly why: string };

export type Replied<T> = Reply<T> | Promise<Reply<T>>;

export interface OpenHow {
  readonly read?: boolean;
  readonly write?: boolean;
  readonly create?: boolean;
  readonly exclusive?: boolean;
  readonly truncate?: boolean;
  readonly append?: boolean;
  readonly directory?: boolean;
  /** Default true. */
  readonly follow?: boolean;
}

export interface SeenStat {
  readonly inode: bigint;
  readonly size: bigint;
  readonly isDirectory: boolean;
}

export interface Attacker {
  /** The mounts that it was given, in their order. */
  readonly mounts: readonly Handle[];
  open(at: Handle, path: string, how: OpenHow): Replied<Handle>;
  close(handle: Handle): Replied<true>;
  /** Up to 4 KiB from the start. */
  read(file: Handle): Replied<string>;
  write(file: Handle, text: string): Replied<true>;
  setSize(file: Handle, bytes: bigint): Replied<true>;
  list(directory: Handle): Replied<readonly string[]>;
  statHandle(handle: Handle): Replied<SeenStat>;
  setHandleTimes(handle: Handle, ns: bigint): Replied<true>;
  stat(at: Handle, path: string, follow: boolean): Replied<SeenStat>;
  setTimes(at: Handle, path: string, follow: boolean, ns: bigint): Replied<true>;
  createDirectory(at: Handle, path: string): Replied<true>;
  removeDirectory(at: Handle, path: string): Replied<true>;
  unlink(at: Handle, path: string): Replied<true>;
  rename(from: Handle, fromPath: string, to: Handle, toPath: string): Replied<true>;
  link(from: Handle, fromPath: string, follow: boolean, to: Handle, toPath: string): Replied<true>;
  symlink(target: string, at: Handle, path: string): Replied<true>;
  readlink(at: Handle, path: string): Replied<string>;
  /** What it has open goes back to the host. */
  dispose(): void | Promise<void>;
}

export interface AttackedMount {
  readonly guestPath: string;
  /** A real path. */
  readonly hostPath: string;
  readonly readOnly: boolean;
}

/** Gives a guest those mounts. */
export type MakeAttacker = (mounts: readonly AttackedMount[]) => Attacker | Promise<Attacker>;
