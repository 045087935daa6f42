import { closeSync } from "node:fs";

/**
 * Descriptors that another thread works on are closed when it has done with them: the number could be another file's by
 * then.
 */
export class BusyDescriptors {
  readonly #closeNow: (fd: number) => void;
  readonly #uses = new Map<number, number>();
  readonly #givenUp = new Set<number>();

  constructor(closeNow: (fd: number) => void) {
    this.#closeNow = closeNow;
  }

  hold(fd: number): void {
    this.#uses.set(fd, (this.#uses.get(fd) ?? 0) + 1);
  }

  letGo(fd: number): void {
    const left = (this.#uses.get(fd) ?? 0) - 1;
    if (left > 0) {
      this.#uses.set(fd, left);
      return;
    }
    this.#uses.delete(fd);
    if (this.#givenUp.delete(fd)) this.#closeNow(fd);
  }

  close(fd: number): void {
    if (this.#uses.has(fd)) this.#givenUp.add(fd);
    else this.#closeNow(fd);
  }

  /** Its owner has closed it: whoever still works on it may stop. */
  isGivenUp(fd: number): boolean {
    return this.#givenUp.has(fd);
  }
}

/** Of this process, as far as its own thread pool works on them. */
export const busyDescriptors = new BusyDescriptors(closeSync);
