import { HostResource } from "../component-resources.ts";
import { err, type Err } from "../component-values.ts";
import { errno } from "../abi.ts";
import type { ComponentHost, StreamFailure } from "../host.ts";

/** `wasi:io/error`: why a stream broke. Files and sockets ask it for their own codes. */
export class IoError extends HostResource {
  readonly failure: StreamFailure;

  constructor(host: ComponentHost, failure: StreamFailure) {
    super(host);
    this.failure = failure;
  }

  toDebugString(): string {
    const name = Object.entries(errno).find(([, code]) => code === this.failure.errno)?.[0];
    return `the stream failed: ${name ?? `errno ${this.failure.errno}`}`;
  }
}

export type StreamError =
  | { readonly tag: "last-operation-failed"; readonly val: IoError }
  | { readonly tag: "closed" };

export const closed: Err<StreamError> = err({ tag: "closed" });

export function failed(host: ComponentHost, failure: StreamFailure): Err<StreamError> {
  return err({ tag: "last-operation-failed", val: new IoError(host, failure) });
}
