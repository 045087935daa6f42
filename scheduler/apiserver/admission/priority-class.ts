import type { ApiObject } from "../../../api/object-meta.ts";
import { forbidden } from "../status.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";

/** One PriorityClass at most is what everything has that asks for none. */
export class PriorityClassAdmission implements AdmissionPlugin {
  readonly #classes: () => readonly ApiObject[];

  constructor(classes: () => readonly ApiObject[]) {
    this.#classes = classes;
  }

  admit({ operation, resource, object }: AdmissionRequest): undefined {
    if (resource.group !== "scheduling.k8s.io" || resource.plural !== "priorityclasses") return;
    if (operation === "delete" || object["globalDefault"] !== true) return;
    const { name } = object.metadata;
    const other = this.#classes().find((one) => one["globalDefault"] === true && one.metadata.name !== name);
    if (other)
      throw forbidden(
        resource,
        name,
        `PriorityClass ${other.metadata.name} is already marked as default. Only one default can exist`,
      );
  }
}
