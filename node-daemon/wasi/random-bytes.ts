/** Randomness for components: preview 1 fills the guest's memory itself. */
import { trap } from "./component-resources.ts";
import type { ComponentHost } from "./host.ts";
import { limits } from "./limits.ts";

/** Exactly so many, with a turn for the neighbours after each piece. */
export function randomBytes(host: ComponentHost, length: bigint): Uint8Array | Promise<Uint8Array> {
  const { randomListBytesMax, randomBytesMax } = limits;
  if (length > BigInt(randomListBytesMax)) {
    trap(`get ${length} random bytes: at most ${randomListBytesMax} in one list`);
  }
  const bytes = new Uint8Array(Number(length));
  if (bytes.byteLength > randomBytesMax) return fillInTurns(host, bytes);
  fill(host, bytes);
  return bytes;
}

async function fillInTurns(host: ComponentHost, bytes: Uint8Array): Promise<Uint8Array> {
  for (let done = 0; done < bytes.byteLength; done += limits.randomBytesMax) {
    if (done > 0) await host.yield();
    fill(host, bytes.subarray(done, done + limits.randomBytesMax));
  }
  return bytes;
}

/** `bytes` may be longer than what is filled at once. */
export function fill(host: ComponentHost, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.byteLength; done += limits.randomChunkBytes) {
    host.random(bytes.subarray(done, done + limits.randomChunkBytes));
  }
}

export function randomU64(host: ComponentHost): bigint {
  const bytes = new Uint8Array(8);
  host.random(bytes);
  return new DataView(bytes.buffer).getBigUint64(0, true);
}

/** The same at each call: it seeds hash tables. */
export function seedOf(host: ComponentHost): () => [bigint, bigint] {
  let seed: [bigint, bigint] | undefined;
  return () => [...(seed ??= [randomU64(host), randomU64(host)])];
}
