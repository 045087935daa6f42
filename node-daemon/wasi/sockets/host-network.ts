/**
 * The network of one instance, made from its grant.
 *
 *     guest ─▶ Network ─▶ policy: may it? ─▶ seat: is there room? ─▶ socket
 *                                                                     │ closed, broken
 *                                                                     ▼
 *                                                            the seat is free again
 *
 * Names are resolved here and nowhere else: sockets get addresses, so that what is checked is what is connected to.
 */
import { domainToASCII } from "node:url";

import type { Clock } from "../../../kit/clock.ts";
import { WherryError } from "../../../kit/errors.ts";
import type { ListenerGrant, NetworkGrant } from "../../runtimes/runtime-driver.ts";
import { addressBytes, addressText, familyOf } from "./addresses.ts";
import { socketLimits } from "./limits.ts";
import { type NameResolver, SystemResolver } from "./name-resolver.ts";
import { NetworkPolicy, ownAddresses } from "./network-policy.ts";
import type {
  BoundTcp,
  Network,
  PreopenedListener,
  SocketAddress,
  SocketError,
  SocketOutcome,
  TcpConnection,
  UdpSocket,
} from "./network.ts";
import { noNetwork } from "./network.ts";
import { refused } from "./socket-errors.ts";
import { SocketSeats } from "./socket-seats.ts";
import type { SpareSockets } from "./spare-sockets.ts";
import { bindTcp, connectTcp, type TcpParts } from "./tcp-bind.ts";
import { bindUdp } from "./udp-socket.ts";

export interface NetworkParts {
  readonly clock: Clock;
  /** Of the process: see `WasiHost.limits`. */
  readonly hostDescriptorsMax: number;
  /** Something came in on one of its sockets, whether or not anyone waits for it. */
  readonly onEvent?: () => void;
  /** It listens there from now on. */
  readonly onListening?: (local: SocketAddress) => void;
  readonly socketsMax?: number;
  /** Of the process; those of the instance alone where there are none. */
  readonly spares?: SpareSockets;
  readonly resolver?: NameResolver;
  /** Instead of those of this machine's interfaces. */
  readonly ownAddresses?: () => ReadonlySet<string>;
}

/**
 * `openListeners`: those of the grant are opened here; otherwise the guest binds to their addresses itself. Throws a
 * {@link WherryError} `address-in-use` or `address-unavailable` that names the listener.
 */
export function openNetwork(grant: NetworkGrant, openListeners: boolean, parts: NetworkParts): Network {
  if (grant.allow.length === 0 && grant.listeners.length === 0) return noNetwork;
  const network = HostNetwork.of(grant, parts);
  try {
    if (openListeners) for (const listener of grant.listeners) network.preopen(listener);
    return network;
  } catch (thrown) {
    network.close();
    throw thrown;
  }
}

class HostNetwork implements Network {
  readonly available = true;
  readonly #listeners: PreopenedListener[] = [];
  readonly #tcp: TcpParts;
  readonly #resolver: NameResolver;
  /** Names that are looked up, by all who share it. */
  readonly #lookups: { count: number };
  readonly #isShare: boolean;

  private constructor(tcp: TcpParts, resolver: NameResolver, lookups: { count: number }, isShare: boolean) {
    this.#tcp = tcp;
    this.#resolver = resolver;
    this.#lookups = lookups;
    this.#isShare = isShare;
  }

  static of(grant: NetworkGrant, parts: NetworkParts): HostNetwork {
    const { clock, hostDescriptorsMax, socketsMax = socketLimits.socketsMax } = parts;
    const own = parts.ownAddresses ?? (() => ownAddresses(clock));
    const tcp = {
      clock,
      policy: new NetworkPolicy(grant, clock, own),
      seats: new SocketSeats({ socketsMax, hostDescriptorsMax }, parts.onEvent, parts.spares),
      onListening: parts.onListening,
    };
    return new HostNetwork(tcp, parts.resolver ?? new SystemResolver(), { count: 0 }, false);
  }

  share(): Network {
    const tcp = { ...this.#tcp, seats: this.#tcp.seats.share() };
    return new HostNetwork(tcp, this.#resolver, this.#lookups, true);
  }

  get listeners(): readonly PreopenedListener[] {
    return this.#listeners;
  }

  preopen({ name, address, port }: ListenerGrant): void {
    const family = familyOf(address);
    const bound = family ? this.bindTcp({ family, address, port }) : refused("invalid-argument");
    const listening = bound.kind === "ok" ? bound.value.listen(socketLimits.listenBacklogMax) : bound;
    if (listening.kind === "refused") throw notListening(name, address, port, listening.error);
    this.#listeners.push({ name, listener: listening.value });
  }

  async connect(
    remote: SocketAddress,
    { local, signal }: { readonly local: SocketAddress | undefined; readonly signal: AbortSignal },
  ): Promise<SocketOutcome<TcpConnection>> {
    if (local === undefined) return connectTcp(this.#tcp, remote, signal);
    const bound = this.bindTcp(local);
    return bound.kind === "ok" ? bound.value.connect(remote, signal) : bound;
  }

  mayBind(local: SocketAddress): boolean {
    return this.#tcp.policy.mayBind(local);
  }

  mayConnect(remote: SocketAddress): boolean {
    return this.#tcp.policy.mayConnect(remote);
  }

  bindTcp(local: SocketAddress): SocketOutcome<BoundTcp> {
    return bindTcp(this.#tcp, local);
  }

  bindUdp(local: SocketAddress): SocketOutcome<UdpSocket> {
    return bindUdp(this.#tcp, local);
  }

  async resolve(text: string, signal: AbortSignal): Promise<SocketOutcome<readonly SocketAddress[]>> {
    signal.throwIfAborted();
    const { policy, seats } = this.#tcp;
    const literal = addressBytes(text);
    if (literal !== undefined) return this.#revealed(text, [addressText(literal)]);
    if (text.length > socketLimits.nameTextMax) return refused("invalid-argument");
    const ascii = domainToASCII(text).toLowerCase();
    const name = ascii.endsWith(".") ? ascii.slice(0, -1) : ascii;
    if (!isName(name)) return refused("invalid-argument");
    // "127.1" is an address to some, and must be one to the policy.
    if (addressBytes(name) !== undefined) return this.#revealed(name, [name]);
    if (seats.closed || !policy.mayResolve(name)) return refused("access-denied");
    if (this.#lookups.count >= socketLimits.resolutionsMax) return refused("temporary-resolver-failure");
    this.#lookups.count++;
    try {
      const outcome = await untilAborted(this.#resolver.resolve(ascii), signal);
      return outcome.kind === "failed" ? refused(outcome.error) : this.#revealed(name, outcome.addresses);
    } finally {
      this.#lookups.count--;
    }
  }

  async drain(signal: AbortSignal): Promise<void> {
    const { seats } = this.#tcp;
    try {
      await untilAborted(seats.endAll(), signal);
    } catch {
      // It took too long.
    }
    this.close();
  }

  close(): void {
    this.#tcp.seats.abortAll();
    if (!this.#isShare) this.#resolver.close();
  }

  /** Those that something may be connected to at, which are remembered as what the name means. */
  #revealed(name: string, addresses: readonly string[]): SocketOutcome<readonly SocketAddress[]> {
    const { policy } = this.#tcp;
    const granted: SocketAddress[] = [];
    for (const address of addresses) {
      const family = familyOf(address);
      if (family === undefined || !policy.mayReveal(name, address)) continue;
      policy.remember(name, address);
      granted.push({ family, address, port: 0 });
    }
    return granted.length > 0 ? { kind: "ok", value: granted } : refused("access-denied");
  }
}

/** Names that DNS could have, and hosts files do: letters, digits, hyphens and underscores between dots. */
function isName(name: string): boolean {
  if (name.length === 0 || name.length > socketLimits.nameCharsMax) return false;
  return name.split(".").every((label) => /^[a-z0-9_-]{1,63}$/.test(label));
}

function notListening(name: string, address: string, port: number, error: SocketError): WherryError {
  const what = `listen for ${name} at ${address.includes(":") ? `[${address}]` : address}:${port}`;
  if (error === "address-in-use") {
    return new WherryError("address-in-use", `${what}: another process or instance has this address`, {
      retryable: true,
    });
  }
  return new WherryError("address-unavailable", `${what}: ${error}`, { retryable: true });
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason as Error);
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
