import type { Answer, Done, FileOperations, Transferred } from "../file-system/operations.ts";

/** Test support: files that answer when they are told to. */
export class SlowFiles implements FileOperations {
  readonly mayBlock = true;
  /** Whether calls answer only after `release`. */
  held = false;
  readonly #files: FileOperations;
  readonly #waiting: (() => void)[] = [];

  constructor(files: FileOperations) {
    this.#files = files;
  }

  /** How many calls have not answered. */
  get calls(): number {
    return this.#waiting.length;
  }

  /** Everything that was asked for is done now. */
  release(): void {
    for (const go of this.#waiting.splice(0)) go();
  }

  async #later<T>(call: () => T | Promise<T>): Promise<T> {
    if (this.held) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push(resolve);
      await promise;
    }
    return call();
  }

  open = (...args: Parameters<FileOperations["open"]>): ReturnType<FileOperations["open"]> =>
    this.#later(() => this.#files.open(...args));
  reopen = (...args: Parameters<FileOperations["reopen"]>): Transferred =>
    this.#later(() => this.#files.reopen(...args));
  close = (fd: number): void => this.#files.close(fd);
  stat = (fd: number): ReturnType<FileOperations["stat"]> => this.#later(() => this.#files.stat(fd));
  size = (fd: number): Transferred => this.#later(() => this.#files.size(fd));
  statAt = (...args: Parameters<FileOperations["statAt"]>): ReturnType<FileOperations["statAt"]> =>
    this.#later(() => this.#files.statAt(...args));
  setTimes = (...args: Parameters<FileOperations["setTimes"]>): Done =>
    this.#later(() => this.#files.setTimes(...args));
  setTimesAt = (...args: Parameters<FileOperations["setTimesAt"]>): Done =>
    this.#later(() => this.#files.setTimesAt(...args));
  setSize = (...args: Parameters<FileOperations["setSize"]>): Done =>
    this.#later(() => this.#files.setSize(...args));
  allocate = (...args: Parameters<FileOperations["allocate"]>): Done =>
    this.#later(() => this.#files.allocate(...args));
  sync = (...args: Parameters<FileOperations["sync"]>): Promise<number> =>
    this.#later(() => this.#files.sync(...args));
  createDirectory = (...args: Parameters<FileOperations["createDirectory"]>): Done =>
    this.#later(() => this.#files.createDirectory(...args));
  removeDirectory = (...args: Parameters<FileOperations["removeDirectory"]>): Done =>
    this.#later(() => this.#files.removeDirectory(...args));
  unlink = (...args: Parameters<FileOperations["unlink"]>): Done =>
    this.#later(() => this.#files.unlink(...args));
  rename = (...args: Parameters<FileOperations["rename"]>): Done =>
    this.#later(() => this.#files.rename(...args));
  link = (...args: Parameters<FileOperations["link"]>): Done => this.#later(() => this.#files.link(...args));
  symlink = (...args: Parameters<FileOperations["symlink"]>): Done =>
    this.#later(() => this.#files.symlink(...args));
  readlink = (...args: Parameters<FileOperations["readlink"]>): Answer<Uint8Array> =>
    this.#later(() => this.#files.readlink(...args));
  list = (...args: Parameters<FileOperations["list"]>): ReturnType<FileOperations["list"]> =>
    this.#later(() => this.#files.list(...args));
  usage = (directory: number): ReturnType<FileOperations["usage"]> =>
    this.#later(() => this.#files.usage(directory));
  inodes = (...args: Parameters<FileOperations["inodes"]>): ReturnType<FileOperations["inodes"]> =>
    this.#later(() => this.#files.inodes(...args));
  read = (...args: Parameters<FileOperations["read"]>): Transferred =>
    this.#later(() => this.#files.read(...args));
  write = (...args: Parameters<FileOperations["write"]>): Transferred =>
    this.#later(() => this.#files.write(...args));
}
