import type { ApiObject } from "../../../../api/object-meta.ts";
import type { JsonObject, Schema } from "../../resource.ts";
import { objectMetaSchema } from "../../schema/metadata-schema.ts";
import { ApiError } from "../../status.ts";
import { FieldManager, type FieldManagerParts } from "../field-manager.ts";
import { pathsOf } from "../field-set.ts";
import { decodeManagedFields } from "../managed-entries.ts";

const text: Schema = { type: "string" };

/** A kind with a field of each sort. */
export const widgetSchema: Schema = {
  type: "object",
  properties: {
    apiVersion: text,
    kind: text,
    metadata: objectMetaSchema,
    spec: {
      type: "object",
      properties: {
        replicas: { type: "integer" },
        image: text,
        size: { type: "object", properties: { cpu: text, memory: text } },
        args: { type: "array", items: text },
        zones: { type: "array", "x-kubernetes-list-type": "set", items: text },
        env: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
          items: { type: "object", properties: { name: text, value: text } },
        },
        selector: {
          type: "object",
          "x-kubernetes-map-type": "atomic",
          additionalProperties: text,
        },
      },
    },
    status: {
      type: "object",
      properties: {
        phase: text,
        conditions: {
          type: "array",
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["type"],
          items: { type: "object", properties: { type: text, status: text } },
        },
      },
    },
  },
};

export const widgetParts: FieldManagerParts = {
  schema: widgetSchema,
  apiVersion: "example.com/v1",
  kind: "Widget",
  hasStatus: true,
};

/** A configuration of the widget `w`. */
export function widget(parts: JsonObject, metadata: JsonObject = {}): JsonObject {
  return {
    apiVersion: "example.com/v1",
    kind: "Widget",
    metadata: { name: "w", namespace: "default", ...metadata },
    ...parts,
  };
}

/** One object in a server that has no defaults, whose clock ticks a second with each write. */
export class WidgetServer {
  fields = new FieldManager(widgetParts);
  live: ApiObject | undefined;
  #seconds = 0;
  #revision = 0;

  apply(
    manager: string,
    config: JsonObject,
    { force = false, subresource = "" }: { force?: boolean; subresource?: string } = {},
  ): this {
    const by = { manager, subresource, force, nowMs: this.#tick() };
    this.#store(this.fields.apply(this.live, config, by));
    return this;
  }

  /** The whole object, as by PUT. */
  update(manager: string, object: JsonObject, subresource = ""): this {
    const by = { manager, subresource, nowMs: this.#tick() };
    // An object of the shape that widget() makes.
    const given = object as unknown as ApiObject;
    const next = this.live ? { ...given, metadata: { ...identityOf(this.live), ...given.metadata } } : given;
    this.#store(this.fields.trackUpdate(this.live, next, by));
    return this;
  }

  /** A change of what there is, as by PATCH. */
  change(manager: string, parts: JsonObject, subresource = ""): this {
    return this.update(manager, { ...this.live, ...parts }, subresource);
  }

  /** "" or the message of the conflict. */
  conflictOf(manager: string, config: JsonObject, subresource = ""): string {
    const by = { manager, subresource, force: false, nowMs: this.#tick() };
    try {
      this.fields.apply(this.live, config, by);
      return "";
    } catch (thrown) {
      if (thrown instanceof ApiError && thrown.httpCode === 409) return thrown.message;
      throw thrown;
    }
  }

  /** One line for each owner: `kubectl Apply: .spec.image .spec.replicas` */
  get owners(): readonly string[] {
    return ownersOf(this.live);
  }

  get spec(): unknown {
    return this.live?.["spec"];
  }

  #tick(): number {
    return ++this.#seconds * 1000;
  }

  #store(object: JsonObject): void {
    if (object === this.live) return;
    // What apply and trackUpdate give back has the shape of what they were given.
    const next = object as unknown as ApiObject;
    const resourceVersion = String(++this.#revision);
    this.live = { ...next, metadata: { ...next.metadata, uid: "u-1", resourceVersion } };
  }
}

export function ownersOf(object: ApiObject | undefined): readonly string[] {
  const entries = decodeManagedFields(object?.metadata.managedFields) ?? [];
  return entries.map(({ manager, operation, subresource, fields }) => {
    const where = subresource === "" ? "" : `/${subresource}`;
    return `${manager} ${operation}${where}: ${pathsOf(fields).join(" ")}`;
  });
}

function identityOf({ metadata }: ApiObject): JsonObject {
  const { name, namespace, uid, resourceVersion } = metadata;
  return { name, namespace, uid, resourceVersion };
}
