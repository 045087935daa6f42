import { GuestEnded, type ComponentHost } from "../host.ts";
import { socketLimits } from "../sockets/limits.ts";
import type { TcpConnection, TcpListener } from "../sockets/network.ts";

/**
 * `stream<tcp-socket>` of a listener, as the bindings take streams: an async iterable that answers one socket each time the
 * guest asks, so that nobody is accepted before. A connection that can't be had now, because the instance has all the
 * sockets that it may have, stays where it is until another is closed.
 */
export class AcceptedStream<T> implements AsyncIterableIterator<T> {
  readonly #host: ComponentHost;
  readonly #listener: TcpListener;
  readonly #socketOf: (connection: TcpConnection) => T;
  #onEnd: (() => void) | undefined;
  #stopWaiting = () => {};

  constructor(
    host: ComponentHost,
    listener: TcpListener,
    socketOf: (connection: TcpConnection) => T,
    onEnd: () => void,
  ) {
    host.resources.take();
    this.#host = host;
    this.#listener = listener;
    this.#socketOf = socketOf;
    this.#onEnd = onEnd;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<T>> {
    while (this.#onEnd) {
      const accepted = this.#listener.accept();
      if (accepted === "wait") await this.#wait((wake) => this.#listener.onAcceptable(wake));
      else if (!("kind" in accepted)) return { done: false, value: this.#socketOf(accepted) };
      else if (accepted.error === "new-socket-limit") await this.#wait((wake) => this.#later(wake));
      else this.#end();
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<T>> {
    this.#end();
    return { done: true, value: undefined };
  }

  /** What is missing may be the process' to give back, which tells nobody. */
  #later(wake: () => void): () => void {
    return this.#host.setTimer(socketLimits.acceptRetryMs, wake);
  }

  async #wait(onReady: (wake: () => void) => () => void): Promise<void> {
    const woken = await this.#host.wait<"ready" | "killed">((wake) => {
      this.#stopWaiting = () => wake("ready");
      return onReady(() => wake("ready"));
    }, "killed");
    this.#stopWaiting = () => {};
    if (woken === "ready") return;
    this.#end();
    throw new GuestEnded();
  }

  #end(): void {
    const onEnd = this.#onEnd;
    if (!onEnd) return;
    this.#onEnd = undefined;
    this.#host.resources.giveBack();
    this.#stopWaiting();
    onEnd();
  }
}
