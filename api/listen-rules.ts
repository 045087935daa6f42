/**
 * Where instances may listen, as the daemon's `--allow-listen` has it, and which listeners get in each other's way. The node
 * judges by it, and placement does before it.
 */
import { isIPv4 } from "node:net";
import { parseAddress } from "./network.ts";

export interface ListenRule {
  /** Undefined: every namespace. */
  readonly namespace: string | undefined;
  /** `*`: any address of the machine. */
  readonly address: string;
  readonly fromPort: number;
  readonly toPort: number;
}

export interface ListenPlace {
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Those with the same one are not in each other's way; undefined: it is in everybody's. */
  readonly sharer?: string;
}

/** Port 0 may become any of the ports that systems hand out. */
const handedOut = { fromPort: 32_768, toPort: 60_999 } as const;

/** ADDRESS:PORT or ADDRESS:FIRST-LAST; undefined for what is neither. */
export function parseListenRule(text: string, namespace: string | undefined): ListenRule | undefined {
  const match = /^(\*|\[[^\]]+\]|[^:]+):(\d{1,5})(?:-(\d{1,5}))?$/.exec(text);
  const host = match?.[1]?.replace(/^\[(.*)\]$/, "$1") ?? "";
  const address = host === "*" ? host : parseAddress(host);
  const fromPort = Number(match?.[2]);
  const toPort = Number(match?.[3] ?? match?.[2]);
  const isRange = fromPort >= 1 && fromPort <= toPort && toPort <= 65_535;
  return address !== undefined && isRange ? { namespace, address, fromPort, toPort } : undefined;
}

/** As {@link parseListenRule} reads it. */
export function listenRuleText({ address, fromPort, toPort }: Omit<ListenRule, "namespace">): string {
  const ports = fromPort === toPort ? String(fromPort) : `${fromPort}-${toPort}`;
  return `${bracketed(address)}:${ports}`;
}

export function listenPlaceText({ address, port }: ListenPlace): string {
  return `${bracketed(address)}:${port}`;
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}

export function listenRulesOf(rules: readonly ListenRule[], namespace: string): readonly ListenRule[] {
  return rules.filter((rule) => rule.namespace === undefined || rule.namespace === namespace);
}

/** `rules` are those of the namespace. */
export function mayListen(rules: readonly ListenRule[], { address, port }: ListenPlace): boolean {
  const { fromPort, toPort } = port === 0 ? handedOut : { fromPort: port, toPort: port };
  return rules.some(
    (rule) =>
      (rule.address === "*" || rule.address === address) &&
      rule.fromPort <= fromPort &&
      toPort <= rule.toPort,
  );
}

/**
 * Whether the machine lets only one of two listeners have its port. An address that stands for all of them is in the way of
 * each one of its family. Sockets of instances take one family only (IPV6_V6ONLY), so 0.0.0.0 and :: are not in each other's.
 */
export function listenersConflict(one: ListenPlace, other: ListenPlace): boolean {
  if (one.port !== other.port || one.port === 0) return false;
  if (isIPv4(one.address) !== isIPv4(other.address)) return false;
  if (one.sharer !== undefined && one.sharer === other.sharer) return false;
  return one.address === other.address || isWildcard(one.address) || isWildcard(other.address);
}

function isWildcard(address: string): boolean {
  return address === "0.0.0.0" || address === "::";
}
