import type { Isolation } from "../../../api/isolation.ts";
import type { RunEnd } from "../runtime-driver.ts";
import type { Shim } from "./hosting.ts";
import { driverLimits } from "./limits.ts";
import type { ShimNeeds } from "./shim-needs.ts";

export type Placement = { readonly kind: "placed"; readonly shim: Shim } | Refused;
export type Refused = Extract<RunEnd, { readonly kind: "refused" }>;

interface Room {
  readonly tiers: readonly Isolation[];
  /** Shims with one run each, and shared ones. */
  readonly own: number;
  readonly shared: number;
  /** Of either. */
  readonly processesMax: number;
}

/** Why there is to be no new process for such a run, if there is not. */
export function refusalOf(needs: ShimNeeds, { tiers, own, shared, processesMax }: Room): Refused | undefined {
  const isolation = needs.kind === "own" ? needs.isolation : "shared";
  if (!tiers.includes(isolation)) {
    const message =
      `this node cannot give isolation: ${isolation} (it has ${tiers.join(", ")}); ask for one of these, or see to ` +
      `what its conditions name`;
    return { kind: "refused", reason: "IsolationUnavailable", message, retryable: true };
  }
  // A full node has to be able to ask its instances how they are.
  const ownMax = processesMax + (needs.kind === "own" && needs.beside ? driverLimits.besideMax : 0);
  if (needs.kind === "own" ? own < ownMax : shared < processesMax) return undefined;
  const whose =
    needs.kind === "own" ? "of instances that have one alone" : "that are shared, each by one namespace";
  const message = `this node has ${processesMax} processes ${whose}, and starts no more; stop some, or raise --max-processes`;
  return { kind: "refused", reason: "ProcessesExhausted", message, retryable: true };
}
