/**
 * A file that is appended to. Before it outgrows its size it is renamed to `NAME-TIME.EXT` beside itself, and a new one
 * begins; of the renamed ones the newest are kept. Names as those of Kubernetes' audit log, so that its tools find them.
 * One writer at a time: calls must not overlap.
 */
import { constants } from "node:fs";
import { access, type FileHandle, open, readdir, rename, unlink } from "node:fs/promises";
import { basename, dirname, extname, join } from "node:path";
import { errorMessage, WherryError } from "../../../kit/errors.ts";

export interface RotatingFileOptions {
  readonly file: string;
  readonly fileBytesMax: number;
  /** 0: all are kept. */
  readonly backupsMax: number;
  readonly now: () => number;
  /** Called whenever an empty file begins. */
  readonly began?: () => void;
}

/** What it is for, for people and for programs. */
interface Purpose {
  readonly what: string;
  readonly code: string;
}

const auditLog: Purpose = { what: "the audit log", code: "AuditLogUnavailable" };

/** What the audit log writes to. */
export interface AppendFile {
  /** Makes room for `bytes` more, in a new file if need be. Called where a line begins. */
  prepare(bytes: number): Promise<void>;
  /** Writes some of it, and says how much. */
  write(bytes: Buffer): Promise<number>;
  /** What is written is on disk afterwards. */
  close(): Promise<void>;
}

export class RotatingFile implements AppendFile {
  readonly #options: RotatingFileOptions;
  #handle: FileHandle | undefined;
  #bytes = 0;

  private constructor(options: RotatingFileOptions) {
    this.#options = options;
  }

  /** Fails with a `WherryError` of the purpose's code when there can be no such file. */
  static async open(options: RotatingFileOptions, { what, code } = auditLog): Promise<RotatingFile> {
    const file = new RotatingFile(options);
    try {
      await file.prepare(0);
    } catch (thrown) {
      throw new WherryError(code, `open ${what}: ${errorMessage(thrown)}`, { cause: thrown });
    }
    return file;
  }

  async prepare(bytes: number): Promise<void> {
    const handle = (this.#handle ??= await this.#open());
    if (this.#bytes === 0 || this.#bytes + bytes <= this.#options.fileBytesMax) return;
    // Renamed first: if that fails, the old one stays in use.
    await rename(this.#options.file, await this.#freeName());
    this.#handle = undefined;
    await handle.close();
    this.#handle = await this.#open();
    await this.#prune();
  }

  async write(bytes: Buffer): Promise<number> {
    this.#handle ??= await this.#open();
    const { bytesWritten } = await this.#handle.write(bytes);
    this.#bytes += bytesWritten;
    return bytesWritten;
  }

  async close(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    try {
      await handle?.datasync();
    } finally {
      await handle?.close();
    }
  }

  async #open(): Promise<FileHandle> {
    const handle = await open(this.#options.file, "a+", 0o600);
    try {
      await handle.chmod(0o600);
      const { size } = await handle.stat();
      this.#bytes = size;
      if (size === 0) this.#options.began?.();
      // A writer that was killed may have left half a line.
      if (size > 0 && (await lastByte(handle, size)) !== "\n") {
        await handle.write("\n");
        this.#bytes++;
      }
    } catch (thrown) {
      await handle.close();
      throw thrown;
    }
    return handle;
  }

  get #parts(): { readonly folder: string; readonly stem: string; readonly extension: string } {
    const { file } = this.#options;
    const extension = extname(file);
    return { folder: dirname(file), stem: `${basename(file, extension)}-`, extension };
  }

  /** Renaming onto a file would destroy it. */
  async #freeName(): Promise<string> {
    const { folder, stem, extension } = this.#parts;
    for (let ms = this.#options.now(); ; ms++) {
      const time = new Date(ms).toISOString().slice(0, -1).replaceAll(":", "-");
      const path = join(folder, `${stem}${time}${extension}`);
      try {
        await access(path, constants.F_OK);
      } catch {
        return path;
      }
    }
  }

  async #prune(): Promise<void> {
    const { backupsMax } = this.#options;
    if (backupsMax === 0) return;
    const { folder, stem, extension } = this.#parts;
    const backups = (await readdir(folder)).filter((name) => {
      const time = name.slice(stem.length, name.length - extension.length);
      return (
        name.startsWith(stem) &&
        name.endsWith(extension) &&
        /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}$/.test(time)
      );
    });
    for (const name of backups.toSorted().slice(0, -backupsMax)) await unlink(join(folder, name));
  }
}

async function lastByte(handle: FileHandle, size: number): Promise<string> {
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1);
  return buffer.toString("latin1");
}
