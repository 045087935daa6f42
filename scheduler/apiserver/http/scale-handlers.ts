import type { ApiObject } from "../../../api/object-meta.ts";
import { scaleFieldManager } from "../apply/scale-fields.ts";
import {
  type ChangeScale,
  changeThroughScale,
  scaleOf,
  scaleSubresource,
  trackScale,
} from "../objects/scale-view.ts";
import { TablePrinter } from "../output/table.ts";
import type { Kind, ScaleAccess } from "../registry.ts";
import type { Column } from "../resource.ts";
import { badRequest, unknownPath } from "../status.ts";
import { mediaTypeOf, readObject } from "./body.ts";
import type { ApiContext, NamedTarget } from "./context.ts";
import type { Exchange } from "./exchange.ts";
import { presentObject } from "./present.ts";
import { existing, representationOf } from "./read-handlers.ts";
import { applyType, readConfig, readPatch, writeOptionsOf } from "./write-handlers.ts";

/** autoscaling/v1 Scale, the same view of every kind that can be scaled. */
export async function getScale(context: ApiContext, exchange: Exchange, target: NamedTarget): Promise<void> {
  await sendScale(context, exchange, scaleOf(existing(context, target), accessOf(target.kind)));
}

export async function writeScale(
  context: ApiContext,
  exchange: Exchange,
  target: NamedTarget,
): Promise<void> {
  const { kind, namespace, name } = target;
  const access = accessOf(kind);
  const options = { ...writeOptionsOf(exchange), fieldValidation: "Ignore" as const };
  const change = changeThroughScale(kind, access, await readChange(exchange));
  const object = await context.writer.update(kind, namespace, name, scaleSubresource, change, options);
  await sendScale(context, exchange, scaleOf(object, access));
}

async function sendScale({ clock }: ApiContext, exchange: Exchange, scale: ApiObject): Promise<void> {
  const as = representationOf(exchange);
  const body = presentObject({ printer: scalePrinter }, scale, as, clock.now());
  await exchange.send(200, body, { yaml: as.kind === "object" && as.yaml });
}

const scalePrinter = new TablePrinter({
  strategicMerge: false,
  columns: [
    scaleColumn("Desired", "integer", ".spec.replicas", "The number of instances that is wanted."),
    scaleColumn("Available", "integer", ".status.replicas", "The number of instances that there are."),
    scaleColumn("Age", "date", ".metadata.creationTimestamp", "How long ago the object was created."),
  ],
});

function scaleColumn(name: string, type: string, path: string, description: string): Column {
  return { name, type, format: "", description, priority: 0, cell: { kind: "path", path } };
}

async function readChange(exchange: Exchange): Promise<ChangeScale> {
  if (exchange.method === "PATCH" && mediaTypeOf(exchange.request) === applyType) {
    const force = exchange.flag("force");
    const config = await readConfig(exchange);
    return (live, author) =>
      scaleFieldManager.apply(live, config, { ...author, subresource: scaleSubresource, force });
  }
  if (exchange.method === "PATCH") {
    const patch = await readPatch(exchange, false);
    return (live, author) => trackScale(live, patch.apply(live), author);
  }
  const { object } = await readObject(exchange.request);
  if (object["kind"] !== undefined && object["kind"] !== "Scale")
    throw badRequest(
      `the kind in the data (${JSON.stringify(object["kind"])}) does not match the expected kind (Scale)`,
    );
  return (live, author) => trackScale(live, object, author);
}

function accessOf(kind: Kind): ScaleAccess {
  if (!kind.scale) throw unknownPath();
  return kind.scale;
}
