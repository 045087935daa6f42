import { createServer } from "node:net";
import { once } from "node:events";
import { describe, expect, test } from "vitest";

import { systemClock } from "../../../kit/clock.ts";
import { openNetwork } from "./host-network.ts";
import { socketLimits } from "./limits.ts";
import type { NameResolver, Resolution } from "./name-resolver.ts";
import { noNetwork, type SocketAddress } from "./network.ts";
import {
  accept,
  dial,
  loopback4,
  LoopbackServer,
  never,
  openTestNetwork,
  read,
  textOf,
} from "./test-support.ts";

/** Answers what a test says, another thing each time if it says so. */
class FakeResolver implements NameResolver {
  readonly asked: string[] = [];
  readonly #answers: readonly Resolution[];
  closed = false;

  constructor(...answers: readonly (readonly string[])[]) {
    this.#answers = answers.map((addresses) => ({ kind: "addresses", addresses }));
  }

  resolve(name: string): Promise<Resolution> {
    this.asked.push(name);
    const answer = this.#answers[Math.min(this.asked.length, this.#answers.length) - 1];
    return answer ? Promise.resolve(answer) : new Promise(() => {});
  }

  close(): void {
    this.closed = true;
  }
}

function ipv4(address: string, port = 0): SocketAddress {
  return { family: "ipv4", address, port };
}

const denied = { kind: "refused", error: "access-denied" };

describe("resolve", () => {
  const allow = [
    { host: "example.com", port: 443 },
    { host: "10.0.0.7", port: 80 },
  ];
  type Row = readonly [
    name: string,
    asked: string,
    answer: readonly string[],
    expected: readonly string[] | string,
  ];
  const rows: readonly Row[] = [
    ["a granted name", "example.com", ["192.0.2.1", "2001:db8::1"], ["192.0.2.1", "2001:db8::1"]],
    ["however it is written", "EXAMPLE.com.", ["192.0.2.1"], ["192.0.2.1"]],
    [
      "what is inside is left out",
      "example.com",
      ["127.0.0.1", "192.0.2.1", "169.254.169.254", "::1"],
      ["192.0.2.1"],
    ],
    [
      "a name that points inside",
      "example.com",
      ["127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::a00:1"],
      "access-denied",
    ],
    ["inside, but listed", "example.com", ["10.0.0.7"], ["10.0.0.7"]],
    ["a name that is not granted", "example.org", ["192.0.2.1"], "access-denied"],
    ["a name below a granted one", "www.example.com", ["192.0.2.1"], "access-denied"],
    ["a listed address", "10.0.0.7", [], ["10.0.0.7"]],
    ["an address that is not listed", "10.0.0.8", [], "access-denied"],
    ["an address in disguise", "0x0a.0.0.8", [], "access-denied"],
    ["no name", "a b", [], "invalid-argument"],
    ["an empty name", "", [], "invalid-argument"],
    ["a name of a megabyte", "a.".repeat(500_000), [], "invalid-argument"],
    ["a label that is too long", `${"a".repeat(64)}.com`, [], "invalid-argument"],
    ["an empty label", "example..com", [], "invalid-argument"],
    ["a NUL", "example.com\0.evil.com", [], "invalid-argument"],
  ];
  test.each(rows)("%s", async (_name, asked, answer, expected) => {
    const network = openTestNetwork({ allow }, { resolver: new FakeResolver(answer) });
    const outcome = await network.resolve(asked, never);
    const actual = outcome.kind === "ok" ? outcome.value.map(({ address }) => address) : outcome.error;
    expect(actual).toEqual(expected);
    network.close();
  });

  test("a resolved name may be connected to on its port, and nowhere else", async () => {
    const network = openTestNetwork({ allow }, { resolver: new FakeResolver(["192.0.2.1"]) });
    expect(network.mayConnect(ipv4("192.0.2.1", 443))).toBe(false);
    await network.resolve("example.com", never);
    expect([443, 80].map((port) => network.mayConnect(ipv4("192.0.2.1", port)))).toEqual([true, false]);
    expect(await network.connect(ipv4("192.0.2.1", 80), { local: undefined, signal: never })).toEqual(denied);
    network.close();
  });

  test("a name that is turned inside between resolving and connecting gains nothing", async () => {
    using server = await LoopbackServer.open();
    const resolver = new FakeResolver(["192.0.2.1"], ["127.0.0.1"]);
    const network = openTestNetwork({ allow: [{ host: "example.com", port: 0 }] }, { resolver });
    await network.resolve("example.com", never);
    expect(await network.resolve("example.com", never)).toEqual(denied);
    expect(await network.connect(server.address, { local: undefined, signal: never })).toEqual(denied);
    expect(resolver.asked).toHaveLength(2);
    network.close();
  });

  test("too many at once are refused; close and abort end the rest", async () => {
    const resolver = new FakeResolver();
    const network = openTestNetwork({ allow: [{ host: "*", port: 0 }] }, { resolver });
    const abort = new AbortController();
    const asked = Array.from({ length: socketLimits.resolutionsMax }, () =>
      network.resolve("a.test", abort.signal),
    );
    expect(await network.resolve("b.test", never)).toEqual({
      kind: "refused",
      error: "temporary-resolver-failure",
    });
    abort.abort();
    await expect(Promise.any(asked)).rejects.toBeInstanceOf(AggregateError);
    network.close();
    expect(resolver.closed).toBe(true);
    expect(await network.resolve("b.test", never)).toEqual(denied);
  });
});

describe("openNetwork", () => {
  const parts = { clock: systemClock, hostDescriptorsMax: 100_000 };

  test("an empty grant: the one network that all such instances share", () => {
    expect(openNetwork({ allow: [], listeners: [] }, true, parts)).toBe(noNetwork);
  });

  test("listeners are open before the guest runs, and closed with the network", async () => {
    const listeners = [{ name: "http", address: "127.0.0.1", port: 0 }];
    const network = openNetwork({ allow: [], listeners }, true, parts);
    const [http] = network.listeners;
    if (!http) throw new Error("no listener");
    expect(http.name).toBe("http");
    const client = await dial(http.listener.local);
    client.write("hello");
    expect(textOf(await read(await accept(http.listener)))).toBe("hello");
    network.close();
    expect(await network.connect(http.listener.local, { local: undefined, signal: never })).toEqual(denied);
    client.destroy();
  });

  test("a port that is taken names listener and address, and leaves nothing open", async () => {
    const other = createServer();
    other.listen(0, "127.0.0.1");
    await once(other, "listening");
    const address = other.address();
    if (typeof address !== "object" || address === null) throw new Error("no address");
    const listeners = [
      { name: "first", address: "127.0.0.1", port: 0 },
      { name: "http", address: "127.0.0.1", port: address.port },
    ];
    expect(() => openNetwork({ allow: [], listeners }, true, parts)).toThrow(
      expect.objectContaining({
        code: "address-in-use",
        message: `listen for http at 127.0.0.1:${address.port}: another process or instance has this address`,
      }),
    );
    other.close();
  });

  test("an address that is not this machine's is told apart", () => {
    const listeners = [{ name: "http", address: "192.0.2.1", port: 8080 }];
    expect(() => openNetwork({ allow: [], listeners }, true, parts)).toThrow(
      expect.objectContaining({
        code: "address-unavailable",
        message: "listen for http at 192.0.2.1:8080: address-not-bindable",
      }),
    );
  });
});

test("bindTcp: a free port to connect from is given with any outbound grant, but nothing listens there", () => {
  const network = openTestNetwork({ allow: [{ host: "example.com", port: 443 }] });
  expect(network.bindTcp(ipv4("0.0.0.0", 4242))).toEqual(denied);
  const bound = network.bindTcp(ipv4("0.0.0.0"));
  expect(bound.kind === "ok" && bound.value.listen(1)).toEqual(denied);
  network.close();
  const listening = openTestNetwork({ listeners: [{ name: "l", address: "127.0.0.1", port: 4242 }] });
  expect(listening.bindTcp(loopback4)).toEqual(denied);
  listening.close();
});
