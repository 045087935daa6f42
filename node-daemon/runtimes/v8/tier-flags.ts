/**
 * With these a shim's engine reads which functions to optimize at once (`tier-hints.ts`), and compiles on one thread: so
 * the compilations of a tenant take one core at most, and its module store knows when they are done (`optimized.ts`).
 */
export const tierFlags = ["--experimental-wasm-compilation-hints", "--v8-pool-size=1"] as const;
