import type { OfferedInterface } from "../component-interfaces.ts";

export const httpInterfaces: readonly OfferedInterface[] = [];
