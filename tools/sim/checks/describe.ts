import type { Instance } from "../../../scheduler/core/model.ts";

export function describe(instances: readonly Instance[]): string {
  return instances
    .map(({ name, state, leaving }) => {
      const leaves = leaving === undefined ? "" : ` (should go: ${leaving})`;
      return `${name}${leaves} ${state.kind} ${JSON.stringify(state)}`;
    })
    .join("; ");
}
