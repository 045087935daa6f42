import type { OfferedInterface } from "../component-interfaces.ts";
import { filesystemInterfaces } from "./filesystem.ts";
import { ioInterfaces } from "./io.ts";
import { socketsInterfaces } from "./sockets.ts";

/** All of WASI 0.2 that components may import. */
export const preview2Interfaces: readonly OfferedInterface[] = [
  ...ioInterfaces,
  ...filesystemInterfaces,
  ...socketsInterfaces,
];
