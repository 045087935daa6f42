import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { errorCode } from "../../kit/errors.ts";
import { currentFile, parseRecord } from "../../node-daemon/logs/log-record.ts";
import { AttachmentReader } from "../../node-daemon/shim/attachment.ts";
import { conformanceLimits } from "./limits.ts";
import type { StreamName } from "./specification.ts";

/** What a guest has written so far, byte by byte. */
export interface GuestOutput {
  written(stream: StreamName): Promise<Buffer>;
}

/** As its log has it: lines once they are whole, and the rest once the guest has ended. */
export class LoggedOutput implements GuestOutput {
  readonly #file: string;

  constructor(logFolder: string) {
    this.#file = join(logFolder, currentFile);
  }

  async written(stream: StreamName): Promise<Buffer> {
    const log = await readFile(this.#file).catch((thrown: unknown) => {
      // No folder exists before the first line.
      if (errorCode(thrown) === "ENOENT") return Buffer.alloc(0);
      throw thrown;
    });
    return contentOf(log, stream);
  }
}

const newline = Buffer.from("\n");

/** Of the whole records in a log. */
export function contentOf(log: Buffer, stream: StreamName): Buffer {
  const parts: Buffer[] = [];
  let start = 0;
  for (let end = log.indexOf(newline); end >= 0; end = log.indexOf(newline, start)) {
    const record = parseRecord(log.subarray(start, end));
    start = end + 1;
    if (record.stream !== stream) continue;
    parts.push(record.content);
    if (!record.partial) parts.push(newline);
  }
  return Buffer.concat(parts);
}

/** As an attached client gets it, for tests that write to the guest's input; what they write goes there. */
export class AttachedOutput implements GuestOutput, AsyncDisposable {
  readonly path: string;
  readonly #server: Server;
  readonly #parts = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  readonly #client = Promise.withResolvers<Socket>();

  private constructor(path: string) {
    this.path = path;
    const reader = new AttachmentReader((stream, bytes) => this.#parts[stream].push(bytes));
    this.#server = createServer({ allowHalfOpen: true }, (socket) => {
      socket.on("data", (chunk: Buffer) => reader.push(chunk));
      // The guest is gone: what it wrote before counts.
      socket.on("error", () => socket.destroy());
      this.#client.resolve(socket);
    });
  }

  static async listen(path: string): Promise<AttachedOutput> {
    const output = new AttachedOutput(path);
    output.#server.listen(path);
    await once(output.#server, "listening");
    return output;
  }

  async write(text: string): Promise<void> {
    (await this.#client.promise).write(text);
  }

  async end(): Promise<void> {
    (await this.#client.promise).end();
  }

  written(stream: StreamName): Promise<Buffer> {
    return Promise.resolve(Buffer.concat(this.#parts[stream]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    // Whoever never came is not waited for.
    const client = await Promise.race([this.#client.promise, Promise.resolve(undefined)]);
    client?.destroy();
  }
}

/** Looks until `question` answers, or once more when nothing else is to come; undefined if it does not answer even then. */
export async function until<T>(
  question: () => Promise<T | undefined>,
  over: () => boolean,
  signal: AbortSignal,
): Promise<T | undefined> {
  for (;;) {
    const last = over() || signal.aborted;
    const answer = await question();
    if (answer !== undefined || last) return answer;
    await delay(conformanceLimits.lookMs);
  }
}
