import { expect, test } from "vitest";
import { type InstanceClaims, noAffinity, noClaims } from "../core/model.ts";
import { readClaims, writeClaims } from "./claims.ts";
import { ContractViolation } from "./contract-violation.ts";

test("writeClaims and readClaims: what a node keeps comes back as it was", () => {
  const claims: InstanceClaims = {
    extended: new Map([["example.com/camera", 2]]),
    ports: [
      { address: "::", port: 80 },
      { address: "127.0.0.1", port: 81, sharer: "a uid" },
    ],
    affinity: {
      near: [{ topologyKey: "zone", namespaces: ["a"], labelSelector: { matchLabels: { app: "web" } } }],
      apart: [],
      preferred: [
        {
          weight: -5,
          term: {
            topologyKey: "zone",
            namespaces: [],
            namespaceSelector: { matchExpressions: [{ key: "k", operator: "Exists" }] },
          },
        },
      ],
    },
    tolerations: [{ key: "k", operator: "Equal", value: "v", effect: "", seconds: 3 }],
  };
  expect(readClaims(writeClaims(claims), "x")).toEqual(claims);
  expect(readClaims(writeClaims(noClaims), "x")).toBe(noClaims);
});

test("readClaims: those without tolerations are of a scheduler before", () => {
  const { tolerations: _, ...older } = { ...noClaims, extended: [], affinity: noAffinity };
  expect(readClaims(JSON.stringify(older), "x")).toEqual(noClaims);
});

const plain = { extended: [], ports: [], affinity: noAffinity, tolerations: [] };

test.each([
  { name: "no JSON", text: "{" },
  { name: "no object", text: "[]" },
  { name: "nothing of it", text: "{}" },
  { name: "a negative amount", text: { ...plain, extended: [["example.com/camera", -1]] } },
  { name: "an amount of memory", text: { ...plain, extended: [["memory", 1]] } },
  {
    name: "an amount that cannot be counted",
    text: { ...plain, extended: [["example.com/camera", 2 ** 60]] },
  },
  { name: "a port that is none", text: { ...plain, ports: [{ address: "::", port: 65_536 }] } },
  { name: "port 0", text: { ...plain, ports: [{ address: "::", port: 0 }] } },
  { name: "an address that is none", text: { ...plain, ports: [{ address: "localhost", port: 1 }] } },
  {
    name: "a toleration without operator",
    text: { ...plain, tolerations: [{ key: "", value: "", effect: "" }] },
  },
  { name: "a text that is too long", text: JSON.stringify({ ...plain, more: "x".repeat(256 * 1024) }) },
])("readClaims: refuses $name", ({ text }) => {
  const given = typeof text === "string" ? text : JSON.stringify(text);
  expect(() => readClaims(given, "assignment of u")).toThrow(ContractViolation);
});
