/**
 * What one component has open, whichever generations of WASI it imports.
 *
 *     preopen ──▶ OpenEntry ── open-at ──▶ OpenEntry ── streams hold it as well
 *                     │ last one lets go, or the instance ends
 *                     ▼
 *                  closed
 *
 * Invariants:
 * - A host descriptor belongs to exactly one entry. It is closed when the last holder lets go, and at the latest when the
 *   instance ends, whatever the guest still holds then.
 * - What is opened counts from before the call that opens it, so that calls under way can't go beyond the limit. Standard
 *   streams and preopens count as in preview 1, once, however often a guest asks for its directories.
 * - An entry that is closed is never used again: its descriptor's number may be another instance's by then.
 */
import { Bug } from "../../../kit/errors.ts";
import { errno, type Errno } from "../abi.ts";
import { nextDescriptor } from "../file-system/open.ts";
import { GuestEnded, type ComponentHost } from "../host.ts";
import { limits } from "./limits.ts";

const standardStreams = 3;
const secretBytes = 16;

/** An entry, as far as it matters here. */
interface OpenedEntry {
  close(): void;
}

/** One place among the open files of an instance. */
export class Reservation {
  #giveBack: (() => void) | undefined;

  constructor(giveBack: () => void) {
    this.#giveBack = giveBack;
  }

  /** Idempotent. */
  close(): void {
    this.#giveBack?.();
    this.#giveBack = undefined;
  }
}

export class OpenFiles {
  readonly host: ComponentHost;
  /** Streams that read files. */
  sources = 0;
  readonly #entries = new Set<OpenedEntry>();
  #openCount: number;
  #waiting = 0;
  #secret: Uint8Array | undefined;

  constructor(host: ComponentHost) {
    this.host = host;
    this.#openCount = standardStreams + host.preopens.length;
    host.onEnd(() => this.#closeAll());
  }

  /** How many entries hold something of the host. */
  get entries(): number {
    return this.#entries.size;
  }

  /** Mixed into hashes, so that they tell nothing about the host. */
  get secret(): Uint8Array {
    if (this.#secret === undefined) {
      this.#secret = new Uint8Array(secretBytes);
      this.host.random(this.#secret);
    }
    return this.#secret;
  }

  /** Before anything is opened; `changes` if that may change something even if the descriptor is refused afterwards. */
  reserve(changes: boolean): Reservation | Errno {
    const { openFilesMax, hostDescriptorsMax } = this.host.limits;
    if (this.#openCount >= openFilesMax) return errno.mfile;
    if (changes && nextDescriptor() >= hostDescriptorsMax) return errno.mfile;
    this.#openCount++;
    return new Reservation(() => this.#openCount--);
  }

  /** Whether the process can spare the descriptor that was just opened. */
  affords(fd: number): boolean {
    return fd < this.host.limits.hostDescriptorsMax;
  }

  add(entry: OpenedEntry): void {
    this.#entries.add(entry);
    if (!this.host.ended) return;
    entry.close();
    throw new GuestEnded();
  }

  remove(entry: OpenedEntry): void {
    if (!this.#entries.delete(entry)) throw new Bug("an entry was closed twice");
  }

  /** For a call that has to wait: false when too many do. */
  startWaiting(): boolean {
    if (this.#waiting >= limits.waitingCallsMax) return false;
    this.#waiting++;
    return true;
  }

  stopWaiting(): void {
    this.#waiting--;
  }

  /** How much a stream reads at once; `ahead` if that may lie on the heap until the guest takes it. */
  pieceBytes(ahead: boolean): number {
    if (this.sources > limits.sourcesWithLargePieces) return limits.smallPieceBytes;
    return ahead ? limits.pieceBytes : limits.readBytesMax;
  }

  #closeAll(): void {
    for (const entry of this.#entries) entry.close();
  }
}

/** The same for each interface of each generation, which are made by themselves. */
export function openFilesOf(host: ComponentHost): OpenFiles {
  const known = host.kept.get(OpenFiles);
  if (known instanceof OpenFiles) return known;
  const files = new OpenFiles(host);
  host.kept.set(OpenFiles, files);
  return files;
}
