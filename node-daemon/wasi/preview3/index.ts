import type { OfferedInterface } from "../component-interfaces.ts";
import { cliInterfaces } from "./cli.ts";
import { clocksInterfaces } from "./clocks.ts";
import { filesystemInterfaces } from "./filesystem.ts";
import { httpInterfaces } from "./http.ts";
import { randomInterfaces } from "./random.ts";
import { socketsInterfaces } from "./sockets.ts";

/** All of WASI 0.3 that components may import. */
export const preview3Interfaces: readonly OfferedInterface[] = [
  ...cliInterfaces,
  ...clocksInterfaces,
  ...filesystemInterfaces,
  ...httpInterfaces,
  ...randomInterfaces,
  ...socketsInterfaces,
];
