import { describe, expect, test } from "vitest";
import { parseSpecification, reasonToSkip } from "./specification.ts";

const parse = (config: unknown) => parseSpecification(JSON.stringify(config));

describe("parseSpecification", () => {
  test("no file: run and wait", () => {
    expect(parseSpecification(undefined)).toEqual({
      world: "wasi:cli/command",
      proposals: [],
      servers: [],
      operations: [
        { kind: "run", args: [], env: [], root: undefined },
        { kind: "wait", exitCode: 0 },
      ],
    });
  });

  test("the legacy form becomes operations, its output is expected whole", () => {
    const config = { args: ["a"], env: { b: "c" }, root: "dir", stdout: "out", stderr: "", exit_code: 3 };
    expect(parse(config).operations).toEqual([
      { kind: "run", args: ["a"], env: [["b", "c"]], root: "dir" },
      { kind: "read", stream: "stdout", payload: "out", whole: true },
      { kind: "read", stream: "stderr", payload: "", whole: true },
      { kind: "wait", exitCode: 3 },
    ]);
  });

  test("operations with what they leave out, and several runs", () => {
    const operations = [
      { type: "run" },
      { type: "read" },
      { type: "write", id: "stdin", payload: "x" },
      { type: "connect" },
      { type: "send", id: "server", payload: "a" },
      { type: "recv", id: "server", payload: "b" },
      { type: "request" },
      { type: "kill", signal: "SIGINT" },
      { type: "wait" },
      { type: "run", args: ["again"] },
      { type: "wait", exit_code: 1 },
    ];
    expect(parse({ operations, proposals: ["sockets"] })).toEqual({
      world: "wasi:cli/command",
      proposals: ["sockets"],
      servers: [],
      operations: [
        { kind: "run", args: [], env: [], root: undefined },
        { kind: "read", stream: "stdout", payload: "", whole: false },
        { kind: "write", payload: "x" },
        { kind: "connect", id: "server" },
        { kind: "send", id: "server", payload: "a" },
        { kind: "recv", id: "server", payload: "b" },
        { kind: "request", method: "GET", path: "/" },
        { kind: "kill" },
        { kind: "wait", exitCode: 0 },
        { kind: "run", args: ["again"], env: [], root: undefined },
        { kind: "wait", exitCode: 1 },
      ],
    });
  });

  test.each([
    ["no object", [], "not an object"],
    ["an argument that is no text", { args: [1] }, "argument is 1"],
    ["an exit code that is no number", { exit_code: "1" }, "exit_code"],
    ["an operation that nobody knows", { operations: [{ type: "fly" }] }, '"fly" is not known'],
    ["reading before running", { operations: [{ type: "read" }, { type: "wait" }] }, "nothing is running"],
    ["running twice", { operations: [{ type: "run" }, { type: "run" }] }, "still running"],
    ["a run without its wait", { operations: [{ type: "run" }] }, "not waited for"],
    [
      "a stream that nobody knows",
      { operations: [{ type: "run" }, { type: "read", id: "log" }] },
      "no such stream",
    ],
    ["sending to nobody", { operations: [{ type: "run" }, { type: "send", id: "a" }] }, "not connected"],
    [
      "connecting twice",
      { operations: [{ type: "run" }, { type: "connect" }, { type: "connect" }] },
      "connected before",
    ],
    ["UDP", { operations: [{ type: "run" }, { type: "connect", protocol_type: "udp" }] }, "udp is not known"],
  ])("refuses %s", (_name, config, message) => {
    expect(() => parse(config)).toThrow(message);
  });
});

describe("reasonToSkip", () => {
  test.each([
    ["a command", { proposals: ["sockets"] }, undefined],
    ["a service", { world: "wasi:http/service" }, "wasi:http/service"],
    ["middleware", { world: "wasi:http/middleware" }, "wasi:http/middleware"],
    ["a command with HTTP servers", { servers: [{ name: "main" }] }, "main"],
    [
      "something that answers requests",
      { operations: [{ type: "run" }, { type: "request" }, { type: "wait" }] },
      "requests",
    ],
  ])("%s", (_name, config, reason) => {
    const actual = reasonToSkip(parse(config));
    if (reason === undefined) expect(actual).toBeUndefined();
    else expect(actual).toContain(reason);
  });
});
