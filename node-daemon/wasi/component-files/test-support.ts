import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { FakeComponentHost } from "../component-test-support.ts";
import type { InterfaceMembers, OfferedInterface } from "../component-interfaces.ts";
import { err, ok, type Result } from "../component-values.ts";
import { type DirectoryCapability, openDirectoryCapability } from "../file-system/directory-capability.ts";
import type { ComponentHost } from "../host.ts";
import { filesystemInterfaces as preview2Filesystem } from "../preview2/filesystem.ts";
import type { InputStream, OutputStream } from "../preview2/io.ts";
import { filesystemInterfaces as preview3Filesystem } from "../preview3/filesystem.ts";
import type { GuestStream } from "../preview3/streams.ts";
import type { Said } from "./results.ts";
import type {
  Advice,
  DescriptorFlags,
  MetadataHash,
  NewTimestamp,
  OpenFlags,
  PathFlags,
  Timestamp,
} from "./wit-types.ts";

export interface TestStat {
  readonly type: unknown;
  readonly linkCount: bigint;
  readonly size: bigint;
  readonly dataAccessTimestamp: Timestamp | undefined;
  readonly dataModificationTimestamp: Timestamp | undefined;
  readonly statusChangeTimestamp: Timestamp | undefined;
}

type Answered<T> = Said<T, unknown>;

/** What the descriptors of WASI 0.2 and 0.3 have in common. */
export interface TestDescriptor extends Disposable {
  advise(offset: bigint, length: bigint, advice: Advice): Answered<undefined>;
  syncData(): Answered<undefined>;
  sync(): Answered<undefined>;
  getFlags(): Answered<Required<DescriptorFlags>>;
  getType(): Answered<unknown>;
  setSize(size: bigint): Answered<undefined>;
  setTimes(atime: NewTimestamp, mtime: NewTimestamp): Answered<undefined>;
  createDirectoryAt(path: string): Answered<undefined>;
  stat(): Answered<TestStat>;
  statAt(pathFlags: PathFlags, path: string): Answered<TestStat>;
  setTimesAt(
    pathFlags: PathFlags,
    path: string,
    atime: NewTimestamp,
    mtime: NewTimestamp,
  ): Answered<undefined>;
  linkAt(pathFlags: PathFlags, oldPath: string, to: TestDescriptor, newPath: string): Answered<undefined>;
  openAt(
    pathFlags: PathFlags,
    path: string,
    openFlags: OpenFlags,
    flags: DescriptorFlags,
  ): Answered<TestDescriptor>;
  readlinkAt(path: string): Answered<string>;
  removeDirectoryAt(path: string): Answered<undefined>;
  renameAt(oldPath: string, to: TestDescriptor, newPath: string): Answered<undefined>;
  symlinkAt(target: string, path: string): Answered<undefined>;
  unlinkFileAt(path: string): Answered<undefined>;
  isSameObject(other: TestDescriptor): boolean | Promise<boolean>;
  metadataHash(): Answered<MetadataHash>;
  metadataHashAt(pathFlags: PathFlags, path: string): Answered<MetadataHash>;
}

export interface Preview2Streams {
  read(length: bigint, offset: bigint): Answered<readonly [Uint8Array, boolean]>;
  write(buffer: Uint8Array, offset: bigint): Answered<bigint>;
  readViaStream(offset: bigint): Answered<InputStream>;
  writeViaStream(offset: bigint): Answered<OutputStream>;
  appendViaStream(): Answered<OutputStream>;
  readDirectory(): Answered<
    Disposable & { readDirectoryEntry(): Answered<{ readonly name: string } | undefined> }
  >;
}

type Future = Promise<Result<undefined, unknown>>;

export interface Preview3Streams {
  readViaStream(offset: bigint): readonly [AsyncIterableIterator<Uint8Array>, Future];
  writeViaStream(data: GuestStream, offset: bigint): Future;
  appendViaStream(data: GuestStream): Future;
  readDirectory(): readonly [AsyncIterableIterator<{ readonly name: string }>, Future];
}

/** The descriptor has what the other generation has not. */
export function preview2Streams(descriptor: TestDescriptor): Preview2Streams {
  return descriptor as unknown as Preview2Streams;
}

export function preview3Streams(descriptor: TestDescriptor): Preview3Streams {
  return descriptor as unknown as Preview3Streams;
}

/** One generation, with what is done differently in each. All answer the name of an error code where they are refused. */
export interface Generation {
  readonly name: string;
  readonly interfaces: readonly OfferedInterface[];
  /** Up to 4 KiB, through a stream. */
  read(file: TestDescriptor, offset?: bigint): Promise<Result<string, string>>;
  /** Through a stream: `ok`. */
  write(file: TestDescriptor, text: string, offset?: bigint): Promise<string>;
  append(file: TestDescriptor, text: string): Promise<string>;
  list(directory: TestDescriptor): Promise<readonly string[] | string>;
}

export const preview2: Generation = {
  name: "WASI 0.2",
  interfaces: preview2Filesystem,
  async read(file, offset = 0n) {
    const said = await preview2Streams(file).readViaStream(offset);
    if (said.tag === "err") return err(codeName(said.val));
    using stream = said.val;
    const read = await stream.blockingRead(4096n);
    if (read.tag === "ok") return ok(Buffer.from(read.val).toString("latin1"));
    return read.val.tag === "closed" ? ok("") : err("broken");
  },
  async write(file, text, offset = 0n) {
    return written(await preview2Streams(file).writeViaStream(offset), text);
  },
  async append(file, text) {
    return written(await preview2Streams(file).appendViaStream(), text);
  },
  async list(directory) {
    const said = await preview2Streams(directory).readDirectory();
    if (said.tag === "err") return codeName(said.val);
    using stream = said.val;
    const names: string[] = [];
    for (;;) {
      const entry = await stream.readDirectoryEntry();
      if (entry.tag === "err") return codeName(entry.val);
      if (entry.val === undefined) return names;
      names.push(entry.val.name);
    }
  },
};

async function written(
  said: Awaited<ReturnType<Preview2Streams["writeViaStream"]>>,
  text: string,
): Promise<string> {
  if (said.tag === "err") return codeName(said.val);
  using stream = said.val;
  const answer = await stream.blockingWriteAndFlush(Buffer.from(text));
  return answer.tag === "ok" ? "ok" : "broken";
}

export const preview3: Generation = {
  name: "WASI 0.3",
  interfaces: preview3Filesystem,
  async read(file, offset = 0n) {
    const [stream, outcome] = preview3Streams(file).readViaStream(offset);
    const first = await stream.next();
    await stream.return?.();
    const said = await outcome;
    if (said.tag === "err") return err(codeName(said.val));
    return ok(first.done === true ? "" : Buffer.from(first.value).toString("latin1"));
  },
  async write(file, text, offset = 0n) {
    return why(await preview3Streams(file).writeViaStream(guestStream(text), offset));
  },
  async append(file, text) {
    return why(await preview3Streams(file).appendViaStream(guestStream(text)));
  },
  async list(directory) {
    const [stream, outcome] = preview3Streams(directory).readDirectory();
    const names: string[] = [];
    for await (const { name } of stream) names.push(name);
    const said = await outcome;
    return said.tag === "err" ? codeName(said.val) : names;
  },
};

export const generations: readonly Generation[] = [preview2, preview3];

/** A guest's end of a stream: what it writes, then its end. */
export function guestStream(
  ...texts: readonly (string | Uint8Array)[]
): GuestStream & { readonly dropped: boolean } {
  const rest = texts.map((text) => Buffer.from(text)).filter((bytes) => bytes.byteLength > 0);
  let dropped = false;
  return {
    read: async ({ count }) => {
      const bytes = rest.shift();
      if (bytes === undefined) return { value: undefined, done: true };
      if (bytes.byteLength > count) rest.unshift(bytes.subarray(count));
      return { value: bytes.subarray(0, count), done: false };
    },
    [Symbol.dispose]: () => {
      dropped = true;
    },
    get dropped() {
      return dropped;
    },
  };
}

/** The name of an error code, or of a type, of either generation. */
export function codeName(code: unknown): string {
  return typeof code === "string" ? code : (code as { readonly tag: string }).tag;
}

/** `ok`, or why not. */
export function why(said: Result<unknown, unknown>): string {
  return said.tag === "ok" ? "ok" : codeName(said.val);
}

export async function whyOf(said: Answered<unknown>): Promise<string> {
  return why(await said);
}

export async function must<T>(said: Answered<T>): Promise<T> {
  const answer = await said;
  if (answer.tag === "err") throw new Error(`refused with ${codeName(answer.val)}`);
  return answer.val;
}

/** The descriptors of the mounts, in their order. */
export function rootsOf(generation: Generation, host: ComponentHost): readonly TestDescriptor[] {
  return directoriesOf(generation, host).map(([descriptor]) => descriptor);
}

export function directoriesOf(
  generation: Generation,
  host: ComponentHost,
): readonly (readonly [TestDescriptor, string])[] {
  const { getDirectories } = membersOf(generation, "preopens", host) as {
    readonly getDirectories: () => readonly (readonly [TestDescriptor, string])[];
  };
  return getDirectories();
}

export function membersOf(generation: Generation, part: string, host: ComponentHost): InterfaceMembers {
  const found = generation.interfaces.find(({ name }) => name.startsWith(`wasi:filesystem/${part}@`));
  if (found === undefined) throw new Error(`there is no ${part}`);
  return found.make(host);
}

export interface MountOptions {
  readonly readOnly?: boolean;
  /** Default: as a mount of a local file system is opened. */
  readonly open?: (hostPath: string) => DirectoryCapability;
}

/** A component with folders of the host mounted, and a folder beside them. */
export class MountedComponent implements Disposable {
  readonly host = new FakeComponentHost();
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), "wherry-component-")));
  readonly #capabilities: DirectoryCapability[] = [];

  constructor(options: MountOptions = {}) {
    this.mount("/", "mount", options);
  }

  mount(guestPath: string, name: string, { readOnly = false, open }: MountOptions = {}): void {
    const hostPath = join(this.folder, name);
    mkdirSync(hostPath);
    const directory = (open ?? openDirectoryCapability)(hostPath);
    this.#capabilities.push(directory);
    this.host.preopens = [...this.host.preopens, { guestPath, directory, readOnly }];
  }

  root(generation: Generation): TestDescriptor {
    const [root] = rootsOf(generation, this.host);
    if (root === undefined) throw new Error("the fixture has a mount");
    return root;
  }

  /** The host's path of something in the first mount. */
  path(...parts: readonly string[]): string {
    return join(this.folder, "mount", ...parts);
  }

  file(name: string, content: string): void {
    mkdirSync(dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), content);
  }

  text(name: string): string {
    return readFileSync(this.path(name), "utf8");
  }

  [Symbol.dispose](): void {
    this.host.close();
    for (const capability of this.#capabilities) capability.release();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}
