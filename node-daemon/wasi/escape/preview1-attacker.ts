import { errno, fdFlag, openFlag, right, timesFlag } from "../abi.ts";
import { FakeHost, Guest } from "../test-support.ts";
import { type DirectoryCapability, openDirectoryCapability } from "../file-system/directory-capability.ts";
import type { AttackedMount, Attacker, Handle, OpenHow, Reply, SeenStat } from "./attacker.ts";

const errnoNames = new Map<number, string>(Object.entries(errno).map(([name, number]) => [number, name]));

/** A guest of preview 1, as far as path strings go; what else it can pass is in preview1.test.ts. */
export class Preview1Attacker implements Attacker {
  readonly mounts: readonly Handle[];
  readonly guest: Guest;
  readonly #capabilities: readonly DirectoryCapability[];

  constructor(mounts: readonly AttackedMount[]) {
    this.#capabilities = mounts.map(({ hostPath }) => openDirectoryCapability(hostPath));
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

  #reply<T>(refused: number, value: () => T): Reply<T> {
    if (refused === 0) return { ok: true, value: value() };
    return { ok: false, why: errnoNames.get(refused) ?? `errno ${refused}` };
  }

  #done(name: string, ...args: readonly (number | bigint | string)[]): Reply<true> {
    return this.#reply(this.guest.call(name, ...args), () => true);
  }

  open(at: Handle, path: string, how: OpenHow): Reply<Handle> {
    const { follow = true } = how;
    let flags = 0;
    if (how.create === true) flags |= openFlag.create;
    if (how.exclusive === true) flags |= openFlag.exclusive;
    if (how.truncate === true) flags |= openFlag.truncate;
    if (how.directory === true) flags |= openFlag.directory;
    // Everything that can be asked for but reading and writing, which are asked for by `how`.
    let rights = (1n << 30n) - 1n;
    if (how.write !== true) rights &= ~BigInt(right.fdWrite);
    if (how.read !== true) rights &= ~BigInt(right.fdRead);
    const fdFlags = how.append === true ? fdFlag.append : 0;
    const opened = this.guest.open(path, { fd: at, lookup: follow ? 1 : 0, flags, rights, fdFlags });
    return this.#reply(opened < 0 ? -opened : 0, () => opened);
  }

  close(handle: Handle): Reply<true> {
    return this.#done("fd_close", handle);
  }

  read(file: Handle): Reply<string> {
    const { guest } = this;
    const refused = guest.call("fd_pread", file, guest.vectors([guest.buffer, 4_096]), 1, 0n, guest.out);
    return this.#reply(refused, () => guest.bytes(guest.buffer, guest.u32()).toString("latin1"));
  }

  write(file: Handle, text: string): Reply<true> {
    return this.#reply(this.guest.write(file, text), () => true);
  }

  setSize(file: Handle, bytes: bigint): Reply<true> {
    return this.#done("fd_filestat_set_size", file, bytes);
  }

  list(directory: Handle): Reply<readonly string[]> {
    const { guest } = this;
    const refused = guest.call("fd_readdir", directory, guest.buffer, 16_384, 0n, guest.out);
    return this.#reply(refused, () =>
      guest
        .entries()
        .map(({ name }) => name)
        .filter((name) => name !== "." && name !== ".."),
    );
  }

  statHandle(handle: Handle): Reply<SeenStat> {
    return this.#stat(this.guest.call("fd_filestat_get", handle, this.guest.out));
  }

  setHandleTimes(handle: Handle, ns: bigint): Reply<true> {
    return this.#done("fd_filestat_set_times", handle, ns, ns, timesFlag.atime | timesFlag.mtime);
  }

  stat(at: Handle, path: string, follow: boolean): Reply<SeenStat> {
    return this.#stat(this.guest.call("path_filestat_get", at, follow ? 1 : 0, path, this.guest.out));
  }

  #stat(refused: number): Reply<SeenStat> {
    const { guest } = this;
    return this.#reply(refused, () => ({
      inode: guest.u64(guest.out + 8),
      size: guest.u64(guest.out + 32),
      isDirectory: guest.view.getUint8(guest.out + 16) === 3,
    }));
  }

  setTimes(at: Handle, path: string, follow: boolean, ns: bigint): Reply<true> {
    const flags = timesFlag.atime | timesFlag.mtime;
    return this.#done("path_filestat_set_times", at, follow ? 1 : 0, path, ns, ns, flags);
  }

  createDirectory(at: Handle, path: string): Reply<true> {
    return this.#done("path_create_directory", at, path);
  }

  removeDirectory(at: Handle, path: string): Reply<true> {
    return this.#done("path_remove_directory", at, path);
  }

  unlink(at: Handle, path: string): Reply<true> {
    return this.#done("path_unlink_file", at, path);
  }

  rename(from: Handle, fromPath: string, to: Handle, toPath: string): Reply<true> {
    return this.#done("path_rename", from, fromPath, to, toPath);
  }

  link(from: Handle, fromPath: string, follow: boolean, to: Handle, toPath: string): Reply<true> {
    return this.#done("path_link", from, follow ? 1 : 0, fromPath, to, toPath);
  }

  symlink(target: string, at: Handle, path: string): Reply<true> {
    return this.#done("path_symlink", target, at, path);
  }

  readlink(at: Handle, path: string): Reply<string> {
    const { guest } = this;
    const refused = guest.call("path_readlink", at, path, guest.buffer, 4_096, guest.out);
    return this.#reply(refused, () => guest.bytes(guest.buffer, guest.u32()).toString());
  }

  dispose(): void {
    this.guest[Symbol.dispose]();
    for (const capability of this.#capabilities) capability.release();
  }
}
