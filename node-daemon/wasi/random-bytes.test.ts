import { describe, expect, it } from "vitest";

import { FakeComponentHost } from "./component-test-support.ts";
import { GuestTrap } from "./component-resources.ts";
import { limits } from "./limits.ts";
import { randomInterfaces as preview2Random } from "./preview2/random.ts";
import { randomInterfaces as preview3Random } from "./preview3/random.ts";

const all = [...preview2Random, ...preview3Random];

function setUp() {
  const host = new FakeComponentHost();
  const fills: number[] = [];
  let next = 0;
  host.random = (target) => {
    fills.push(target.byteLength);
    target.fill(++next);
  };
  const members = (name: string) =>
    all.find((one) => one.name === name)!.make(host) as Record<string, (length?: bigint) => unknown>;
  return { host, fills, members };
}

describe.each([
  { name: "wasi:random/random@0.2", bytes: "getRandomBytes", number: "getRandomU64" },
  { name: "wasi:random/insecure@0.2", bytes: "getInsecureRandomBytes", number: "getInsecureRandomU64" },
  { name: "wasi:random/random@0.3", bytes: "getRandomBytes", number: "getRandomU64" },
  { name: "wasi:random/insecure@0.3", bytes: "getInsecureRandomBytes", number: "getInsecureRandomU64" },
])("$name", ({ name, bytes, number }) => {
  it("gives fresh bytes and numbers", () => {
    const random = setUp().members(name);
    expect(random[bytes]!(3n)).toEqual(Uint8Array.of(1, 1, 1));
    expect(random[bytes]!(2n)).toEqual(Uint8Array.of(2, 2));
    expect(random[bytes]!(0n)).toEqual(new Uint8Array(0));
    expect(random[number]!()).toBe(0x0303030303030303n);
  });

  it("fills no more at once than is not interrupted", () => {
    const { fills, members } = setUp();
    members(name)[bytes]!(100_000n);
    expect(fills).toEqual([limits.randomChunkBytes, 100_000 - limits.randomChunkBytes]);
  });

  it("bounds what it makes at once", async () => {
    const { host, members } = setUp();
    const length = BigInt(limits.randomBytesMax) + 1n;
    const answer = (await members(name)[bytes]!(length)) as Uint8Array;
    if (name.endsWith("0.3")) {
      expect(answer.byteLength).toBe(limits.randomBytesMax);
      expect((members(name)[bytes]!(2n ** 64n - 1n) as Uint8Array).byteLength).toBe(limits.randomBytesMax);
    } else {
      expect(answer.byteLength).toBe(limits.randomBytesMax + 1);
      expect(answer.at(-1)).not.toBe(0);
      expect(host.yields).toBe(1);
      expect(() => members(name)[bytes]!(2n ** 64n - 1n)).toThrow(GuestTrap);
    }
  });
});

it.each([
  { name: "wasi:random/insecure-seed@0.2", get: "insecureSeed" },
  { name: "wasi:random/insecure-seed@0.3", get: "getInsecureSeed" },
])("$name: stays the same for an instance", ({ name, get }) => {
  const seeds = setUp().members(name);
  const first = seeds[get]!();
  expect(first).toEqual([0x0101010101010101n, 0x0202020202020202n]);
  expect(seeds[get]!()).toEqual(first);
});
