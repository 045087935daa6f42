import { expect, test } from "vitest";
import { FakeClock } from "../../kit/fake-clock.ts";
import type { MetricServer } from "./server-policy.ts";
import { ServerAddresses } from "./server-addresses.ts";
import { policyOf } from "./testing/metric-server.ts";

const server = (host: string): MetricServer => ({ scheme: "http", host, port: 9090 });

/** Name servers that answer when a test says so. */
class Names {
  readonly clock = new FakeClock();
  readonly asked: string[] = [];
  readonly open: { readonly host: string; answer(addresses: readonly string[] | Error): void }[] = [];
  readonly addresses: ServerAddresses;

  constructor(...patterns: readonly string[]) {
    this.addresses = new ServerAddresses(policyOf(...patterns), this.clock, (host) => {
      this.asked.push(host);
      const { promise, resolve, reject } = Promise.withResolvers<readonly string[]>();
      const answer = (addresses: readonly string[] | Error) =>
        addresses instanceof Error ? reject(addresses) : resolve(addresses);
      this.open.push({ host, answer });
      return promise;
    });
  }

  async answer(addresses: readonly string[] | Error): Promise<void> {
    await settled();
    for (const open of this.open.splice(0)) open.answer(addresses);
    await settled();
  }

  async of(host: string, addresses: readonly string[] | Error) {
    const found = this.addresses.of(server(host));
    await this.answer(addresses);
    return found;
  }
}

function settled(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

const notFound = Object.assign(new Error("getaddrinfo"), { code: "ENOTFOUND" });

test("ServerAddresses: an address is its own, and nobody is asked for it", async () => {
  const names = new Names("*");
  expect(await names.addresses.of(server("10.0.0.1"))).toEqual({ kind: "found", addresses: ["10.0.0.1"] });
  expect(await names.addresses.of(server("169.254.169.254"))).toMatchObject({ kind: "forbidden" });
  expect(names.asked).toEqual([]);
});

test("ServerAddresses: a name that may not be asked is not looked up", async () => {
  const names = new Names("http://prom:9090");
  expect(await names.addresses.of(server("other"))).toMatchObject({ kind: "forbidden" });
  expect(names.asked).toEqual([]);
});

test("ServerAddresses: only those that may be asked are left, and none is forbidden", async () => {
  const names = new Names("*");
  expect(await names.of("a", ["169.254.169.254", "10.0.0.1", "fe80::1%eth0", "nonsense"])).toEqual({
    kind: "found",
    addresses: ["10.0.0.1"],
  });
  expect(await names.of("b", ["169.254.169.254"])).toEqual({
    kind: "forbidden",
    message:
      "the scheduler may not ask b: its address 169.254.169.254 is link-local and asked only when it is named itself: --allow-metrics-server http://169.254.169.254:9090",
  });
  expect(await names.of("c", [])).toMatchObject({ kind: "unresolved" });
});

test("ServerAddresses: all who ask wait for one lookup, and it holds for half a minute", async () => {
  const names = new Names("*");
  const asked = [names.addresses.of(server("a")), names.addresses.of(server("a"))];
  await names.answer(["10.0.0.1"]);
  expect(await Promise.all(asked)).toHaveLength(2);
  names.clock.advance(30_000);
  await names.addresses.of(server("a"));
  expect(names.asked).toEqual(["a"]);
});

test("ServerAddresses: while it is looked up again it means what it meant, for ten minutes", async () => {
  const names = new Names("*");
  await names.of("a", ["10.0.0.1"]);
  names.clock.advance(60_000);
  expect(await names.addresses.of(server("a"))).toEqual({ kind: "found", addresses: ["10.0.0.1"] });
  await names.answer(notFound);
  expect(await names.addresses.of(server("a"))).toEqual({ kind: "found", addresses: ["10.0.0.1"] });
  names.clock.advance(600_000);
  expect(await names.of("a", notFound)).toEqual({
    kind: "unresolved",
    message: "the name a could not be resolved (ENOTFOUND)",
  });
});

test("ServerAddresses: what it means now is judged again", async () => {
  const names = new Names("*");
  await names.of("a", ["10.0.0.1"]);
  names.clock.advance(60_000);
  await names.of("a", ["169.254.169.254"]);
  expect(await names.addresses.of(server("a"))).toMatchObject({ kind: "forbidden" });
});

test("ServerAddresses: a name that was not resolved is not looked up again at once", async () => {
  const names = new Names("*");
  await names.of("a", notFound);
  expect(await names.addresses.of(server("a"))).toMatchObject({ kind: "unresolved" });
  expect(names.asked).toEqual(["a"]);
  names.clock.advance(5_000);
  expect(await names.of("a", ["10.0.0.1"])).toMatchObject({ kind: "found" });
});

test("ServerAddresses: two at a time, and names that could not be resolved last", async () => {
  const names = new Names("*");
  await names.of("bad", notFound);
  names.clock.advance(5_000);
  for (const host of ["slow1", "slow2", "bad", "new1", "new2"]) void names.addresses.of(server(host));
  await settled();
  expect(names.asked).toEqual(["bad", "slow1", "slow2"]);
  await names.answer(["10.0.0.1"]);
  expect(names.asked).toEqual(["bad", "slow1", "slow2", "new1", "new2"]);
  await names.answer(["10.0.0.1"]);
  expect(names.asked.at(-1)).toBe("bad");
});
