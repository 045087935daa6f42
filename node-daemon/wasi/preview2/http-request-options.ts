import { HostResource } from "../component-resources.ts";
import { done, type Result } from "../component-values.ts";
import type { HttpContext } from "./http-context.ts";

type Accepted = Result<undefined, undefined>;

/** `wasi:http/types.request-options`: timeouts in nanoseconds. */
export class RequestOptions extends HostResource {
  #connectTimeout: bigint | undefined;
  #firstByteTimeout: bigint | undefined;
  #betweenBytesTimeout: bigint | undefined;

  constructor(context: HttpContext) {
    super(context.host);
  }

  connectTimeout(): bigint | undefined {
    return this.#connectTimeout;
  }

  setConnectTimeout(ns: bigint | undefined): Accepted {
    this.#connectTimeout = ns;
    return done;
  }

  firstByteTimeout(): bigint | undefined {
    return this.#firstByteTimeout;
  }

  setFirstByteTimeout(ns: bigint | undefined): Accepted {
    this.#firstByteTimeout = ns;
    return done;
  }

  betweenBytesTimeout(): bigint | undefined {
    return this.#betweenBytesTimeout;
  }

  setBetweenBytesTimeout(ns: bigint | undefined): Accepted {
    this.#betweenBytesTimeout = ns;
    return done;
  }
}
