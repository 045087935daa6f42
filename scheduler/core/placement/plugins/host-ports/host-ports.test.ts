import { expect, test } from "vitest";
import { type HostPort, noClaims } from "../../../model.ts";
import { aNode, requirements } from "../../../testing/builders.ts";
import { viewOf } from "../../framework.ts";
import { emptyNode } from "../../snapshot.ts";
import { hostPorts } from "./host-ports.ts";

const at = (...places: readonly string[]): readonly HostPort[] =>
  places.map((place) => {
    const [address = "", port, sharer] = place.split(" ");
    return { address, port: Number(port), ...(sharer !== undefined && { sharer }) };
  });

function judge(wanted: readonly HostPort[], held: readonly HostPort[]) {
  const filter = hostPorts.prepare(requirements({ claims: { ...noClaims, ports: wanted } }));
  return filter?.(viewOf({ node: aNode("n1"), ...emptyNode, ports: held }, 0));
}

test.each([
  { name: "nothing is held", wanted: at("127.0.0.1 80"), held: [], detail: undefined },
  { name: "another port", wanted: at("127.0.0.1 80"), held: at("127.0.0.1 81"), detail: undefined },
  { name: "another address", wanted: at("127.0.0.1 80"), held: at("10.0.0.1 80"), detail: undefined },
  {
    name: "the same",
    wanted: at("127.0.0.1 80"),
    held: at("127.0.0.1 80"),
    detail: "another instance holds port 127.0.0.1:80",
  },
  {
    name: "the same, of the same workload, which shares it",
    wanted: at("127.0.0.1 80 shop"),
    held: at("127.0.0.1 80 shop", "0.0.0.0 80 shop"),
    detail: undefined,
  },
  {
    name: "the same, shared by another workload's",
    wanted: at("127.0.0.1 80 shop"),
    held: at("127.0.0.1 80 cart"),
    detail: "another instance holds port 127.0.0.1:80",
  },
  {
    name: "the same, which one has alone",
    wanted: at("127.0.0.1 80"),
    held: at("127.0.0.1 80 shop"),
    detail: "another instance holds port 127.0.0.1:80",
  },
  {
    name: "one that is held for all addresses",
    wanted: at("127.0.0.1 80"),
    held: at("0.0.0.0 80"),
    detail: "another instance holds port 127.0.0.1:80 (held at 0.0.0.0:80)",
  },
  {
    name: "two, both held",
    wanted: at("::1 80", "0.0.0.0 81"),
    held: at(":: 80", "127.0.0.1 81"),
    detail:
      "another instance holds port [::1]:80 (held at [::]:80), another instance holds port 0.0.0.0:81 (held at 127.0.0.1:81)",
  },
])("hostPorts: $name", ({ wanted, held, detail }) => {
  const verdict = judge(wanted, held);
  if (detail === undefined) expect(verdict).toEqual({ kind: "success" });
  else
    expect(verdict).toMatchObject({
      kind: "unschedulable",
      reasons: [{ summary: "node(s) didn't have free ports for the listeners", detail }],
    });
});

test("hostPorts: has nothing to say without a fixed port", () => {
  expect(hostPorts.prepare(requirements())).toBeUndefined();
});
