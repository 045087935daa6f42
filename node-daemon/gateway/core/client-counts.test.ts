import { expect, test } from "vitest";
import { ClientCounts, clientKey } from "./client-counts.ts";

test("ClientCounts: so many of one client, a few more that are told so, and nobody else's are fewer for it", () => {
  const counts = new ClientCounts(16);
  const admissions = Array.from({ length: 20 }, () => counts.add("a"));
  expect([16, 17, 18].map((nth) => admissions[nth - 1])).toEqual(["admitted", "beyond", "beyond"]);
  expect(admissions.filter((one) => one === "refused").length).toBe(2);
  expect(counts.add("b")).toBe("admitted");
});

test("ClientCounts: what has closed makes room, and nothing is left of who has gone", () => {
  const counts = new ClientCounts(1);
  expect([counts.add("a"), counts.add("a"), counts.add("a")]).toEqual(["admitted", "beyond", "refused"]);
  counts.remove("a");
  counts.remove("a");
  counts.remove("a");
  expect([counts.add("a"), counts.add("a")]).toEqual(["admitted", "beyond"]);
});

test("ClientCounts: 0 is no bound", () => {
  const counts = new ClientCounts(0);
  expect(Array.from({ length: 1_000 }, () => counts.add("a")).every((one) => one === "admitted")).toBe(true);
});

test.each([
  ["IPv4", "192.0.2.1", "192.0.2.1"],
  ["IPv4 at a socket for both", "::ffff:192.0.2.1", "192.0.2.1"],
  ["IPv6 in full", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["IPv6 with its zeros left out at the end", "2001:db8:1:2::9", "2001:db8:1:2"],
  ["IPv6 with its zeros left out at the beginning", "2001:db8::9", "2001:db8:0:0"],
  ["IPv6 with a zone", "fe80::1%eth0", "fe80:0:0:0"],
  ["this machine by IPv6", "::1", "0:0:0:0"],
  ["nobody", "", ""],
])("clientKey: %s", (_name, address, key) => {
  expect(clientKey(address)).toBe(key);
});
