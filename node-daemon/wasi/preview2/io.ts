/**
 * `wasi:io` of WASI 0.2. Whoever offers a stream, or something to wait for, makes it of these classes: see pollable.ts,
 * input-stream.ts and output-stream.ts.
 */
import type { OfferedInterface } from "../component-interfaces.ts";
import { InputStream } from "./input-stream.ts";
import { OutputStream } from "./output-stream.ts";
import { poll, Pollable } from "./pollable.ts";
import { IoError } from "./stream-error.ts";

export { InputStream } from "./input-stream.ts";
export { OutputStream } from "./output-stream.ts";
export { always, Pollable, waitFor, type Readiness } from "./pollable.ts";
export { IoError, type StreamError } from "./stream-error.ts";

export const ioInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:io/error@0.2",
    functions: ["[method]error.to-debug-string"],
    suspending: [],
    make: () => ({ Error: IoError }),
  },
  {
    name: "wasi:io/poll@0.2",
    functions: ["[method]pollable.ready", "[method]pollable.block", "poll"],
    suspending: ["[method]pollable.block", "poll"],
    make: (host) => ({ Pollable, poll: (pollables: readonly Pollable[]) => poll(host, pollables) }),
  },
  {
    name: "wasi:io/streams@0.2",
    functions: [
      "[method]input-stream.read",
      "[method]input-stream.blocking-read",
      "[method]input-stream.skip",
      "[method]input-stream.blocking-skip",
      "[method]input-stream.subscribe",
      "[method]output-stream.check-write",
      "[method]output-stream.write",
      "[method]output-stream.blocking-write-and-flush",
      "[method]output-stream.flush",
      "[method]output-stream.blocking-flush",
      "[method]output-stream.subscribe",
      "[method]output-stream.write-zeroes",
      "[method]output-stream.blocking-write-zeroes-and-flush",
      "[method]output-stream.splice",
      "[method]output-stream.blocking-splice",
    ],
    suspending: [
      "[method]input-stream.blocking-read",
      "[method]input-stream.blocking-skip",
      "[method]output-stream.blocking-write-and-flush",
      "[method]output-stream.blocking-flush",
      "[method]output-stream.blocking-write-zeroes-and-flush",
      "[method]output-stream.blocking-splice",
    ],
    make: () => ({ InputStream, OutputStream }),
  },
];
