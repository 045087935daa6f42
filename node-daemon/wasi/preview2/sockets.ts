import type { OfferedInterface } from "../component-interfaces.ts";

export const socketsInterfaces: readonly OfferedInterface[] = [];
