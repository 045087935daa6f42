/**
 * What a grant allows. Every question is about the address that is really connected or bound to; a name counts only through
 * the addresses that it was resolved to here.
 *
 *     allow: address ─▶ that address, wherever it is
 *            name    ─▶ what it was resolved to, while that is remembered, unless inside
 *            *       ─▶ everything, unless inside
 *
 * Inside are the addresses of `isInside` and those of this machine's own interfaces.
 */
import { networkInterfaces } from "node:os";

import type { Clock } from "../../../kit/clock.ts";
import type { AllowedEndpoint, NetworkGrant } from "../../runtimes/runtime-driver.ts";
import { addressBytes, addressText, isInside, unspecifiedAddress } from "./addresses.ts";
import { socketLimits } from "./limits.ts";
import type { SocketAddress } from "./network.ts";

/** Ports of one host in the list; 0 among them is any. */
type Ports = ReadonlySet<number>;

interface Remembered {
  readonly ports: Ports;
  readonly untilMs: number;
}

export class NetworkPolicy {
  readonly #clock: Clock;
  readonly #ownAddresses: () => ReadonlySet<string>;
  /** By address in its shortest form. */
  readonly #addresses: ReadonlyMap<string, Ports>;
  readonly #names: ReadonlyMap<string, Ports>;
  readonly #anywhere: Ports | undefined;
  readonly #bindable: ReadonlyMap<string, Ports>;
  /** By name and address, the oldest first. */
  readonly #resolved = new Map<string, Remembered>();

  constructor(grant: NetworkGrant, clock: Clock, ownAddresses: () => ReadonlySet<string>) {
    this.#clock = clock;
    this.#ownAddresses = ownAddresses;
    const isAddress = ({ host }: AllowedEndpoint) => addressBytes(host) !== undefined;
    this.#addresses = portsByHost(
      grant.allow.filter(isAddress).map((one) => ({ ...one, host: shortest(one.host) })),
    );
    this.#names = portsByHost(grant.allow.filter((one) => !isAddress(one) && one.host !== "*"));
    this.#anywhere = portsByHost(grant.allow.filter(({ host }) => host === "*")).get("*");
    this.#bindable = portsByHost(
      grant.listeners.map(({ address, port }) => ({ host: shortest(address), port })),
    );
  }

  get allowsAny(): boolean {
    return this.#addresses.size > 0 || this.#names.size > 0 || this.#anywhere !== undefined;
  }

  mayConnect({ address, port }: SocketAddress): boolean {
    const bytes = addressBytes(address);
    if (bytes === undefined || port === 0) return false;
    const key = addressText(bytes);
    if (covers(this.#addresses.get(key), port)) return true;
    if (this.#isInside(bytes, key)) return false;
    if (covers(this.#anywhere, port)) return true;
    const nowMs = this.#clock.monotonic();
    for (const name of this.#names.keys()) {
      const remembered = this.#resolved.get(`${name} ${key}`);
      if (remembered !== undefined && remembered.untilMs > nowMs && covers(remembered.ports, port))
        return true;
    }
    return false;
  }

  /** A grant for the unspecified address is one for every address of its family. */
  mayBind({ family, address, port }: SocketAddress): boolean {
    const bytes = addressBytes(address);
    if (bytes === undefined) return false;
    return (
      covers(this.#bindable.get(addressText(bytes)), port) ||
      covers(this.#bindable.get(unspecifiedAddress(family)), port)
    );
  }

  mayResolve(name: string): boolean {
    return this.#names.has(name) || this.#anywhere !== undefined;
  }

  /** Whether something may be connected to at this address, on some port, if `name` was resolved to it. */
  mayReveal(name: string, address: string): boolean {
    const bytes = addressBytes(address);
    if (bytes === undefined) return false;
    const key = addressText(bytes);
    if (this.#addresses.has(key)) return true;
    return this.mayResolve(name) && !this.#isInside(bytes, key);
  }

  /** `name` was just resolved to `address`. */
  remember(name: string, address: string): void {
    const ports = this.#names.get(name);
    const bytes = addressBytes(address);
    if (ports === undefined || bytes === undefined) return;
    const key = `${name} ${addressText(bytes)}`;
    this.#resolved.delete(key);
    this.#resolved.set(key, { ports, untilMs: this.#clock.monotonic() + socketLimits.resolvedKeptMs });
    if (this.#resolved.size <= socketLimits.resolvedKeptMax) return;
    const [oldest] = this.#resolved.keys();
    if (oldest !== undefined) this.#resolved.delete(oldest);
  }

  #isInside(bytes: Uint8Array, text: string): boolean {
    return isInside(bytes) || this.#ownAddresses().has(text);
  }
}

function portsByHost(endpoints: readonly AllowedEndpoint[]): Map<string, Set<number>> {
  const byHost = new Map<string, Set<number>>();
  for (const { host, port } of endpoints) {
    const ports = byHost.get(host);
    if (ports) ports.add(port);
    else byHost.set(host, new Set([port]));
  }
  return byHost;
}

function covers(ports: Ports | undefined, port: number): boolean {
  return ports !== undefined && (ports.has(0) || ports.has(port));
}

function shortest(address: string): string {
  const bytes = addressBytes(address);
  return bytes === undefined ? address : addressText(bytes);
}

let own: { readonly addresses: ReadonlySet<string>; readonly untilMs: number } | undefined;

/** Of this machine's interfaces: packets to them never leave it, whatever the address. Shared by all instances. */
export function ownAddresses(clock: Clock): ReadonlySet<string> {
  const nowMs = clock.monotonic();
  if (own !== undefined && own.untilMs > nowMs) return own.addresses;
  const interfaces = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  const addresses = new Set(interfaces.map(({ address }) => shortest(address)));
  own = { addresses, untilMs: nowMs + socketLimits.ownAddressesKeptMs };
  return addresses;
}
