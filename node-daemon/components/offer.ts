import { offerOf } from "./check-imports.ts";
import { minimalInterfaces } from "./minimal-offer.ts";

/** All that components may import. */
export const offer = offerOf(minimalInterfaces);
