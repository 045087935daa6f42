/** How many connections each client has. */

export interface ConnectionBounds {
  /** Of all clients together; more are closed at once. */
  readonly inAll: number;
  /** Of one client, by its address; 0: no bound. */
  readonly perClient: number;
}

export type Admission =
  | "admitted"
  /** One too many of this client: it is told so. */
  | "beyond"
  /** Of nobody who would listen. Not counted. */
  | "refused";

/** Of those beyond its bound a client may have so many more at a time, which are answered that they are too many. */
const toldShare = 1 / 8;

export class ClientCounts {
  readonly #max: number;
  readonly #toldMax: number;
  readonly #counts = new Map<string, number>();

  /** `max`: of one client; 0: no bound. */
  constructor(max: number) {
    this.#max = max === 0 ? Number.POSITIVE_INFINITY : max;
    this.#toldMax = Math.ceil(this.#max * toldShare);
  }

  /** `key`: of `clientKey`. Each that is not refused is to be removed once. */
  add(key: string): Admission {
    const count = this.#counts.get(key) ?? 0;
    if (count >= this.#max + this.#toldMax) return "refused";
    this.#counts.set(key, count + 1);
    return count < this.#max ? "admitted" : "beyond";
  }

  remove(key: string): void {
    const count = this.#counts.get(key) ?? 0;
    if (count <= 1) this.#counts.delete(key);
    else this.#counts.set(key, count - 1);
  }
}

/**
 * What of an address stands for a client: of IPv6 the first half, as each has all addresses that begin with it (RFC 4291 2.5.1,
 * RFC 6177). `address` as sockets write it.
 */
export function clientKey(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.replace(/%.*$/, "").toLowerCase().split("::");
  const before = groupsOf(head);
  if (tail === undefined) return before.slice(0, 4).join(":");
  const after = groupsOf(tail);
  const zeros = Array.from({ length: Math.max(0, 8 - before.length - after.length) }, () => "0");
  return [...before, ...zeros, ...after].slice(0, 4).join(":");
}

function groupsOf(text: string): readonly string[] {
  return text === "" ? [] : text.split(":");
}
