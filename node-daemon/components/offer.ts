import type { InterfaceMembers } from "../wasi/component-interfaces.ts";
import type { ComponentHost } from "../wasi/host.ts";
import { preview2Interfaces } from "../wasi/preview2/index.ts";
import { preview3Interfaces } from "../wasi/preview3/index.ts";
import { offerOf } from "./check-imports.ts";
import type { ComponentFacts } from "./component-facts.ts";

/** All that components may import. */
export const offer = offerOf([...preview2Interfaces, ...preview3Interfaces]);

/** What a component imports, for one instance of it. */
export function interfacesFor(
  { imports }: Pick<ComponentFacts, "imports">,
  host: ComponentHost,
): Readonly<Record<string, InterfaceMembers>> {
  const interfaces: Record<string, InterfaceMembers> = {};
  for (const name of imports) {
    const offered = offer.get(name);
    if (offered) interfaces[name] = offered.make(host);
  }
  return interfaces;
}
