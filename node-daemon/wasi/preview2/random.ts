/** `wasi:random` of WASI 0.2. The insecure numbers are as good as the others. */
import type { OfferedInterface } from "../component-interfaces.ts";
import { randomBytes, randomU64, seedOf } from "../random-bytes.ts";

export const randomInterfaces: readonly OfferedInterface[] = [
  {
    name: "wasi:random/random@0.2",
    functions: ["get-random-bytes", "get-random-u64"],
    suspending: ["get-random-bytes"],
    make: (host) => ({
      getRandomBytes: (length: bigint) => randomBytes(host, length),
      getRandomU64: () => randomU64(host),
    }),
  },
  {
    name: "wasi:random/insecure@0.2",
    functions: ["get-insecure-random-bytes", "get-insecure-random-u64"],
    suspending: ["get-insecure-random-bytes"],
    make: (host) => ({
      getInsecureRandomBytes: (length: bigint) => randomBytes(host, length),
      getInsecureRandomU64: () => randomU64(host),
    }),
  },
  {
    name: "wasi:random/insecure-seed@0.2",
    functions: ["insecure-seed"],
    suspending: [],
    make: (host) => ({ insecureSeed: seedOf(host) }),
  },
];
