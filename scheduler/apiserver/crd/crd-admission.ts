import { isDeepStrictEqual } from "node:util";
import type { AdmissionPlugin, AdmissionRequest } from "../admission/admission.ts";
import { schedulerUser } from "../authentication/user.ts";
import { qualified } from "../resource.ts";
import { ApiError, forbidden } from "../status.ts";
import type { KindCache } from "../storage/store-cache.ts";
import { crdResource } from "./crd-controller.ts";

/** Nothing new of a kind that is on its way out; and the definitions of the server's own kinds come with the server. */
export class CrdAdmission implements AdmissionPlugin {
  readonly #crds: KindCache;
  readonly #builtIn: ReadonlySet<string>;

  /** `builtIn`: names of definitions. */
  constructor(crds: KindCache, builtIn: ReadonlySet<string>) {
    this.#crds = crds;
    this.#builtIn = builtIn;
  }

  admit(request: AdmissionRequest): undefined {
    const { operation, resource } = request;
    if (operation === "create") this.#checkTerminating(qualified(resource));
    if (resource.group === crdResource.group && resource.plural === crdResource.plural)
      this.#checkBuiltIn(request);
  }

  #checkTerminating(name: string): void {
    if (this.#crds.get("", name)?.metadata.deletionTimestamp === undefined) return;
    throw new ApiError(
      "MethodNotAllowed",
      "create not allowed while custom resource definition is terminating",
    );
  }

  #checkBuiltIn({ operation, user, resource, object, old }: AdmissionRequest): void {
    const { name } = object.metadata;
    if (user === schedulerUser || !this.#builtIn.has(name)) return;
    const changesSpec = !isDeepStrictEqual(object["spec"], old?.["spec"]);
    if (operation !== "delete" && object.metadata.deletionTimestamp === undefined && !changesSpec) return;
    throw forbidden(
      resource,
      name,
      "this kind is the server's own: it changes with the server's version only",
    );
  }
}
