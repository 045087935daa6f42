import { closeSync, fstatSync, openSync, renameSync, writeSync } from "node:fs";
import { localLimits } from "./limits.ts";

/** The log file of one child. At its bound it becomes `FILE.1`, which replaces the one before. */
export class RotatingFile implements Disposable {
  readonly #path: string;
  readonly #bytesMax: number;
  #descriptor: number;
  #bytes: number;

  constructor(path: string, bytesMax: number = localLimits.logBytesMax) {
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#descriptor = openSync(path, "a", 0o600);
    this.#bytes = fstatSync(this.#descriptor).size;
  }

  writeLine(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    if (this.#bytes > 0 && this.#bytes + bytes.length > this.#bytesMax) this.#rotate();
    writeSync(this.#descriptor, bytes);
    this.#bytes += bytes.length;
  }

  [Symbol.dispose](): void {
    closeSync(this.#descriptor);
  }

  #rotate(): void {
    closeSync(this.#descriptor);
    renameSync(this.#path, `${this.#path}.1`);
    this.#descriptor = openSync(this.#path, "a", 0o600);
    this.#bytes = 0;
  }
}

interface LogRecord {
  readonly level: number;
  readonly msg: string;
  readonly err?: { readonly message?: string };
  readonly [field: string]: unknown;
}

/** pino's numbers. */
const warnLevel = 40;
export const errorLevel = 50;

const unshownFields = new Set(["level", "time", "pid", "hostname", "name", "msg", "err"]);

/** `warn scheduler: message (field=value)` for a child's JSON line of at least that level; undefined for any other. */
export function shortLine(child: string, line: string, minLevel = warnLevel): string | undefined {
  const record = parseRecord(line);
  if (!record || record.level < minLevel) return undefined;
  const level = record.level >= errorLevel ? "error" : record.level >= warnLevel ? "warn" : "info";
  const fields = Object.entries(record)
    .filter(([key]) => !unshownFields.has(key))
    .map(([key, value]) => `${key}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  const cause = record.err?.message ? `: ${record.err.message}` : "";
  return `${level} ${child}: ${record.msg}${cause}${fields.length > 0 ? ` (${fields.join(", ")})` : ""}`;
}

function parseRecord(line: string): LogRecord | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const record = JSON.parse(line) as Partial<LogRecord>;
    return typeof record.level === "number" && typeof record.msg === "string"
      ? (record as LogRecord)
      : undefined;
  } catch {
    return undefined;
  }
}
