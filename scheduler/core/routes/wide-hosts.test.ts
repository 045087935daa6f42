import { expect, test } from "vitest";
import { isWideHost, WideHosts, wideHostsLabel } from "./wide-hosts.ts";

test.each([
  ["*", true],
  ["*.com", true],
  ["*.localhost", true],
  ["*.example.com", false],
  ["*.a.example.com", false],
  ["com", false],
  ["localhost", false],
  ["example.com", false],
])("isWideHost: %s", (hostname, is) => {
  expect(isWideHost(hostname)).toBe(is);
});

test("WideHosts: for namespaces that a flag names, or all", () => {
  const some = new WideHosts(["default", "edge"]);
  expect(["default", "edge", "shop"].map((name) => some.mayName(name))).toEqual([true, true, false]);
  expect(new WideHosts(["*"]).mayName("shop")).toBe(true);
  expect(new WideHosts([]).mayName("default")).toBe(false);
});

test("WideHosts: for namespaces with the label, as long as they have it", () => {
  const hosts = new WideHosts(["default"]);
  const changed = (name: string, value?: string) =>
    hosts.namespaceChanged(name, value === undefined ? {} : { [wideHostsLabel]: value });
  expect([changed("shop", "true"), hosts.mayName("shop")]).toEqual([true, true]);
  expect(changed("shop", "true")).toBe(false);
  expect([changed("shop", "false"), hosts.mayName("shop")]).toEqual([true, false]);
  expect(changed("shop")).toBe(false);
  changed("shop", "true");
  expect([hosts.namespaceChanged("shop", undefined), hosts.mayName("shop")]).toEqual([true, false]);
  expect([changed("default", "true"), changed("default"), hosts.mayName("default")]).toEqual([
    false,
    false,
    true,
  ]);
});
