import { describe, expect, test } from "vitest";

import { addressBytes, addressText, isInside, isIpv4Mapped, isUnicast, isUnspecified } from "./addresses.ts";

function bytesOf(text: string): Uint8Array {
  const bytes = addressBytes(text);
  if (bytes === undefined) throw new Error(`${text} is no address`);
  return bytes;
}

describe("addressBytes, addressText: the shortest form comes back", () => {
  const rows: readonly (readonly [given: string, shortest: string])[] = [
    ["127.0.0.1", "127.0.0.1"],
    ["255.255.255.255", "255.255.255.255"],
    ["::", "::"],
    ["::1", "::1"],
    ["0:0:0:0:0:0:0:1", "::1"],
    ["2001:DB8::0001", "2001:db8::1"],
    ["1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"],
    ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
    ["::ffff:10.1.2.3", "::ffff:10.1.2.3"],
    ["64:ff9b::a01:203", "64:ff9b::a01:203"],
    ["fe80::1:0:0:1", "fe80::1:0:0:1"],
  ];
  test.each(rows)("%s", (given, shortest) => {
    expect(addressText(bytesOf(given))).toBe(shortest);
  });
});

test.each([
  "",
  "1.2.3",
  "1.2.3.4.5",
  "256.1.1.1",
  "01.2.3.4",
  "0x7f.0.0.1",
  "fe80::1%eth0",
  ":::",
  "1::2::3",
  "g::",
  "localhost",
  "*",
])("addressBytes: %j is no address", (text) => {
  expect(addressBytes(text)).toBeUndefined();
});

describe("isInside", () => {
  const inside = [
    "0.0.0.0",
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",
    "100.127.255.255",
    "127.0.0.1",
    "127.255.0.1",
    "168.63.129.16",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.168.0.1",
    "198.18.0.1",
    "198.19.255.255",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::10.0.0.1",
    "::8.8.8.8",
    "::ffff:127.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:10.0.0.1",
    "64:ff9b::127.0.0.1",
    "64:ff9b::169.254.169.254",
    "64:ff9b:1::8.8.8.8",
    "2002:7f00:1::",
    "2002:a9fe:a9fe::1",
    "2002:a00:1::1",
    "2001::1",
    "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "fc00::1",
    "fd00:ec2::254",
    "fdff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "ff02::1",
    "100::1",
    "2001:db8::5efe:10.0.0.1",
    "2001:db8::200:5efe:192.168.1.1",
  ];
  const outside = [
    "1.1.1.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.1",
    "168.63.129.17",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "192.0.1.1",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2001:4860:4860::8888",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
    "2002:808:808::1",
    "fbff::1",
    "2001:db8::5efe:8.8.8.8",
    "2001:1::1",
  ];
  test.each(inside)("%s is", (text) => {
    expect(isInside(bytesOf(text))).toBe(true);
  });
  test.each(outside)("%s is not", (text) => {
    expect(isInside(bytesOf(text))).toBe(false);
  });
});

test.each([
  ["0.0.0.0", true, true, false],
  ["::", true, true, false],
  ["127.0.0.1", false, true, false],
  ["224.0.0.1", false, false, false],
  ["239.0.0.1", false, false, false],
  ["240.0.0.1", false, true, false],
  ["255.255.255.255", false, false, false],
  ["ff02::1", false, false, false],
  ["::ffff:127.0.0.1", false, true, true],
])("isUnspecified, isUnicast, isIpv4Mapped: %s", (text, unspecified, unicast, mapped) => {
  const bytes = bytesOf(text);
  expect([isUnspecified(bytes), isUnicast(bytes), isIpv4Mapped(bytes)]).toEqual([
    unspecified,
    unicast,
    mapped,
  ]);
});
