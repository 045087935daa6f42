import type { WasmNode } from "../../api/gen/kinds.gen.ts";
import type { Connection } from "../connection.ts";
import { getObject, listObjects } from "../client/objects.ts";
import { Failure } from "../failure.ts";
import { requireResource } from "../resources/resolve.ts";
import type { Resource } from "../resources/resource.ts";

export interface SelectedNodes {
  readonly resource: Resource;
  readonly nodes: readonly WasmNode[];
}

/** The nodes that a command names, or selects by labels. All must exist. `usage`: how the command is called. */
export async function selectNodes(
  connection: Connection,
  names: readonly string[],
  selector: string | undefined,
  usage: string,
): Promise<SelectedNodes> {
  if (names.length > 0 && selector !== undefined)
    throw new Failure("cannot specify both a node name and a --selector option");
  if (names.length === 0 && selector === undefined) throw new Failure(`USAGE: ${usage}`);
  const resource = requireResource(await connection.resources(), "wasmnodes");
  if (selector !== undefined) {
    const { items } = await listObjects(connection.client, resource, undefined, { labelSelector: selector });
    return { resource, nodes: items.map(asNode) };
  }
  const unique = [...new Set(names.map((name) => nodeName(name)))];
  const objects = await Promise.all(
    unique.map((name) => getObject(connection.client, resource, undefined, name)),
  );
  return { resource, nodes: objects.map(asNode) };
}

/** `node/a` and `wasmnode/a` are a, as other commands take it. */
function nodeName(argument: string): string {
  return argument.replace(/^(?:node|nodes|wn|wasmnodes?|wasmnodes?\.wherry\.dev)\//, "");
}

function asNode(object: object): WasmNode {
  // What the server lists under wasmnodes.
  return object as WasmNode;
}
