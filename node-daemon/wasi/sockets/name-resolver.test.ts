import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

import { socketLimits } from "./limits.ts";
import { candidatesOf, hostsOf, SystemResolver, type Resolution } from "./name-resolver.ts";
import { DnsServer } from "./test-dns-server.ts";

class Fixture implements Disposable {
  readonly server: DnsServer;
  readonly resolver: SystemResolver;
  readonly #folder = mkdtempSync(join(tmpdir(), "wherry-names-"));

  constructor(names: Readonly<Record<string, readonly string[]>>, hosts = "", resolvConf = "") {
    this.server = new DnsServer(names);
    const files = { hosts: join(this.#folder, "hosts"), resolvConf: join(this.#folder, "resolv.conf") };
    writeFileSync(files.hosts, hosts);
    writeFileSync(files.resolvConf, resolvConf);
    this.resolver = new SystemResolver(files, [this.server.address]);
  }

  [Symbol.dispose](): void {
    this.resolver.close();
    this.server[Symbol.dispose]();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

describe("SystemResolver.resolve", () => {
  const names = {
    "both.test": ["192.0.2.1", "2001:db8::1"],
    "six.test": ["2001:db8::2"],
    "api.inner.test": ["192.0.2.3"],
    "empty.test": [],
  };
  const addresses = (...list: string[]): Resolution => ({ kind: "addresses", addresses: list });
  const failed = (error: "name-unresolvable" | "temporary-resolver-failure"): Resolution => ({
    kind: "failed",
    error,
  });
  const rows: readonly (readonly [name: string, asked: string, expected: Resolution])[] = [
    ["both families, IPv4 first", "both.test", addresses("192.0.2.1", "2001:db8::1")],
    ["IPv6 alone", "six.test", addresses("2001:db8::2")],
    ["the hosts file first", "listed.test", addresses("192.0.2.9")],
    ["the search list", "api", addresses("192.0.2.3")],
    ["a name that must not be longer", "api.", failed("name-unresolvable")],
    ["no such name", "missing.test", failed("name-unresolvable")],
    ["a name without addresses", "empty.test", failed("name-unresolvable")],
    ["a server that fails", "broken.test", failed("temporary-resolver-failure")],
  ];
  test.each(rows)("%s", async (_name, asked, expected) => {
    using fixture = new Fixture(names, "192.0.2.9 listed.test", "search inner.test");
    expect(await fixture.resolver.resolve(asked)).toEqual(expected);
  });

  test("close: what is asked is answered with a failure, at once", async () => {
    using fixture = new Fixture({});
    const answer = fixture.resolver.resolve("silent.test");
    fixture.resolver.close();
    expect(await answer).toEqual(failed("temporary-resolver-failure"));
  });
});

test("hostsOf: every line that has the name", () => {
  const text =
    "127.0.0.1 localhost  loop # me\n::1\tLOCALHOST\n# 10.0.0.1 localhost\nfe80::1%lo localhost\n10.0.0.2 other\nlocalhost\n";
  expect(hostsOf(text, "localhost")).toEqual(["127.0.0.1", "::1"]);
  expect(hostsOf(text, "loop")).toEqual(["127.0.0.1"]);
  expect(hostsOf(text, "none")).toEqual([]);
});

describe("candidatesOf", () => {
  const conf = "nameserver 10.0.0.1\nsearch a.test b.test.\noptions edns0 ndots:2\n";
  const rows: readonly (readonly [name: string, asked: string, conf: string, expected: readonly string[]])[] =
    [
      ["no file", "api", "", ["api"]],
      ["few dots: the list first", "api.ns", conf, ["api.ns.a.test", "api.ns.b.test", "api.ns"]],
      ["many dots: the name first", "a.b.c", conf, ["a.b.c", "a.b.c.a.test", "a.b.c.b.test"]],
      ["a final dot: the name alone", "api.", conf, ["api"]],
      ["a domain", "api", "domain a.test\n", ["api.a.test", "api"]],
      [
        "a list that is too long",
        "api",
        "search 1 2 3 4 5 6 7 8",
        ["api.1", "api.2", "api.3", "api.4", "api.5", "api.6", "api"],
      ],
      ["a name that becomes too long", "a".repeat(250), conf, ["a".repeat(250)]],
    ];
  test.each(rows)("%s", (_name, asked, text, expected) => {
    expect(candidatesOf(asked, text)).toEqual(expected);
  });

  test("names stay within DNS's bound", () => {
    expect(socketLimits.nameCharsMax).toBe(253);
  });
});
