/**
 * Names to addresses, without the C library's resolver: that one blocks threads which all instances need for their files, and
 * cannot be cancelled. As it does, the hosts file comes first, then DNS with the search list of resolv.conf.
 */
import { promises as dns } from "node:dns";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

import { errorCode } from "../../../kit/errors.ts";
import { addressBytes, addressText } from "./addresses.ts";
import { socketLimits } from "./limits.ts";
import type { SocketError } from "./network.ts";

export type Resolution =
  | { readonly kind: "addresses"; readonly addresses: readonly string[] }
  | { readonly kind: "failed"; readonly error: SocketError };

/** `name` is in lower case, ASCII, without a final dot unless nothing may be appended to it. */
export interface NameResolver {
  resolve(name: string): Promise<Resolution>;
  /** What is asked now is answered with a failure. */
  close(): void;
}

export interface ResolverFiles {
  readonly hosts: string;
  readonly resolvConf: string;
}

const systemFiles: ResolverFiles = { hosts: "/etc/hosts", resolvConf: "/etc/resolv.conf" };

export class SystemResolver implements NameResolver {
  readonly #files: ResolverFiles;
  readonly #servers: readonly string[] | undefined;
  /** A socket or two while it asks, so only made when it is. */
  #dns: dns.Resolver | undefined;

  /** `servers` instead of those of resolv.conf, as `address:port`. */
  constructor(files: ResolverFiles = systemFiles, servers?: readonly string[]) {
    this.#files = files;
    this.#servers = servers;
  }

  async resolve(name: string): Promise<Resolution> {
    const plain = name.endsWith(".") ? name.slice(0, -1) : name;
    const listed = hostsOf(contentOf(this.#files.hosts), plain);
    if (listed.length > 0) return { kind: "addresses", addresses: listed };
    let failed: SocketError = "name-unresolvable";
    for (const candidate of candidatesOf(name, contentOf(this.#files.resolvConf))) {
      const outcome = await this.#ask(candidate);
      if (outcome.kind === "addresses") return outcome;
      // A name that could not be asked for may exist: what follows on the list would be another.
      failed = outcome.error;
      if (failed !== "name-unresolvable") break;
    }
    return { kind: "failed", error: failed };
  }

  close(): void {
    this.#dns?.cancel();
    this.#dns = undefined;
  }

  async #ask(name: string): Promise<Resolution> {
    const resolver = (this.#dns ??= this.#open());
    const answers = await Promise.allSettled([resolver.resolve4(name), resolver.resolve6(name)]);
    const addresses = answers.flatMap((answer) => (answer.status === "fulfilled" ? answer.value : []));
    const known = addresses.map(shortestOf).filter((address) => address !== undefined);
    if (known.length > 0)
      return { kind: "addresses", addresses: known.slice(0, socketLimits.addressesPerNameMax) };
    const errors = answers.map((answer) =>
      answer.status === "rejected" ? errorOf(answer.reason) : "name-unresolvable",
    );
    return {
      kind: "failed",
      error: errors.find((error) => error !== "name-unresolvable") ?? "name-unresolvable",
    };
  }

  #open(): dns.Resolver {
    const resolver = new dns.Resolver({ timeout: socketLimits.resolveTimeoutMs, tries: 2 });
    if (this.#servers) resolver.setServers(this.#servers);
    return resolver;
  }
}

function errorOf(thrown: unknown): SocketError {
  switch (errorCode(thrown)) {
    case "ENOTFOUND":
    case "ENODATA":
      return "name-unresolvable";
    case "EBADNAME":
      return "invalid-argument";
    case "ESERVFAIL":
    case "ETIMEOUT":
    case "ECONNREFUSED":
    case "EREFUSED":
    case "ECANCELLED":
      return "temporary-resolver-failure";
    default:
      return "permanent-resolver-failure";
  }
}

function shortestOf(text: string): string | undefined {
  const bytes = addressBytes(text);
  return bytes && addressText(bytes);
}

/** Of a hosts file: the addresses of the lines that have the name. */
export function hostsOf(text: string, name: string): readonly string[] {
  const found = new Set<string>();
  for (const line of text.split("\n")) {
    const [address = "", ...names] = (line.split("#")[0] ?? "").trim().split(/\s+/);
    if (!names.some((one) => one.toLowerCase() === name)) continue;
    const shortest = shortestOf(address);
    if (shortest !== undefined) found.add(shortest);
  }
  return [...found].slice(0, socketLimits.addressesPerNameMax);
}

/** The names to ask for, in this order, as resolv.conf(5) has it. */
export function candidatesOf(name: string, resolvConf: string): readonly string[] {
  if (name.endsWith(".")) return [name.slice(0, -1)];
  let dotsMin = 1;
  let search: readonly string[] = [];
  for (const line of resolvConf.split("\n")) {
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === "search" || keyword === "domain") search = values.slice(0, socketLimits.searchDomainsMax);
    const dots =
      keyword === "options"
        ? /^ndots:(\d{1,2})$/.exec(values.find((one) => one.startsWith("ndots:")) ?? "")
        : null;
    if (dots) dotsMin = Number(dots[1]);
  }
  const longer = search.map((domain) => `${name}.${domain.replace(/\.$/, "")}`);
  const dots = name.split(".").length - 1;
  const candidates = dots >= dotsMin ? [name, ...longer] : [...longer, name];
  return candidates.filter((candidate) => candidate.length <= socketLimits.nameCharsMax);
}

/** Empty when it is missing. Read each time: it is small, and changes under a running process. */
function contentOf(file: string): string {
  try {
    const fd = openSync(file, "r");
    try {
      const bytes = Buffer.alloc(Math.min(fstatSync(fd).size, socketLimits.resolverFileBytesMax));
      return bytes.toString("utf8", 0, readSync(fd, bytes, 0, bytes.byteLength, 0));
    } finally {
      closeSync(fd);
    }
  } catch {
    return "";
  }
}
