import { networkInterfaces } from "node:os";
import { describe, expect, test } from "vitest";

import { systemClock, type Clock, type Timer } from "../../../kit/clock.ts";
import { socketLimits } from "./limits.ts";
import { NetworkPolicy, ownAddresses } from "./network-policy.ts";
import type { SocketAddress } from "./network.ts";

class StandingClock implements Clock {
  nowMs = 0;
  now = () => this.nowMs;
  monotonic = () => this.nowMs;
  setTimer = (delayMs: number, fire: () => void): Timer => systemClock.setTimer(delayMs, fire);
}

/** `1.2.3.4:80`, `[::1]:80`. */
function at(text: string): SocketAddress {
  const colon = text.lastIndexOf(":");
  const address = text.slice(0, colon).replace(/^\[|\]$/g, "");
  return { family: address.includes(":") ? "ipv6" : "ipv4", address, port: Number(text.slice(colon + 1)) };
}

function endpoint(text: string): { host: string; port: number } {
  const { address, port } = at(text);
  return { host: address, port };
}

function policy(
  allow: readonly string[],
  listeners: readonly string[] = [],
  own: readonly string[] = [],
  clock = new StandingClock(),
) {
  const grant = {
    allow: allow.map(endpoint),
    listeners: listeners.map(at).map(({ address, port }) => ({ name: "l", address, port })),
  };
  return new NetworkPolicy(grant, clock, () => new Set(own));
}

describe("mayConnect", () => {
  const rows: readonly (readonly [
    name: string,
    allow: readonly string[],
    remote: string,
    expected: boolean,
  ])[] = [
    ["nothing granted", [], "8.8.8.8:53", false],
    ["the address and port", ["8.8.8.8:53"], "8.8.8.8:53", true],
    ["another port", ["8.8.8.8:53"], "8.8.8.8:54", false],
    ["another address", ["8.8.8.8:53"], "8.8.4.4:53", false],
    ["any port", ["8.8.8.8:0"], "8.8.8.8:54", true],
    ["port 0 is no place", ["8.8.8.8:0"], "8.8.8.8:0", false],
    ["an IPv6 address however it is written", ["[2001:4860::8888]:53"], "[2001:4860:0:0::8888]:53", true],
    ["anywhere", ["*:443"], "8.8.8.8:443", true],
    ["anywhere, another port", ["*:443"], "8.8.8.8:80", false],
    ["anywhere is not loopback", ["*:0"], "127.0.0.1:443", false],
    ["anywhere is not loopback, IPv6", ["*:0"], "[::1]:443", false],
    ["anywhere is not the metadata service", ["*:0"], "169.254.169.254:80", false],
    ["anywhere is not private", ["*:0"], "10.1.2.3:80", false],
    ["anywhere is not private, mapped", ["*:0"], "[::ffff:10.1.2.3]:80", false],
    ["anywhere is not private, by NAT64", ["*:0"], "[64:ff9b::10.1.2.3]:80", false],
    ["anywhere is not private, by 6to4", ["*:0"], "[2002:a01:203::1]:80", false],
    ["anywhere is not this machine's own address", ["*:0"], "203.0.113.7:80", false],
    ["anywhere is not this machine", ["*:0"], "0.0.0.0:80", false],
    ["anywhere is not everybody", ["*:0"], "255.255.255.255:80", false],
    ["inside, listed", ["127.0.0.1:80"], "127.0.0.1:80", true],
    ["inside, listed: not what it maps to", ["127.0.0.1:80"], "[::ffff:127.0.0.1]:80", false],
    ["inside, mapped and listed as such", ["[::ffff:127.0.0.1]:80"], "[::ffff:127.0.0.1]:80", true],
    ["own, listed", ["203.0.113.7:80"], "203.0.113.7:80", true],
    ["this machine, listed", ["0.0.0.0:80"], "0.0.0.0:80", true],
    ["a name alone grants no address", ["example.com:80"], "8.8.8.8:80", false],
    ["no address", ["*:0"], "example.com:80", false],
    ["a zone", ["*:0"], "[2001:4860::1%eth0]:80", false],
  ];
  test.each(rows)("%s", (_name, allow, remote, expected) => {
    expect(policy(allow, [], ["203.0.113.7"]).mayConnect(at(remote))).toBe(expected);
  });
});

describe("a name", () => {
  test("grants what it was resolved to, on its ports", () => {
    const it = policy(["example.com:80", "example.com:443", "other.com:22"]);
    it.remember("example.com", "93.184.216.34");
    const ports = [80, 443, 22, 81].map((port) =>
      it.mayConnect({ family: "ipv4", address: "93.184.216.34", port }),
    );
    expect(ports).toEqual([true, true, false, false]);
  });

  test("never grants what is inside, even when it was remembered", () => {
    const it = policy(["example.com:0", "10.0.0.7:0"], [], ["203.0.113.7"]);
    for (const address of ["127.0.0.1", "169.254.169.254", "10.0.0.8", "::1", "203.0.113.7"]) {
      it.remember("example.com", address);
      expect([it.mayReveal("example.com", address), it.mayConnect({ ...at("[::]:80"), address })]).toEqual([
        false,
        false,
      ]);
    }
    expect([it.mayReveal("example.com", "10.0.0.7"), it.mayConnect(at("10.0.0.7:80"))]).toEqual([true, true]);
  });

  test("that is not listed is not remembered", () => {
    const it = policy(["example.com:80"]);
    it.remember("evil.com", "8.8.8.8");
    expect([
      it.mayConnect(at("8.8.8.8:80")),
      it.mayResolve("evil.com"),
      it.mayResolve("example.com"),
    ]).toEqual([false, false, true]);
  });

  test("is remembered for a while", () => {
    const clock = new StandingClock();
    const it = policy(["example.com:80"], [], [], clock);
    it.remember("example.com", "8.8.8.8");
    clock.nowMs += socketLimits.resolvedKeptMs - 1;
    expect(it.mayConnect(at("8.8.8.8:80"))).toBe(true);
    it.remember("example.com", "8.8.8.8");
    clock.nowMs += socketLimits.resolvedKeptMs - 1;
    expect(it.mayConnect(at("8.8.8.8:80"))).toBe(true);
    clock.nowMs += 1;
    expect(it.mayConnect(at("8.8.8.8:80"))).toBe(false);
  });

  test("brings a bounded number of addresses: the oldest goes", () => {
    const it = policy(["example.com:80"]);
    const address = (index: number) => `8.8.${index >> 8}.${index & 255}`;
    for (let i = 0; i <= socketLimits.resolvedKeptMax; i++) it.remember("example.com", address(i));
    expect([0, 1, socketLimits.resolvedKeptMax].map((i) => it.mayConnect(at(`${address(i)}:80`)))).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe("mayBind", () => {
  const rows: readonly (readonly [
    name: string,
    listeners: readonly string[],
    local: string,
    expected: boolean,
  ])[] = [
    ["nothing granted", [], "127.0.0.1:80", false],
    ["the address and port", ["127.0.0.1:80"], "127.0.0.1:80", true],
    ["another port", ["127.0.0.1:80"], "127.0.0.1:81", false],
    ["a port of the system's choice", ["127.0.0.1:80"], "127.0.0.1:0", false],
    ["any port", ["127.0.0.1:0"], "127.0.0.1:81", true],
    ["any port, a port of the system's choice", ["127.0.0.1:0"], "127.0.0.1:0", true],
    ["one address is not all", ["127.0.0.1:80"], "0.0.0.0:80", false],
    ["all addresses are each", ["0.0.0.0:80"], "127.0.0.1:80", true],
    ["all addresses of one family", ["0.0.0.0:80"], "[::1]:80", false],
    ["all addresses, IPv6", ["[::]:80"], "[::1]:80", true],
  ];
  test.each(rows)("%s", (_name, listeners, local, expected) => {
    expect(policy([], listeners).mayBind(at(local))).toBe(expected);
  });
});

test("ownAddresses: those of the interfaces", () => {
  const expected = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
  const addresses = ownAddresses(systemClock);
  expect(expected.every(({ address }) => addresses.has(address))).toBe(true);
  expect(ownAddresses(systemClock)).toBe(addresses);
});
