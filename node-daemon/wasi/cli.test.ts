import { describe, expect, it } from "vitest";

import { FakeComponentHost } from "./component-test-support.ts";
import { GuestEnded } from "./host.ts";
import { cliInterfaces as preview2Cli } from "./preview2/cli.ts";
import { InputStream, type OutputStream } from "./preview2/io.ts";
import { cliInterfaces as preview3Cli } from "./preview3/cli.ts";
import type { ByteStream } from "./preview3/streams.ts";

function members(host: FakeComponentHost, name: string) {
  const offered = [...preview2Cli, ...preview3Cli].find((one) => one.name === `wasi:cli/${name}`)!;
  return offered.make(host) as Record<string, (...args: readonly unknown[]) => unknown>;
}

describe.each(["0.2", "0.3"])("wasi:cli of %s", (line) => {
  it("gives arguments and environment of this instance alone", () => {
    const host = new FakeComponentHost();
    host.args = ["guest", "a"];
    host.env = [["NAME", "value"]];
    const environment = members(host, `environment@${line}`);
    expect(environment.getArguments!()).toEqual(["guest", "a"]);
    expect(environment.getEnvironment!()).toEqual([["NAME", "value"]]);
    const cwd = line === "0.2" ? environment.initialCwd! : environment.getInitialCwd!;
    expect(cwd()).toBeUndefined();
  });

  it.each([
    { call: "exit", argument: { tag: "ok", val: undefined }, code: 0 },
    { call: "exit", argument: { tag: "err", val: undefined }, code: 1 },
    { call: "exitWithCode", argument: 42, code: 42 },
  ])("$call ends the guest with $code", ({ call, argument, code }) => {
    const host = new FakeComponentHost();
    expect(() => members(host, `exit@${line}`)[call]!(argument)).toThrow(GuestEnded);
    expect(host.exits).toEqual([code]);
  });

  it.each(["stdin", "stdout", "stderr"])("%s is no terminal", (name) => {
    const get = `getTerminal${name[0]!.toUpperCase()}${name.slice(1)}`;
    expect(members(new FakeComponentHost(), `terminal-${name}@${line}`)[get]!()).toBeUndefined();
  });
});

describe("standard streams of 0.2", () => {
  it("are new at each call, over the instance's own", () => {
    const host = new FakeComponentHost();
    const { getStdin } = members(host, "stdin@0.2");
    expect(getStdin!()).toBeInstanceOf(InputStream);
    expect(getStdin!()).not.toBe(getStdin!());
    const written = [
      ["stdout", host.stdout],
      ["stderr", host.stderr],
    ] as const;
    for (const [name, stream] of written) {
      const get = name === "stdout" ? "getStdout" : "getStderr";
      const output = members(host, `${name}@0.2`)[get]!() as OutputStream;
      output.checkWrite();
      output.write(Buffer.from(name));
      expect(stream.written.toString()).toBe(name);
    }
  });
});

describe("standard streams of 0.3", () => {
  it("stdin is a stream and a future", async () => {
    const host = new FakeComponentHost();
    host.stdin.feed("hello");
    host.stdin.ended = true;
    const [stream, outcome] = members(host, "stdin@0.3").readViaStream!() as [ByteStream, Promise<unknown>];
    const read: Uint8Array[] = [];
    for await (const chunk of stream) read.push(chunk);
    expect(Buffer.concat(read).toString()).toBe("hello");
    expect(await outcome).toEqual({ tag: "ok", val: undefined });
  });

  it.each([
    { errno: 64, code: "pipe" },
    { errno: 25, code: "illegal-byte-sequence" },
    { errno: 29, code: "io" },
    { errno: 51, code: "io" },
  ])("a sink that fails with $errno fails the future with $code", async ({ errno, code }) => {
    const host = new FakeComponentHost();
    host.stdout.write = () => ({ errno }) as never;
    const chunks = [[1, 2]];
    const data = {
      read: () => Promise.resolve({ value: chunks.shift(), done: false }),
      [Symbol.dispose]() {},
    };
    const outcome = await members(host, "stdout@0.3").writeViaStream!(data);
    expect(outcome).toEqual({ tag: "err", val: code });
  });
});
