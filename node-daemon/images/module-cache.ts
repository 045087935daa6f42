/**
 * Modules on this node's disk, named by their SHA-256. A file under its final name is complete and has that digest: it
 * was written under another name, hashed on the way and then renamed.
 *
 * Bounded by bytes: beyond the bound the least recently used modules go, but never one that is in use.
 */
import { createHash, randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Transform, type Readable } from "node:stream";
import { pipeline } from "node:stream/promises";

interface Entry {
  readonly bytes: number;
  lastUsed: number;
}

export interface CachedModule {
  readonly digest: string;
  readonly file: string;
}

const digestName = /^[a-f0-9]{64}$/;

export class ModuleCache {
  readonly #folder: string;
  readonly #bytesMax: number;
  readonly #onDropped: (digest: string) => void;
  readonly #entries = new Map<string, Entry>();
  readonly #users = new Map<string, number>();
  #uses = 0;

  private constructor(folder: string, bytesMax: number, onDropped: (digest: string) => void) {
    this.#folder = folder;
    this.#bytesMax = bytesMax;
    this.#onDropped = onDropped;
  }

  /** Reads what is there; half-written files of an earlier process are removed. */
  static async open(
    folder: string,
    bytesMax: number,
    onDropped: (digest: string) => void = () => {},
  ): Promise<ModuleCache> {
    const cache = new ModuleCache(folder, bytesMax, onDropped);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const found: { name: string; bytes: number; atMs: number }[] = [];
    for (const name of await readdir(folder)) {
      if (digestName.test(name)) {
        const facts = await stat(join(folder, name));
        found.push({ name, bytes: facts.size, atMs: facts.mtimeMs });
      } else {
        await rm(join(folder, name), { force: true, recursive: true });
      }
    }
    for (const { name, bytes } of found.sort((a, b) => a.atMs - b.atMs)) {
      cache.#entries.set(name, { bytes, lastUsed: cache.#uses++ });
    }
    return cache;
  }

  has(digest: string): boolean {
    return this.#entries.has(digest);
  }

  get(digest: string): CachedModule | undefined {
    const entry = this.#entries.get(digest);
    if (!entry) return undefined;
    entry.lastUsed = this.#uses++;
    return { digest, file: this.#pathOf(digest) };
  }

  /** Writes the stream into the cache. A `check` that throws keeps it out. */
  async put(
    stream: Readable,
    options: {
      readonly signal: AbortSignal;
      readonly onBytes: (total: number) => void;
      readonly check: (digest: string) => void;
    },
  ): Promise<CachedModule> {
    const partial = join(this.#folder, `partial-${randomUUID()}`);
    const hash = createHash("sha256");
    let bytes = 0;
    const meter = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        bytes += chunk.length;
        hash.update(chunk);
        try {
          options.onBytes(bytes);
          done(null, chunk);
        } catch (error) {
          done(error as Error);
        }
      },
    });
    try {
      await pipeline(stream, meter, createWriteStream(partial, { mode: 0o600 }), { signal: options.signal });
      const digest = hash.digest("hex");
      options.check(digest);
      await rename(partial, this.#pathOf(digest));
      this.#entries.set(digest, { bytes, lastUsed: this.#uses++ });
      return { digest, file: this.#pathOf(digest) };
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }

  /** Keeps a module from being dropped. Undone by `release`, once for each call. */
  retain(digest: string): void {
    this.#users.set(digest, (this.#users.get(digest) ?? 0) + 1);
  }

  release(digest: string): void {
    const left = (this.#users.get(digest) ?? 0) - 1;
    if (left > 0) this.#users.set(digest, left);
    else this.#users.delete(digest);
  }

  isUsed(digest: string): boolean {
    return this.#users.has(digest);
  }

  /** Larger for later; undefined if it is not here. */
  lastUsed(digest: string): number | undefined {
    return this.#entries.get(digest)?.lastUsed;
  }

  get bytes(): number {
    let total = 0;
    for (const { bytes } of this.#entries.values()) total += bytes;
    return total;
  }

  /** Drops what is over the bound. `keep` has just been fetched and is about to be retained. */
  async collect(keep?: string, bytesMax = this.#bytesMax): Promise<void> {
    let total = this.bytes;
    if (total <= bytesMax) return;
    const idle = [...this.#entries]
      .filter(([digest]) => digest !== keep && !this.#users.has(digest))
      .sort(([, a], [, b]) => a.lastUsed - b.lastUsed);
    for (const [digest, { bytes }] of idle) {
      if (total <= bytesMax) return;
      // Somebody may have begun to use it since.
      if (this.#users.has(digest)) continue;
      this.#entries.delete(digest);
      this.#onDropped(digest);
      await rm(this.#pathOf(digest), { force: true });
      total -= bytes;
    }
  }

  #pathOf(digest: string): string {
    return join(this.#folder, digest);
  }
}
