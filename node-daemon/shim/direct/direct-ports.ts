/** What answers direct requests is loaded for the first instance that takes some: spare processes, and most others, never need it. */
import { Connections, type DirectParts, type DirectPorts } from "./direct-port.ts";
import { directLimits } from "./limits.ts";

export function directPorts(parts: Omit<DirectParts, "connections">, descriptorsMax: number): DirectPorts {
  const max = Math.min(directLimits.connectionsMax, Math.floor(descriptorsMax / 4));
  const all = { ...parts, connections: new Connections(max) };
  return {
    open: async (options) => {
      const { openDirectPort } = await import("./direct-server.ts");
      return openDirectPort(options, all);
    },
  };
}
