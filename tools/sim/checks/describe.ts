import type { Instance } from "../../../scheduler/core/model.ts";

export function describe(instances: readonly Instance[]): string {
  return instances.map(({ name, state }) => `${name} ${state.kind} ${JSON.stringify(state)}`).join("; ");
}
