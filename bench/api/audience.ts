import { type Access, type Connection, openMany } from "./connection.ts";
import { configMaps, createConfigMap } from "./objects.ts";
import type { Call } from "./connection.ts";

const marker = Buffer.from('"name":"write-');
const quote = 0x22;

/** Watchers of one namespace, and when each of them heard of each write. */
export class Audience implements Disposable {
  /** From the start of a write to when a watcher has its event, for all writes and watchers. */
  delaysMs: number[] = [];
  readonly #namespace: string;
  readonly #connections: readonly Connection[];
  readonly #beganMs: number[] = [];
  #missing = 0;
  #settle: (() => void) | undefined;
  #fail: ((error: Error) => void) | undefined;

  private constructor(namespace: string, connections: readonly Connection[]) {
    this.#namespace = namespace;
    this.#connections = connections;
  }

  static async open(access: Access, namespace: string, watchers: number): Promise<Audience> {
    const audience = new Audience(namespace, await openMany(access, watchers));
    for (const connection of audience.#connections) audience.#listen(connection);
    return audience;
  }

  /** The next write. It begins now. */
  next(): Call {
    this.#missing += this.#connections.length;
    const at = this.#beganMs.push(performance.now()) - 1;
    return createConfigMap(this.#namespace, `write-${at}`);
  }

  /** Resolves when every watcher has heard of everything. */
  heard(): Promise<void> {
    return new Promise((settle, fail) => {
      this.#settle = settle;
      this.#fail = fail;
      if (this.#missing === 0) settle();
    });
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection[Symbol.dispose]();
  }

  #listen(connection: Connection): void {
    let rest: Buffer = Buffer.alloc(0);
    const onBody = (piece: Buffer) => {
      const data = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
      rest = this.#scan(data);
    };
    const ended = connection.send({ path: `${configMaps(this.#namespace)}?watch=true`, onBody });
    ended.then(
      ({ status, text }) => this.#fail?.(new Error(`a watch ended: ${status} ${text}`)),
      (error: Error) => this.#fail?.(error),
    );
  }

  /** Returns what may be the beginning of the next event's name. */
  #scan(data: Buffer): Buffer {
    let from = 0;
    for (let at = data.indexOf(marker); at >= 0; at = data.indexOf(marker, from)) {
      const begin = at + marker.length;
      const end = data.indexOf(quote, begin);
      if (end < 0) return data.subarray(at);
      this.#note(Number(data.toString("latin1", begin, end)));
      from = end;
    }
    return data.subarray(Math.max(from, data.length - marker.length));
  }

  #note(write: number): void {
    this.delaysMs.push(performance.now() - (this.#beganMs[write] ?? Number.NaN));
    if (--this.#missing === 0) this.#settle?.();
  }
}
