import { describe, expect, test } from "vitest";

import { errorMessage } from "../../../kit/errors.ts";
import { errno } from "../abi.ts";
import { limits } from "../limits.ts";
import { FakeHost, Guest } from "../test-support.ts";
import { measureStrings } from "./process.ts";

const out = 1024;

function strings(guest: Guest, sizes: string, get: string): readonly string[] {
  expect(guest.call(sizes, out, out + 4)).toBe(0);
  const count = guest.u32(out);
  const length = guest.u32(out + 4);
  expect(guest.call(get, 2048, 4096)).toBe(0);
  const text = guest.bytes(4096, length).toString();
  return Array.from({ length: count }, (_, index) => {
    const start = guest.u32(2048 + index * 4) - 4096;
    return text.slice(start, text.indexOf("\0", start));
  });
}

test("args_get, environ_get: hand over the strings as C wants them", () => {
  const host = new FakeHost();
  host.args = ["guest", "", "zwölf"];
  host.env = [
    ["A", "1=2"],
    ["EMPTY", ""],
  ];
  using guest = new Guest(host);
  expect(strings(guest, "args_sizes_get", "args_get")).toEqual(["guest", "", "zwölf"]);
  expect(strings(guest, "environ_sizes_get", "environ_get")).toEqual(["A=1=2", "EMPTY="]);
});

describe("Preview1: refuses strings that no guest could be given", () => {
  const rows: readonly (readonly [name: string, change: (host: FakeHost) => void])[] = [
    ["NUL in an argument", (host) => (host.args = ["a\0b"])],
    ["NUL in a name", (host) => (host.env = [["a\0b", ""]])],
    ["NUL in a value", (host) => (host.env = [["a", "b\0"]])],
    ["= in a name", (host) => (host.env = [["a=b", ""]])],
    ["no name", (host) => (host.env = [["", ""]])],
    ["too much", (host) => (host.env = [["a", "x".repeat(limits.startBytesMax)]])],
  ];
  test.each(rows)("%s", (_name, change) => {
    const host = new FakeHost();
    change(host);
    expect(() => new Guest(host)).toThrow(expect.objectContaining({ code: "wasi-start-invalid" }));
  });
});

describe("process functions: errno", () => {
  const rows: readonly (readonly [
    name: string,
    call: string,
    args: readonly (number | bigint)[],
    expected: number,
  ])[] = [
    ["argument sizes into nowhere", "args_sizes_get", [-1, out], errno.fault],
    ["arguments into nowhere", "args_get", [out, -2], errno.fault],
    ["environment into nowhere", "environ_get", [-1, out], errno.fault],
    ["time into nowhere", "clock_time_get", [0, 0n, -4], errno.fault],
    ["resolution into nowhere", "clock_res_get", [0, -4], errno.fault],
    ["no such clock", "clock_time_get", [4, 0n, out], errno.inval],
    ["resolution of no such clock", "clock_res_get", [-1, out], errno.inval],
    ["a CPU clock where there is none", "clock_time_get", [2, 0n, out], errno.notsup],
    ["random bytes into nowhere", "random_get", [-8, 16], errno.fault],
    ["no random bytes", "random_get", [out, 0], 0],
  ];
  test.each(rows)("%s", (_name, call, args, expected) => {
    using guest = new Guest(new FakeHost());
    expect(guest.call(call, ...args)).toBe(expected);
  });
});

test("clock_time_get, clock_res_get: ask the host's clocks", () => {
  const host = new FakeHost();
  host.cpuNs = () => 77n;
  using guest = new Guest(host);
  const times = [0, 1, 2, 3].map((id) => {
    guest.call("clock_time_get", id, 0n, out);
    return guest.u64();
  });
  expect(times).toEqual([host.realtimeNs, host.monotonicNs, 77n, 77n]);
  expect(guest.call("clock_res_get", 1, out)).toBe(0);
  expect(guest.u64()).toBe(1000n);
});

describe("measureStrings: refuses, in a message that is short", () => {
  const long = "x".repeat(900_000);
  type Row = readonly [
    name: string,
    args: readonly string[],
    env: readonly (readonly [string, string])[],
    says: string,
  ];
  const rows: readonly Row[] = [
    ["a long argument with a NUL", [`${long}\0`], [], "has a NUL in it"],
    ["a long variable with a NUL", [], [[long, "\0"]], "has a NUL in its value"],
    ["a long name that is none", [], [[`${long}=`, ""]], "is no name"],
    ["many strings", Array.from({ length: 16_384 }, () => "x"), [["NAME", "value"]], "16385 arguments"],
  ];
  test.each(rows)("%s", (_name, args, env, says) => {
    let message = "";
    try {
      measureStrings({ args, env });
    } catch (thrown) {
      message = errorMessage(thrown);
    }
    expect(message).toContain(says);
    expect(message.length).toBeLessThan(400);
  });
});

test("random_get: fills in chunks, and in turns when there is much", async () => {
  const host = new FakeHost();
  const chunks: number[] = [];
  host.random = (target) => {
    chunks.push(target.byteLength);
    target.fill(1);
  };
  using guest = new Guest(host);
  expect(guest.call("random_get", 0, 65_537)).toBe(0);
  expect(chunks).toEqual([65_536, 1]);
  guest.memory.grow(64);
  expect(await guest.invoke("random_get", 3, 2 * limits.randomBytesMax + 1)).toBe(0);
  expect(host.yields).toBe(2);
  expect(guest.bytes(0, 2 * limits.randomBytesMax + 6).lastIndexOf(1)).toBe(2 * limits.randomBytesMax + 3);
});

test("proc_exit: tells the host and returns", () => {
  const host = new FakeHost();
  using guest = new Guest(host);
  expect(guest.invoke("proc_exit", -1)).toBeUndefined();
  expect(host.exits).toEqual([0xffff_ffff]);
});

test("sched_yield: goes to the back of the run queue", async () => {
  const host = new FakeHost();
  using guest = new Guest(host);
  expect(await guest.invoke("sched_yield")).toBe(0);
  expect(host.yields).toBe(1);
});
