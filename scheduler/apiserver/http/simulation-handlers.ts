import type {
  PlacementSimulation,
  PlacementSimulationSpec,
  PlacementSimulationStatus,
} from "../../../api/gen/kinds.gen.ts";
import type { ApiObject } from "../../../api/object-meta.ts";
import { Bug } from "../../../kit/errors.ts";
import { metadataOf, prepareCreate } from "../objects/prepare.ts";
import type { SimulatedAction } from "../placement-simulator.ts";
import type { Kind } from "../registry.ts";
import { apiVersionOf, isObject, type JsonObject } from "../resource.ts";
import { badRequest, invalid } from "../status.ts";
import type { ApiContext } from "./context.ts";
import type { Exchange } from "./exchange.ts";

export const simulationPlural = "placementsimulations";

/** Answers a PlacementSimulation. Its workloads are checked and completed as if they were stored. */
export async function simulatePlacement(
  context: ApiContext,
  exchange: Exchange,
  kind: Kind,
  given: JsonObject,
): Promise<object> {
  const { status: _, ...question } = given;
  const object = kind.shape(question as unknown as ApiObject);
  const errors = kind.validate(object);
  if (errors.length > 0) throw invalid(kind.resource, "", errors);
  // The schema, from which this type comes, has accepted it.
  const { spec } = object as unknown as PlacementSimulation;
  const actions = spec.actions.map((action, place) => actionOf(context, action, `spec.actions[${place}]`));
  // It may take seconds, in which others have the seat.
  exchange.seat?.leave();
  const status: PlacementSimulationStatus = await context
    .simulator()
    .simulate({ actions, limit: spec.limit }, exchange.signal);
  return { apiVersion: apiVersionOf(kind.resource), kind: kind.resource.kind, metadata: {}, spec, status };
}

type Action = PlacementSimulationSpec["actions"][number];

function actionOf(context: ApiContext, action: Action, path: string): SimulatedAction {
  const { drain, removeNode, addNodes, scale, apply } = action;
  if (drain) return { kind: "drain", ...drain };
  if (removeNode) return { kind: "removeNode", ...removeNode };
  if (addNodes) return { kind: "addNodes", ...addNodes };
  if (scale) {
    const { kind: workload, ...rest } = scale;
    if ((scale.replicas === undefined) === (scale.factor === undefined))
      throw badRequest(`${path}.scale: it must have either replicas or factor`);
    return { kind: "scale", workload, ...rest };
  }
  if (apply) return { kind: "apply", object: workloadOf(context, apply.object, `${path}.apply.object`) };
  throw new Bug(`${path} has no field, although its schema wants one`);
}

const simulatedKinds: ReadonlySet<string> = new Set(["WasmDaemonSet", "WasmDeployment", "WasmJob"]);

function workloadOf({ registry, clock, random }: ApiContext, given: JsonObject, path: string): ApiObject {
  const { apiVersion, kind: name } = given;
  const kind = registry.findKind(String(apiVersion), String(name));
  if (!kind || !simulatedKinds.has(kind.resource.kind))
    throw badRequest(`${path}: only ${[...simulatedKinds].join(", ")} are simulated, not ${String(name)}`);
  const metadata = metadataOf(given);
  const { name: objectName, namespace } = metadata;
  if (typeof objectName !== "string" || objectName === "" || typeof namespace !== "string" || !namespace)
    throw badRequest(`${path}.metadata: it must have a name and a namespace`);
  const identity = { namespace, name: objectName, uid: random.uuid() };
  const author = { manager: "wherry-simulate", nowMs: clock.now() };
  // What only a stored object has would be compared with what is stored.
  const { managedFields: _, ...rest } = metadata;
  const object = { ...given, metadata: rest };
  const prepared = prepareCreate(kind, { object, duplicateFields: [] }, identity, author, {
    fieldValidation: "Strict",
    warn: () => {},
  });
  if (!isObject(prepared["spec"])) throw badRequest(`${path}: it has no spec`);
  return prepared;
}
