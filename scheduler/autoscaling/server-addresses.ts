/**
 * The addresses of servers: resolved by us, checked, and connected to as they were resolved, so that a name cannot mean one address when
 * it is judged and another when it is used.
 *
 * Looking up a name takes a thread of the process, of which there are few, for as long as a name server likes. So each name is
 * looked up once for all who ask, two at a time, names that could not be resolved last; and while that takes, what the name was
 * before is used on.
 */
import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Clock } from "../../kit/clock.ts";
import { errorCode, WherryError } from "../../kit/errors.ts";
import type { MetricServer, ServerPolicy } from "./server-policy.ts";

export type Addresses =
  | { readonly kind: "found"; readonly addresses: readonly string[] }
  | { readonly kind: "forbidden" | "unresolved"; readonly message: string };

/** Rejects when the name has no address. */
export type NameLookup = (host: string) => Promise<readonly string[]>;

export const systemNameLookup: NameLookup = async (host) =>
  (await lookup(host, { all: true })).map(({ address }) => address);

const limits = {
  /** Name servers say for how long an answer holds, and the system's resolver does not tell. */
  freshMs: 30_000,
  /** For how long a name means what it meant, when it cannot be looked up. */
  usableMs: 600_000,
  /** How long a name that was not resolved is not looked up again. */
  failedMs: 5_000,
  /** Node gives names half of its four threads. */
  lookupsMax: 2,
  addressesMax: 16,
  namesMax: 4_096,
} as const;

interface Name {
  readonly host: string;
  addresses: readonly string[];
  /** When they were resolved. */
  resolvedMs: number;
  failure: { readonly message: string; readonly atMs: number } | undefined;
  lookingUp: Promise<void> | undefined;
}

export class ServerAddresses {
  readonly #policy: ServerPolicy;
  readonly #clock: Clock;
  readonly #lookup: NameLookup;
  /** The one that was not asked for the longest time is first. */
  readonly #names = new Map<string, Name>();
  readonly #waiting: { readonly good: (() => void)[]; readonly failed: (() => void)[] } = {
    good: [],
    failed: [],
  };
  #running = 0;

  constructor(policy: ServerPolicy, clock: Clock, nameLookup: NameLookup) {
    this.#policy = policy;
    this.#clock = clock;
    this.#lookup = nameLookup;
  }

  /** Only those that may be asked; never none. */
  async of(server: MetricServer): Promise<Addresses> {
    const refusal = this.#policy.refusal(server);
    if (refusal !== undefined) return { kind: "forbidden", message: refusal };
    if (isIP(server.host) !== 0) return this.#allowed(server, [server.host]);
    const name = this.#name(server.host);
    const ageMs = this.#clock.monotonic() - name.resolvedMs;
    if (ageMs > limits.freshMs && !this.#hasJustFailed(name)) {
      const done = this.#lookUp(name);
      if (ageMs > limits.usableMs) await done;
    }
    return this.#isUsable(name)
      ? this.#allowed(server, name.addresses)
      : { kind: "unresolved", message: name.failure?.message ?? `${name.host} has no address` };
  }

  #allowed(server: MetricServer, addresses: readonly string[]): Addresses {
    const judged = addresses.map((address) => ({
      address,
      refusal: this.#policy.addressRefusal(server, address),
    }));
    const allowed = judged.flatMap(({ address, refusal }) => (refusal === undefined ? [address] : []));
    const [first] = judged;
    return allowed.length > 0
      ? { kind: "found", addresses: allowed }
      : { kind: "forbidden", message: first?.refusal ?? `${server.host} has no address` };
  }

  #isUsable(name: Name): boolean {
    return this.#clock.monotonic() - name.resolvedMs <= limits.usableMs;
  }

  #hasJustFailed({ failure }: Name): boolean {
    return failure !== undefined && this.#clock.monotonic() - failure.atMs < limits.failedMs;
  }

  #name(host: string): Name {
    const known = this.#names.get(host);
    if (known) {
      this.#names.delete(host);
      this.#names.set(host, known);
      return known;
    }
    const name: Name = {
      host,
      addresses: [],
      resolvedMs: -Infinity,
      failure: undefined,
      lookingUp: undefined,
    };
    this.#names.set(host, name);
    const [oldest] = this.#names.keys();
    if (this.#names.size > limits.namesMax && oldest !== undefined) this.#names.delete(oldest);
    return name;
  }

  #lookUp(name: Name): Promise<void> {
    name.lookingUp ??= this.#lookUpInTurn(name).finally(() => {
      name.lookingUp = undefined;
    });
    return name.lookingUp;
  }

  async #lookUpInTurn(name: Name): Promise<void> {
    await this.#turn(name.failure === undefined ? "good" : "failed");
    try {
      const found = await this.#lookup(name.host);
      // What is of one interface only (%eth0) is of no use to whoever does not know which.
      const addresses = found.filter((address) => isIP(address) !== 0 && !address.includes("%"));
      if (addresses.length === 0) throw new WherryError("ENODATA", `${name.host} has no address`);
      name.addresses = addresses.slice(0, limits.addressesMax);
      name.resolvedMs = this.#clock.monotonic();
      name.failure = undefined;
    } catch (thrown) {
      const code = errorCode(thrown);
      name.failure = {
        message: `the name ${name.host} could not be resolved${code === undefined ? "" : ` (${code})`}`,
        atMs: this.#clock.monotonic(),
      };
    } finally {
      this.#running--;
      (this.#waiting.good.shift() ?? this.#waiting.failed.shift())?.();
    }
  }

  #turn(queue: "good" | "failed"): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const begin = () => {
      this.#running++;
      resolve();
    };
    if (this.#running < limits.lookupsMax) begin();
    else this.#waiting[queue].push(begin);
    return promise;
  }
}
