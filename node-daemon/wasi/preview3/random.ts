/** `wasi:random` of WASI 0.3, where an answer may be shorter than what was asked for. */
import type { OfferedInterface } from "../component-interfaces.ts";
import { atMost } from "../component-values.ts";
import type { ComponentHost } from "../host.ts";
import { limits } from "../limits.ts";
import { fill, randomU64, seedOf } from "../random-bytes.ts";

function someBytes(host: ComponentHost, lengthMax: bigint): Uint8Array {
  const bytes = new Uint8Array(atMost(lengthMax, limits.randomBytesMax));
  fill(host, bytes);
  return bytes;
}

export const randomInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:random/random@0.3",
    functions: ["get-random-bytes", "get-random-u64"],
    suspending: [],
    make: (host) => ({
      getRandomBytes: (lengthMax: bigint) => someBytes(host, lengthMax),
      getRandomU64: () => randomU64(host),
    }),
  },
  {
    name: "wasi:random/insecure@0.3",
    functions: ["get-insecure-random-bytes", "get-insecure-random-u64"],
    suspending: [],
    make: (host) => ({
      getInsecureRandomBytes: (lengthMax: bigint) => someBytes(host, lengthMax),
      getInsecureRandomU64: () => randomU64(host),
    }),
  },
  {
    name: "wasi:random/insecure-seed@0.3",
    functions: ["get-insecure-seed"],
    suspending: [],
    make: (host) => ({ getInsecureSeed: seedOf(host) }),
  },
];
