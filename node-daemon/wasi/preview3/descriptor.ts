import * as descriptors from "../component-files/descriptors.ts";
import { handedOver, type OpenEntry } from "../component-files/open-entry.ts";
import { openAt } from "../component-files/opening.ts";
import * as paths from "../component-files/paths.ts";
import type { Said } from "../component-files/results.ts";
import type {
  Advice,
  DescriptorFlags,
  MetadataHash,
  NewTimestamp,
  OpenFlags,
  PathFlags,
} from "../component-files/wit-types.ts";
import { HostResource } from "../component-resources.ts";
import type { Result } from "../component-values.ts";
import type { Answer, Done, FileStat } from "../file-system/operations.ts";
import { readDirectory, type DirectoryStream } from "./directory-stream.ts";
import { appendStream, readStream, writeStream } from "./file-streams.ts";
import {
  speech,
  statValue,
  typeValue,
  type DescriptorStat,
  type DescriptorType,
  type ErrorCode,
} from "./filesystem-values.ts";
import type { ByteStream, GuestStream, Outcome } from "./streams.ts";

type Answered<T> = Said<T, ErrorCode>;
type Future = Promise<Outcome<ErrorCode>>;

/** `wasi:filesystem/types.descriptor` of WASI 0.3. */
export class Descriptor extends HostResource {
  readonly #entry: OpenEntry;

  private constructor(entry: OpenEntry) {
    super(entry.files.host);
    this.#entry = entry;
  }

  /** Takes over the hold of whoever made the entry. Not for guests. */
  static of(entry: OpenEntry): Descriptor {
    return handedOver(entry, () => new Descriptor(entry));
  }

  readViaStream(offset: bigint): readonly [ByteStream, Future] {
    return readStream(this.#entry, offset);
  }

  writeViaStream(data: GuestStream, offset: bigint): Future {
    return writeStream(this.#entry, data, offset);
  }

  appendViaStream(data: GuestStream): Future {
    return appendStream(this.#entry, data);
  }

  advise(offset: bigint, length: bigint, advice: Advice): Answered<undefined> {
    return this.#done(() => descriptors.advise(this.#entry, offset, length, advice));
  }

  syncData(): Answered<undefined> {
    return this.#done(() => descriptors.sync(this.#entry, true));
  }

  getFlags(): Answered<Required<DescriptorFlags>> {
    return this.#value(
      () => descriptors.flagsOf(this.#entry),
      (flags) => flags,
    );
  }

  /** What is open was looked at when it was opened. */
  getType(): Answered<DescriptorType> {
    return this.#value(
      () => this.#entry,
      (entry) => typeValue(descriptors.typeOf(entry)),
    );
  }

  setSize(size: bigint): Answered<undefined> {
    return this.#done(() => descriptors.setSize(this.#entry, size));
  }

  setTimes(atime: NewTimestamp, mtime: NewTimestamp): Answered<undefined> {
    return this.#done(() => descriptors.setTimes(this.#entry, atime, mtime));
  }

  readDirectory(): readonly [DirectoryStream, Future] {
    return readDirectory(this.#entry);
  }

  sync(): Answered<undefined> {
    return this.#done(() => descriptors.sync(this.#entry, false));
  }

  createDirectoryAt(path: string): Answered<undefined> {
    return this.#done(() => paths.createDirectoryAt(this.#entry, path));
  }

  stat(): Answered<DescriptorStat> {
    return this.#value(() => descriptors.stat(this.#entry), statValue);
  }

  statAt(pathFlags: PathFlags, path: string): Answered<DescriptorStat> {
    return this.#value(() => paths.statAt(this.#entry, pathFlags, path), statValue);
  }

  setTimesAt(
    pathFlags: PathFlags,
    path: string,
    atime: NewTimestamp,
    mtime: NewTimestamp,
  ): Answered<undefined> {
    return this.#done(() => paths.setTimesAt(this.#entry, pathFlags, path, atime, mtime));
  }

  linkAt(pathFlags: PathFlags, oldPath: string, to: Descriptor, newPath: string): Answered<undefined> {
    return this.#done(() => paths.linkAt(this.#entry, pathFlags, oldPath, to.#entry, newPath));
  }

  openAt(
    pathFlags: PathFlags,
    path: string,
    openFlags: OpenFlags,
    flags: DescriptorFlags,
  ): Answered<Descriptor> {
    return this.#value(
      () => openAt(this.#entry, pathFlags, path, openFlags, flags),
      (entry) => Descriptor.of(entry),
    );
  }

  readlinkAt(path: string): Answered<string> {
    return this.#value(
      () => paths.readlinkAt(this.#entry, path),
      ({ target }) => target,
    );
  }

  removeDirectoryAt(path: string): Answered<undefined> {
    return this.#done(() => paths.removeDirectoryAt(this.#entry, path));
  }

  renameAt(oldPath: string, to: Descriptor, newPath: string): Answered<undefined> {
    return this.#done(() => paths.renameAt(this.#entry, oldPath, to.#entry, newPath));
  }

  symlinkAt(target: string, path: string): Answered<undefined> {
    return this.#done(() => paths.symlinkAt(this.#entry, target, path));
  }

  unlinkFileAt(path: string): Answered<undefined> {
    return this.#done(() => paths.unlinkFileAt(this.#entry, path));
  }

  /** WIT has no error for it: what can't be looked at is not the same. */
  isSameObject(other: Descriptor): boolean | Promise<boolean> {
    const said = this.#value(
      () => descriptors.isSameObject(this.#entry, other.#entry),
      ({ same }) => same,
    );
    return said instanceof Promise ? said.then(isTrue) : isTrue(said);
  }

  metadataHash(): Answered<MetadataHash> {
    return this.#hash(() => descriptors.stat(this.#entry));
  }

  metadataHashAt(pathFlags: PathFlags, path: string): Answered<MetadataHash> {
    return this.#hash(() => paths.statAt(this.#entry, pathFlags, path));
  }

  protected override release(): void {
    this.#entry.letGo();
  }

  #value<T extends object, U>(call: () => Answer<T>, convert: (value: T) => U): Answered<U> {
    return speech.value(this.#entry.files.host, call, convert);
  }

  #done(call: () => Done): Answered<undefined> {
    return speech.done(this.#entry.files.host, call);
  }

  #hash(call: () => Answer<FileStat>): Answered<MetadataHash> {
    return this.#value(call, (found) => descriptors.metadataHash(this.#entry.files, found));
  }
}

function isTrue(said: Result<boolean, ErrorCode>): boolean {
  return said.tag === "ok" && said.val;
}
