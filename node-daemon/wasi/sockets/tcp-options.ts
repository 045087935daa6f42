import type { Socket } from "node:net";

import type { TcpOptions } from "./network.ts";

/** Linux's defaults; Node can set the options of a socket, but not read them. */
const defaults: TcpOptions = {
  noDelay: false,
  keepAlive: false,
  keepAliveIdleMs: 7_200_000,
  keepAliveIntervalMs: 75_000,
  keepAliveCount: 9,
};

/** Linux's own bounds: MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL, MAX_TCP_KEEPCNT. It counts in seconds. */
const secondsMax = 32_767;
const countMax = 127;

export class HostTcpOptions implements TcpOptions {
  readonly #socket: Socket;
  #values = defaults;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  get noDelay(): boolean {
    return this.#values.noDelay;
  }

  set noDelay(noDelay: boolean) {
    this.#values = { ...this.#values, noDelay };
    this.#socket.setNoDelay(noDelay);
  }

  get keepAlive(): boolean {
    return this.#values.keepAlive;
  }

  set keepAlive(keepAlive: boolean) {
    this.#change({ keepAlive });
  }

  get keepAliveIdleMs(): number {
    return this.#values.keepAliveIdleMs;
  }

  set keepAliveIdleMs(keepAliveIdleMs: number) {
    this.#change({ keepAliveIdleMs });
  }

  get keepAliveIntervalMs(): number {
    return this.#values.keepAliveIntervalMs;
  }

  set keepAliveIntervalMs(keepAliveIntervalMs: number) {
    this.#change({ keepAliveIntervalMs });
  }

  get keepAliveCount(): number {
    return this.#values.keepAliveCount;
  }

  set keepAliveCount(keepAliveCount: number) {
    this.#change({ keepAliveCount });
  }

  #change(values: Partial<TcpOptions>): void {
    this.#values = { ...this.#values, ...values };
    const { keepAlive, keepAliveIdleMs, keepAliveIntervalMs, keepAliveCount } = this.#values;
    this.#socket.setKeepAlive({
      enable: keepAlive,
      initialDelay: within(keepAliveIdleMs, 1000, secondsMax * 1000),
      interval: within(keepAliveIntervalMs, 1000, secondsMax * 1000),
      count: within(keepAliveCount, 1, countMax),
    });
  }
}

function within(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
