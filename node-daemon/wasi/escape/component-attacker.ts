import {
  type Generation,
  rootsOf,
  type TestDescriptor,
  type TestStat,
  why,
} from "../component-files/test-support.ts";
import type { NewTimestamp } from "../component-files/wit-types.ts";
import { FakeComponentHost } from "../component-test-support.ts";
import type { Result } from "../component-values.ts";
import { type DirectoryCapability, openDirectoryCapability } from "../file-system/directory-capability.ts";
import type { AttackedMount, Attacker, Handle, OpenHow, Reply, SeenStat } from "./attacker.ts";

type Said<T> = Result<T, unknown> | Promise<Result<T, unknown>>;

/** A component, by the descriptors of one generation of WASI and their streams. */
export class ComponentAttacker implements Attacker {
  readonly mounts: readonly Handle[];
  readonly #generation: Generation;
  readonly #host = new FakeComponentHost();
  readonly #capabilities: readonly DirectoryCapability[];
  readonly #descriptors: (TestDescriptor | undefined)[];
  readonly #appending = new Set<Handle>();

  /** `openMount` chooses what the calls of a mount are done by. */
  constructor(
    generation: Generation,
    mounts: readonly AttackedMount[],
    openMount: (hostPath: string) => DirectoryCapability = openDirectoryCapability,
  ) {
    this.#generation = generation;
    const host = this.#host;
    this.#capabilities = mounts.map(({ hostPath }) => openMount(hostPath));
    host.preopens = mounts.map(({ guestPath, readOnly }, index) => {
      const directory = this.#capabilities[index];
      if (directory === undefined) throw new Error("one for each mount");
      return { guestPath, directory, readOnly };
    });
    host.onBug = (error) => {
      throw error;
    };
    this.#descriptors = [...rootsOf(generation, host)];
    this.mounts = this.#descriptors.map((_, index) => index);
  }

  async #replied<T, U>(said: Said<T>, value: (said: T) => U): Promise<Reply<U>> {
    const answer = await said;
    return answer.tag === "ok" ? { ok: true, value: value(answer.val) } : { ok: false, why: why(answer) };
  }

  async #done(handle: Handle, call: (descriptor: TestDescriptor) => Said<undefined>): Promise<Reply<true>> {
    const descriptor = this.#descriptors[handle];
    if (descriptor === undefined) return { ok: false, why: "no such handle" };
    return this.#replied(call(descriptor), () => true as const);
  }

  #at(handle: Handle): TestDescriptor {
    const descriptor = this.#descriptors[handle];
    if (descriptor === undefined) throw new Error(`handle ${handle} is closed`);
    return descriptor;
  }

  open(at: Handle, path: string, how: OpenHow): Promise<Reply<Handle>> {
    const { create = false, exclusive = false, truncate = false, directory = false } = how;
    const { read = false, write = false, follow = true } = how;
    const openFlags = { create, exclusive, truncate, directory };
    const ask = (mutateDirectory: boolean) =>
      this.#at(at).openAt({ symlinkFollow: follow }, path, openFlags, { read, write, mutateDirectory });
    // Takes all that it can get.
    const first = ask(directory);
    const said = directory && !(first instanceof Promise) && why(first) === "read-only" ? ask(false) : first;
    return this.#replied(said, (descriptor) => {
      const handle = this.#descriptors.push(descriptor) - 1;
      if (how.append === true) this.#appending.add(handle);
      return handle;
    });
  }

  async close(handle: Handle): Promise<Reply<true>> {
    this.#at(handle)[Symbol.dispose]();
    this.#descriptors[handle] = undefined;
    return { ok: true, value: true };
  }

  async read(file: Handle): Promise<Reply<string>> {
    return this.#replied(this.#generation.read(this.#at(file)), (text) => text);
  }

  async write(file: Handle, text: string): Promise<Reply<true>> {
    const generation = this.#generation;
    const descriptor = this.#at(file);
    const answer = await (this.#appending.has(file)
      ? generation.append(descriptor, text)
      : generation.write(descriptor, text));
    return answer === "ok" ? { ok: true, value: true } : { ok: false, why: answer };
  }

  setSize(file: Handle, bytes: bigint): Promise<Reply<true>> {
    return this.#done(file, (descriptor) => descriptor.setSize(bytes));
  }

  async list(directory: Handle): Promise<Reply<readonly string[]>> {
    const names = await this.#generation.list(this.#at(directory));
    return typeof names === "string" ? { ok: false, why: names } : { ok: true, value: names };
  }

  /** What libraries make an inode of. */
  async #seen(stat: Said<TestStat>, hash: () => Said<{ readonly lower: bigint }>): Promise<Reply<SeenStat>> {
    const seen = await stat;
    if (seen.tag === "err") return { ok: false, why: why(seen) };
    const { type, size } = seen.val;
    const isDirectory = type === "directory" || (type as { readonly tag?: string }).tag === "directory";
    return this.#replied(hash(), ({ lower }) => ({ inode: lower, size, isDirectory }));
  }

  statHandle(handle: Handle): Promise<Reply<SeenStat>> {
    const descriptor = this.#at(handle);
    return this.#seen(descriptor.stat(), () => descriptor.metadataHash());
  }

  setHandleTimes(handle: Handle, ns: bigint): Promise<Reply<true>> {
    return this.#done(handle, (descriptor) => descriptor.setTimes(timestamp(ns), timestamp(ns)));
  }

  stat(at: Handle, path: string, follow: boolean): Promise<Reply<SeenStat>> {
    const descriptor = this.#at(at);
    const flags = { symlinkFollow: follow };
    return this.#seen(descriptor.statAt(flags, path), () => descriptor.metadataHashAt(flags, path));
  }

  setTimes(at: Handle, path: string, follow: boolean, ns: bigint): Promise<Reply<true>> {
    const times = timestamp(ns);
    return this.#done(at, (descriptor) =>
      descriptor.setTimesAt({ symlinkFollow: follow }, path, times, times),
    );
  }

  createDirectory(at: Handle, path: string): Promise<Reply<true>> {
    return this.#done(at, (descriptor) => descriptor.createDirectoryAt(path));
  }

  removeDirectory(at: Handle, path: string): Promise<Reply<true>> {
    return this.#done(at, (descriptor) => descriptor.removeDirectoryAt(path));
  }

  unlink(at: Handle, path: string): Promise<Reply<true>> {
    return this.#done(at, (descriptor) => descriptor.unlinkFileAt(path));
  }

  rename(from: Handle, fromPath: string, to: Handle, toPath: string): Promise<Reply<true>> {
    return this.#done(from, (descriptor) => descriptor.renameAt(fromPath, this.#at(to), toPath));
  }

  link(from: Handle, fromPath: string, follow: boolean, to: Handle, toPath: string): Promise<Reply<true>> {
    return this.#done(from, (descriptor) =>
      descriptor.linkAt({ symlinkFollow: follow }, fromPath, this.#at(to), toPath),
    );
  }

  symlink(target: string, at: Handle, path: string): Promise<Reply<true>> {
    return this.#done(at, (descriptor) => descriptor.symlinkAt(target, path));
  }

  readlink(at: Handle, path: string): Promise<Reply<string>> {
    return this.#replied(this.#at(at).readlinkAt(path), (target) => target);
  }

  dispose(): void {
    this.#host.close();
    for (const capability of this.#capabilities) capability.release();
  }
}

function timestamp(ns: bigint): NewTimestamp {
  const nsPerSecond = 1_000_000_000n;
  return {
    tag: "timestamp",
    val: { seconds: ns / nsPerSecond, nanoseconds: Number(ns % nsPerSecond) },
  };
}
