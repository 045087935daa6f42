import { describe, expect, test } from "vitest";
import { asFromShim, asToShim, commonProtocol, protocolVersion } from "./protocol.ts";

describe("commonProtocol", () => {
  test.each([
    ["the version before, which named no oldest one", { protocol: 1, protocolMin: 1 }, 1],
    ["the same", { protocol: protocolVersion, protocolMin: 1 }, protocolVersion],
    ["a newer one that still speaks ours", { protocol: 9, protocolMin: protocolVersion }, protocolVersion],
    ["a newer one that does not", { protocol: 9, protocolMin: 8 }, undefined],
    ["one that is too old", { protocol: 0, protocolMin: 0 }, undefined],
  ])("%s", (_name, shim, version) => {
    expect(commonProtocol(shim)).toBe(version);
  });
});

describe("asFromShim: what the version before left out", () => {
  const id = { uid: "a", run: 0 };
  test.each([
    [
      "hello",
      { kind: "hello", protocol: 1, pid: 2, shimId: "s", namespace: "n", buildId: "b" },
      { protocolMin: 1, isolation: "shared", ageMs: 0, namespace: "n" },
    ],
    ["a run", { kind: "run", id, logsDropped: false }, { id, stopNotice: "stdin", listeners: [] }],
    [
      "usage",
      { kind: "usage", usages: [{ id, cpuUs: 1, memoryBytes: 2 }] },
      { usages: [{ id, cpuUs: 1, memoryBytes: 2, fuel: 0, throttledUs: 0 }] },
    ],
  ])("%s", (_name, message, read) => {
    expect(asFromShim(message)).toMatchObject(read);
  });
});

test("asFromShim, asToShim: what a newer side says beyond this version is nothing", () => {
  expect(asFromShim({ kind: "song" })).toBeUndefined();
  expect(asToShim({ kind: "song" })).toBeUndefined();
  expect(asToShim({ kind: "claim", namespace: "n", isolation: "process", more: 1 })).toMatchObject({
    namespace: "n",
  });
});
