/**
 * One connection to one Redis with one set of credentials, for all that is asked of it. It is made when something is asked, and never by
 * itself again.
 */
import { connect as connectPlain } from "node:net";
import { connect as connectTls } from "node:tls";
import { Redis } from "ioredis";
import { WherryError } from "../../../kit/errors.ts";
import { pinnedLookup, type Tls, tlsOptions } from "../pinned-connection.ts";
import { GuardedStream } from "./guarded-stream.ts";
import { ReplyGuard } from "./reply-guard.ts";

export interface RedisTarget {
  readonly host: string;
  readonly port: number;
  readonly addresses: readonly string[];
  /** undefined: without TLS. */
  readonly tls: Tls | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly database: number;
}

export type Argument = string | number;

/** What Redis answers to a command: text, numbers, nothing, and lists of them. */
export type Reply = string | number | null | readonly Reply[];

export class RedisConnection implements Disposable {
  readonly #redis: Redis;
  readonly #guard: ReplyGuard;
  /** Has what ended it, if the guard or the network did: the client only says that it is closed. */
  readonly #stream: GuardedStream;
  #isClosed = false;

  private constructor(stream: GuardedStream, guard: ReplyGuard) {
    this.#stream = stream;
    this.#guard = guard;
    const redis = clientOn(stream);
    this.#redis = redis;
    // Without a listener the client writes to the console.
    redis.on("error", () => {});
    redis.on("end", () => {
      this.#isClosed = true;
    });
  }

  /** Rejects with what Redis says of the credentials, or with what the network does. */
  static async open(target: RedisTarget, signal: AbortSignal): Promise<RedisConnection> {
    const guard = new ReplyGuard();
    const stream = await connected(target, guard, signal);
    const connection = new RedisConnection(stream, guard);
    const { username, password, database } = target;
    try {
      await connection.#redis.connect();
      // Not the client's own way: it writes to the console when a password is not needed.
      if (password !== undefined || username !== undefined)
        await connection.call(signal, "AUTH", ...(username === undefined ? [] : [username]), password ?? "");
      if (database > 0) await connection.call(signal, "SELECT", database);
      return connection;
    } catch (thrown) {
      connection[Symbol.dispose]();
      throw isReplyError(thrown) ? thrown : (stream.errored ?? thrown);
    }
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Rejects with a ReplyError that has Redis' message, or with why there is no answer. An aborted call ends the connection. */
  async call(signal: AbortSignal, command: string, ...args: readonly Argument[]): Promise<Reply> {
    signal.throwIfAborted();
    const stop = () => this[Symbol.dispose]();
    signal.addEventListener("abort", stop, { once: true });
    try {
      this.#guard.expect();
      // The client says "unknown"; the guard lets nothing else pass.
      return (await this.#redis.call(command, ...args)) as Reply;
    } catch (thrown) {
      throw isReplyError(thrown) ? thrown : (this.#stream.errored ?? thrown);
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#redis.disconnect();
  }
}

export function isReplyError(thrown: unknown): thrown is Error {
  return thrown instanceof Error && thrown.name === "ReplyError";
}

/** A client of a stream that is there; when it ends, so does the client. */
function clientOn(stream: GuardedStream): Redis {
  return new Redis({
    lazyConnect: true,
    // RESP2, and nothing that is not asked for: the guard counts.
    protocol: 2,
    disableClientInfo: true,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: () => null,
    Connector: class {
      connect(): Promise<GuardedStream> {
        return Promise.resolve(stream);
      }
      disconnect(): void {
        stream.destroy();
      }
      check(): boolean {
        return true;
      }
      // The client uses these three of its connectors; the type has the rest of its base class.
    } as never,
  });
}

function connected(
  { host, port, addresses, tls }: RedisTarget,
  guard: ReplyGuard,
  signal: AbortSignal,
): Promise<GuardedStream> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(givenUp());
      return;
    }
    const options = { host, port, lookup: pinnedLookup(addresses), noDelay: true, keepAlive: true };
    const socket = tls ? connectTls({ ...options, ...tlsOptions(tls) }) : connectPlain(options);
    const stop = () => socket.destroy(givenUp());
    signal.addEventListener("abort", stop, { once: true });
    const failed = (error?: unknown) => {
      signal.removeEventListener("abort", stop);
      reject(error instanceof Error ? error : new WherryError("ECONNRESET", "the connection was closed"));
    };
    // Both stay: what it says later is the stream's to hear, and nobody's error goes unheard.
    socket.on("error", failed);
    socket.on("close", failed);
    socket.once(tls ? "secureConnect" : "connect", () => {
      signal.removeEventListener("abort", stop);
      // At once: an error in this very turn finds who hears it.
      resolve(new GuardedStream(socket, guard));
    });
  });
}

function givenUp(): WherryError {
  return new WherryError("GivenUp", "the time for asking is over");
}
