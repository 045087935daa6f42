/** What a call answers, as a generation of WASI says it. */
import { errno, type Errno } from "../abi.ts";
import { GuestTrap } from "../component-resources.ts";
import { done, err, ok, type Result } from "../component-values.ts";
import type { Answer, Done } from "../file-system/operations.ts";
import { GuestEnded, type ComponentHost } from "../host.ts";

export type Said<T, E> = Result<T, E> | Promise<Result<T, E>>;

/** Says answers with the error codes of one generation. Bugs of ours are told to the host, and to the guest as `io`. */
export class Speech<E> {
  readonly #codeOf: (code: Errno) => E;

  constructor(codeOf: (code: Errno) => E) {
    this.#codeOf = codeOf;
  }

  value<T extends object, U>(
    host: ComponentHost,
    call: () => Answer<T>,
    convert: (value: T) => U,
  ): Said<U, E> {
    return this.#said(host, call, (answer) =>
      typeof answer === "number" ? err(this.#codeOf(answer)) : ok(convert(answer)),
    );
  }

  done(host: ComponentHost, call: () => Done): Said<undefined, E> {
    return this.#said(host, call, (answer) => this.outcome(answer));
  }

  outcome(code: Errno): Result<undefined, E> {
    return code === 0 ? done : err(this.#codeOf(code));
  }

  #said<T, U>(host: ComponentHost, call: () => T | Promise<T>, say: (answer: T) => Result<U, E>): Said<U, E> {
    const failed = (thrown: unknown): Result<U, E> => {
      // The guest is to stop; it must not be told anything.
      if (thrown instanceof GuestEnded || thrown instanceof GuestTrap) throw thrown;
      host.onBug?.(thrown);
      return err(this.#codeOf(errno.io));
    };
    try {
      const answer = call();
      return answer instanceof Promise ? answer.then(say).catch(failed) : say(answer);
    } catch (thrown) {
      return failed(thrown);
    }
  }
}
