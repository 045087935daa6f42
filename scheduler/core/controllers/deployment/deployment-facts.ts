import type { WasmDeployment } from "../../../../api/gen/kinds.gen.ts";
import type { Rollout } from "./rollout.ts";

/** What the status says, all from one look. */
export interface DeploymentFacts {
  readonly deployment: WasmDeployment;
  readonly replicas: number;
  /** Of the template that is declared. */
  readonly updated: number;
  readonly ready: number;
  readonly available: number;
  /** As it is after this look; undefined: it was paused before it ever began. */
  readonly rollout: Rollout | undefined;
  /** Whether the declared template waits because the deployment is paused. */
  readonly isHeldBack: boolean;
  /** The number of the declared template's revision, once that is kept. */
  readonly revision: number | undefined;
  /** The numbers of revisions, for people. */
  readonly numberOf: (templateHash: string) => number | undefined;
  /** Why instances that are missing cannot be made. */
  readonly refusal: string | undefined;
}
