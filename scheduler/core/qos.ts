import type { QosClass } from "../../api/qos.ts";
import type { Instance } from "./model.ts";

/** As `qosClass` says it of a template, of what an instance carries of that: an amount of 0 is none. */
export function qosOf({ requests, limits }: Pick<Instance, "requests" | "limits">): QosClass {
  const amounts = [requests.cpuMillis, requests.memoryBytes, limits.cpuMillis, limits.memoryBytes];
  if (amounts.every((amount) => amount === 0)) return "BestEffort";
  const isGuaranteed =
    limits.cpuMillis > 0 &&
    limits.memoryBytes > 0 &&
    requests.cpuMillis === limits.cpuMillis &&
    requests.memoryBytes === limits.memoryBytes;
  return isGuaranteed ? "Guaranteed" : "Burstable";
}
