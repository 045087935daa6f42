import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { expect, test } from "vitest";
import { listenersConflict, listenRuleText, mayListen, parseListenRule } from "./listen-rules.ts";

test.each(["*:80", "127.0.0.1:1024-65535", "[::1]:9000", "[::]:1-2"])("parseListenRule: reads %s", (text) => {
  const rule = parseListenRule(text, undefined);
  expect(rule && listenRuleText(rule)).toBe(text);
});

test.each([
  "",
  "80",
  "*:0",
  "*:2-1",
  "*:65536",
  "localhost:80",
  "::1:80",
  "[1.2.3]:80",
  "*:80-",
  "[::ffff:1.2.3.4]:80",
])("parseListenRule: refuses '%s'", (text) => {
  expect(parseListenRule(text, undefined)).toBeUndefined();
});

test("mayListen: a port of its own choice must be within the rule", () => {
  const rules = [{ namespace: undefined, address: "*", fromPort: 32_768, toPort: 60_999 }];
  expect(mayListen(rules, { address: "::", port: 0 })).toBe(true);
  expect(mayListen([{ ...rules[0], toPort: 60_998 }] as typeof rules, { address: "::", port: 0 })).toBe(
    false,
  );
  expect(mayListen([], { address: "::", port: 40_000 })).toBe(false);
});

const pairs = [
  ["127.0.0.1", "127.0.0.1", true],
  ["127.0.0.1", "127.0.0.2", false],
  ["127.0.0.1", "0.0.0.0", true],
  ["0.0.0.0", "127.0.0.2", true],
  ["0.0.0.0", "0.0.0.0", true],
  ["::1", "::1", true],
  ["::1", "::", true],
  ["::", "::", true],
  ["::", "0.0.0.0", false],
  ["::", "127.0.0.1", false],
  ["::1", "0.0.0.0", false],
] as const;

/** Bound, sockets may share a port; the machine minds when they listen. */
async function listening(host: string, port: number): Promise<Server> {
  const server = createServer().listen({ host, port, ipv6Only: host.includes(":") });
  await once(server, "listening");
  return server;
}

test.each(pairs)("listenersConflict: %s and %s: %s, as the machine has it", async (one, other, expected) => {
  await using first = await listening(one, 0);
  const { port } = first.address() as AddressInfo;
  const second = listening(other, port);
  if (expected) await expect(second).rejects.toThrow("EADDRINUSE");
  else await (await second)[Symbol.asyncDispose]();
  expect(listenersConflict({ address: one, port }, { address: other, port })).toBe(expected);
  expect(listenersConflict({ address: other, port }, { address: one, port })).toBe(expected);
});

test("listenersConflict: other ports, and ports that are not chosen yet, are in nobody's way", () => {
  expect(listenersConflict({ address: "::", port: 80 }, { address: "::", port: 81 })).toBe(false);
  expect(listenersConflict({ address: "::", port: 0 }, { address: "::", port: 0 })).toBe(false);
});
