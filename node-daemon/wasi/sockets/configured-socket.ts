/**
 * The options of sockets that WASI 0.2 and 0.3 have in common. Node can set some of them and read none: what was set is
 * remembered, within the bounds of Linux, and told back; what Node can't set changes nothing else.
 */
import { HostResource, type ResourceCount } from "../component-resources.ts";
import { done, err, type Result } from "../component-values.ts";
import type { SocketError, TcpOptions } from "./network.ts";

const secondNs = 1_000_000_000n;
const msNs = 1_000_000n;

export interface SocketSettings {
  readonly keepAliveEnabled: boolean;
  readonly keepAliveIdleNs: bigint;
  readonly keepAliveIntervalNs: bigint;
  readonly keepAliveCount: number;
  readonly hopLimit: number;
  readonly receiveBufferBytes: bigint;
  readonly sendBufferBytes: bigint;
}

/** Linux's defaults; its buffers grow by themselves. */
export const defaultSettings: SocketSettings = {
  keepAliveEnabled: false,
  keepAliveIdleNs: 7_200n * secondNs,
  keepAliveIntervalNs: 75n * secondNs,
  keepAliveCount: 9,
  hopLimit: 64,
  receiveBufferBytes: 131_072n,
  sendBufferBytes: 16_384n,
};

/** Linux's own bounds: MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT, and what a buffer size is kept in. */
const keepAliveNsMax = 32_767n * secondNs;
const keepAliveCountMax = 127;
const bufferBytesMax = 2n ** 31n - 1n;

/** `E` is the error-code of the generation. */
export abstract class ConfiguredSocket<E> extends HostResource {
  protected settings: SocketSettings;

  constructor(holder: { readonly resources: ResourceCount }, settings: SocketSettings) {
    super(holder);
    this.settings = settings;
  }

  protected abstract code(error: SocketError): E;

  /** Something was set. */
  protected changed?(): void;

  setReceiveBufferSize(value: bigint): Result<undefined, E> {
    return this.#set(value > 0n, { receiveBufferBytes: least(value, bufferBytesMax) });
  }

  setSendBufferSize(value: bigint): Result<undefined, E> {
    return this.#set(value > 0n, { sendBufferBytes: least(value, bufferBytesMax) });
  }

  setHopLimit(hopLimit: number): Result<undefined, E> {
    return this.#set(hopLimit > 0, { hopLimit });
  }

  setUnicastHopLimit(hopLimit: number): Result<undefined, E> {
    return this.setHopLimit(hopLimit);
  }

  setKeepAliveEnabled(keepAliveEnabled: boolean): Result<undefined, E> {
    return this.#set(true, { keepAliveEnabled });
  }

  setKeepAliveIdleTime(value: bigint): Result<undefined, E> {
    return this.#set(value > 0n, { keepAliveIdleNs: wholeSeconds(value) });
  }

  setKeepAliveInterval(value: bigint): Result<undefined, E> {
    return this.#set(value > 0n, { keepAliveIntervalNs: wholeSeconds(value) });
  }

  setKeepAliveCount(value: number): Result<undefined, E> {
    return this.#set(value > 0, { keepAliveCount: Math.min(value, keepAliveCountMax) });
  }

  #set(valid: boolean, change: Partial<SocketSettings>): Result<undefined, E> {
    if (!valid) return err(this.code("invalid-argument"));
    this.settings = { ...this.settings, ...change };
    this.changed?.();
    return done;
  }
}

/** What is not the default: each option is a system call. */
export function applySettings(settings: SocketSettings, options: TcpOptions): void {
  const { keepAliveEnabled, keepAliveIdleNs, keepAliveIntervalNs, keepAliveCount } = settings;
  if (!keepAliveEnabled && !options.keepAlive) return;
  options.keepAliveIdleMs = Number(keepAliveIdleNs / msNs);
  options.keepAliveIntervalMs = Number(keepAliveIntervalNs / msNs);
  options.keepAliveCount = keepAliveCount;
  options.keepAlive = keepAliveEnabled;
}

/** Linux counts in seconds; no time at all would be another setting. */
function wholeSeconds(ns: bigint): bigint {
  return least(((ns + secondNs - 1n) / secondNs) * secondNs, keepAliveNsMax);
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}
