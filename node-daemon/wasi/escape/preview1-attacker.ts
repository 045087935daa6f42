import { errno, fdFlag, openFlag, right, timesFlag } from "../abi.ts";
import { type DirectoryCapability, openDirectoryCapability } from "../file-system/directory-capability.ts";
import { FakeHost, Guest } from "../test-support.ts";
import type { AttackedMount, Attacker, Handle, OpenHow, Replied, Reply, SeenStat } from "./attacker.ts";

const errnoNames = new Map<number, string>(Object.entries(errno).map(([name, number]) => [number, name]));

/** A guest of preview 1, as far as path strings go; what else it can pass is in preview1-descriptors.test.ts. */
export class Preview1Attacker implements Attacker {
  readonly mounts: readonly Handle[];
  readonly guest: Guest;
  readonly #capabilities: readonly DirectoryCapability[];

  /** `openMount` chooses what the calls of a mount are done by. */
  constructor(
    mounts: readonly AttackedMount[],
    openMount: (hostPath: string) => DirectoryCapability = openDirectoryCapability,
  ) {
    this.#capabilities = mounts.map(({ hostPath }) => openMount(hostPath));
    const host = new FakeHost();
    host.preopens = mounts.map(({ guestPath, readOnly }, index) => {
      const directory = this.#capabilities[index];
      if (directory === undefined) throw new Error("one for each mount");
      return { guestPath, directory, readOnly };
    });
    host.onBug = (error) => {
      throw error;
    };
    this.guest = new Guest(host);
    this.mounts = mounts.map((_, index) => 3 + index);
  }

  #replied<T>(value: () => T, name: string, ...args: readonly (number | bigint | string)[]): Replied<T> {
    const reply = (refused: number): Reply<T> => {
      if (refused === 0) return { ok: true, value: value() };
      return { ok: false, why: errnoNames.get(refused) ?? `errno ${refused}` };
    };
    const answer = this.guest.invoke(name, ...args) as number | Promise<number>;
    return typeof answer === "number" ? reply(answer) : answer.then(reply);
  }

  #done(name: string, ...args: readonly (number | bigint | string)[]): Replied<true> {
    return this.#replied(() => true as const, name, ...args);
  }

  open(at: Handle, path: string, how: OpenHow): Replied<Handle> {
    const { follow = true } = how;
    let flags = 0;
    if (how.create === true) flags |= openFlag.create;
    if (how.exclusive === true) flags |= openFlag.exclusive;
    if (how.truncate === true) flags |= openFlag.truncate;
    if (how.directory === true) flags |= openFlag.directory;
    // Everything that can be asked for but reading and writing, which are asked for by `how`.
    const all = (1n << 30n) - 1n;
    let rights = all;
    if (how.write !== true) rights &= ~BigInt(right.fdWrite);
    if (how.read !== true) rights &= ~BigInt(right.fdRead);
    const fdFlags = how.append === true ? fdFlag.append : 0;
    const { out } = this.guest;
    const opened = () => this.guest.u32();
    const lookup = follow ? 1 : 0;
    return this.#replied(opened, "path_open", at, lookup, path, flags, rights, all, fdFlags, out);
  }

  close(handle: Handle): Replied<true> {
    return this.#done("fd_close", handle);
  }

  read(file: Handle): Replied<string> {
    const { guest } = this;
    const text = () => guest.bytes(guest.buffer, guest.u32()).toString("latin1");
    return this.#replied(text, "fd_pread", file, guest.vectors([guest.buffer, 4_096]), 1, 0n, guest.out);
  }

  write(file: Handle, text: string): Replied<true> {
    const { guest } = this;
    return this.#done("fd_write", file, guest.vectors(guest.put(text)), 1, guest.out);
  }

  setSize(file: Handle, bytes: bigint): Replied<true> {
    return this.#done("fd_filestat_set_size", file, bytes);
  }

  list(directory: Handle): Replied<readonly string[]> {
    const { guest } = this;
    const names = () =>
      guest
        .entries()
        .map(({ name }) => name)
        .filter((name) => name !== "." && name !== "..");
    return this.#replied(names, "fd_readdir", directory, guest.buffer, 16_384, 0n, guest.out);
  }

  #stat(name: string, ...args: readonly (number | string)[]): Replied<SeenStat> {
    const { guest } = this;
    const seen = () => ({
      inode: guest.u64(guest.out + 8),
      size: guest.u64(guest.out + 32),
      isDirectory: guest.view.getUint8(guest.out + 16) === 3,
    });
    return this.#replied(seen, name, ...args, guest.out);
  }

  statHandle(handle: Handle): Replied<SeenStat> {
    return this.#stat("fd_filestat_get", handle);
  }

  setHandleTimes(handle: Handle, ns: bigint): Replied<true> {
    return this.#done("fd_filestat_set_times", handle, ns, ns, timesFlag.atime | timesFlag.mtime);
  }

  stat(at: Handle, path: string, follow: boolean): Replied<SeenStat> {
    return this.#stat("path_filestat_get", at, follow ? 1 : 0, path);
  }

  setTimes(at: Handle, path: string, follow: boolean, ns: bigint): Replied<true> {
    const flags = timesFlag.atime | timesFlag.mtime;
    return this.#done("path_filestat_set_times", at, follow ? 1 : 0, path, ns, ns, flags);
  }

  createDirectory(at: Handle, path: string): Replied<true> {
    return this.#done("path_create_directory", at, path);
  }

  removeDirectory(at: Handle, path: string): Replied<true> {
    return this.#done("path_remove_directory", at, path);
  }

  unlink(at: Handle, path: string): Replied<true> {
    return this.#done("path_unlink_file", at, path);
  }

  rename(from: Handle, fromPath: string, to: Handle, toPath: string): Replied<true> {
    return this.#done("path_rename", from, fromPath, to, toPath);
  }

  link(from: Handle, fromPath: string, follow: boolean, to: Handle, toPath: string): Replied<true> {
    return this.#done("path_link", from, follow ? 1 : 0, fromPath, to, toPath);
  }

  symlink(target: string, at: Handle, path: string): Replied<true> {
    return this.#done("path_symlink", target, at, path);
  }

  readlink(at: Handle, path: string): Replied<string> {
    const { guest } = this;
    const text = () => guest.bytes(guest.buffer, guest.u32()).toString();
    return this.#replied(text, "path_readlink", at, path, guest.buffer, 4_096, guest.out);
  }

  dispose(): void {
    this.guest[Symbol.dispose]();
    for (const capability of this.#capabilities) capability.release();
  }
}
