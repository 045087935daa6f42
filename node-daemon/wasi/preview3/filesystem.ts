import type { OfferedInterface } from "../component-interfaces.ts";

export const filesystemInterfaces: readonly OfferedInterface[] = [];
