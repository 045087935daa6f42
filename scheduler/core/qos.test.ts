import { expect, test } from "vitest";
import { qosClass } from "../../api/qos.ts";
import { cpuMillis, memoryBytes } from "../../api/quantity.ts";
import { qosOf } from "./qos.ts";

type Amounts = { readonly cpu?: string; readonly memory?: string };

/** As placement has it: a request that is missing is its limit, and a limit that is missing is 0. */
function amounts(...sources: readonly (Amounts | undefined)[]) {
  const cpu = sources.find((one) => one?.cpu !== undefined)?.cpu;
  const memory = sources.find((one) => one?.memory !== undefined)?.memory;
  return { cpuMillis: cpuMillis(cpu ?? 0), memoryBytes: memoryBytes(memory ?? 0) };
}

const limits = { cpu: "500m", memory: "64Mi" };

test.each<{ name: string; requests?: Amounts; limits?: Amounts }>([
  { name: "nothing" },
  { name: "requests of zero", requests: { cpu: "0", memory: "0" } },
  { name: "limits alone", limits },
  { name: "requests alone", requests: limits },
  { name: "equal", requests: { cpu: "0.5", memory: "65536Ki" }, limits },
  { name: "less cpu", requests: { cpu: "100m" }, limits },
  { name: "no cpu", requests: { cpu: "0" }, limits },
  { name: "a limit of memory", limits: { memory: "1Gi" } },
])("qosOf: says the same as the template's class: $name", ({ requests, limits: limited }) => {
  const instance = {
    requests: amounts(requests, limited),
    limits: amounts(limited),
  };
  expect(qosOf(instance)).toBe(
    qosClass({ ...(requests && { requests }), ...(limited && { limits: limited }) }),
  );
});
