import type { PlacementSimulationSpec, PlacementSimulationStatus } from "../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../api/object-meta.ts";

/** What happens first; each with only its own fields. */
export type SimulatedAction =
  | { readonly kind: "drain" | "removeNode"; readonly nodeName: string }
  | ({ readonly kind: "addNodes" } & Field<"addNodes">)
  | ({ readonly kind: "scale"; readonly workload: Field<"scale">["kind"] } & Omit<Field<"scale">, "kind">)
  /** Valid and complete, as it would be stored. */
  | { readonly kind: "apply"; readonly object: ApiObject };

type Actions = PlacementSimulationSpec["actions"][number];
type Field<Name extends keyof Actions> = NonNullable<Actions[Name]>;

export interface SimulationRequest {
  readonly actions: readonly SimulatedAction[];
  /** Entries of each list of the answer. */
  readonly limit: number;
}

/** The port by which the API server asks what would happen. */
export interface PlacementSimulator {
  /**
   * Rejects with a `WherryError`: `SimulationBusy` while another is being answered, `SimulationImpossible` for what names
   * something that is not there, `SimulationTooLarge` when it would take too long.
   */
  simulate(request: SimulationRequest, signal: AbortSignal): Promise<PlacementSimulationStatus>;
}
