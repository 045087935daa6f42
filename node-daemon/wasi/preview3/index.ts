import type { OfferedInterface } from "../component-interfaces.ts";
import { filesystemInterfaces } from "./filesystem.ts";
import { socketsInterfaces } from "./sockets.ts";

/** All of WASI 0.3 that components may import. */
export const preview3Interfaces: readonly OfferedInterface[] = [
  ...filesystemInterfaces,
  ...socketsInterfaces,
];
