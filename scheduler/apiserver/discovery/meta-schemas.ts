import type { Schema } from "../resource.ts";
import { objectMetaSchema } from "../schema/metadata-schema.ts";

/**
 * The types of Kubernetes that all kinds share and that are no kinds of the registry: what bodies and answers of the
 * paths in OpenAPI documents are made of. Nested types get their names by type-fields.ts.
 */
const text = (description: string): Schema => ({ type: "string", description });
const flag = (description: string): Schema => ({ type: "boolean", description });
const count = (description: string, format = "int64"): Schema => ({ type: "integer", format, description });
const texts = (description: string): Schema => ({
  type: "array",
  items: { type: "string" },
  "x-kubernetes-list-type": "atomic",
  description,
});
const time = (description: string): Schema => ({ type: "string", format: "date-time", description });

const apiVersion = text("The versioned schema of this representation of an object.");
const kind = text("The kind of the object, in CamelCase.");

export const typeMetaProperties = { apiVersion, kind } as const;

const listMeta: Schema = {
  type: "object",
  description: "ListMeta is what lists have for metadata.",
  properties: {
    selfLink: text("Not set by servers any more."),
    resourceVersion: text("The revision of the list, from which a watch can go on. Set by the server."),
    continue: text("Given when there is more: the next part of the list is asked for with it."),
    remainingItemCount: count("How many items follow this part of the list, if that is known."),
  },
};

const managedFieldsEntry: Schema = {
  type: "object",
  description: "ManagedFieldsEntry tells which fields a manager has set, in which version and how.",
  properties: {
    manager: text("Who manages the fields."),
    operation: text("How they were set: Apply or Update."),
    apiVersion: text("The version in which they were set."),
    time: time("When the entry was last changed."),
    fieldsType: text("The form of the fields: FieldsV1."),
    fieldsV1: {
      type: "object",
      description: "The fields, as a tree whose keys are the steps of their paths.",
    },
    subresource: text("The subresource through which they were set, if any."),
  },
};

/** With what the server itself writes described: it takes it back in any form. */
const objectMeta: Schema = {
  ...objectMetaSchema,
  properties: {
    ...objectMetaSchema.properties,
    managedFields: { ...objectMetaSchema.properties?.["managedFields"], items: managedFieldsEntry },
  },
};

const status: Schema = {
  type: "object",
  description: "Status is the answer where there is no object to answer with, and to everything that fails.",
  properties: {
    ...typeMetaProperties,
    metadata: { ...listMeta, default: {}, description: "Standard list metadata." },
    status: text("Success or Failure."),
    message: text("What happened, for people."),
    reason: text("Why it failed, in one word, for programs."),
    details: {
      type: "object",
      description: "What more there is to say, depending on the reason.",
      properties: {
        name: text("The name of the object."),
        group: text("The group of the object's kind."),
        kind: text("The object's kind or resource."),
        uid: text("The object's uid."),
        causes: {
          type: "array",
          "x-kubernetes-list-type": "atomic",
          description: "Every single thing that is wrong.",
          items: {
            type: "object",
            description: "StatusCause is one thing that is wrong.",
            properties: {
              reason: text("Why, in one word."),
              message: text("Why, for people."),
              field: text("The field that it is about."),
            },
          },
        },
        retryAfterSeconds: count("When to ask again.", "int32"),
      },
    },
    code: count("The HTTP code.", "int32"),
  },
};

const deleteOptions: Schema = {
  type: "object",
  description: "DeleteOptions says how an object is deleted.",
  properties: {
    ...typeMetaProperties,
    gracePeriodSeconds: count("How long the object may take to end; 0 is at once."),
    preconditions: {
      type: "object",
      description: "What must be so; otherwise nothing is deleted, and the answer is a conflict.",
      properties: {
        uid: text("The uid that the object must have."),
        resourceVersion: text("The resource version that the object must have."),
      },
    },
    orphanDependents: flag("Use propagationPolicy instead."),
    propagationPolicy: text("What becomes of dependents: Orphan, Background or Foreground."),
    dryRun: texts("All: everything is checked and nothing is changed."),
    ignoreStoreReadErrorWithClusterBreakingPotential: flag(
      "Whether an object is deleted that cannot be read. Not served here.",
    ),
  },
};

const watchEvent: Schema = {
  type: "object",
  required: ["type", "object"],
  description: "WatchEvent is one change of what is watched.",
  properties: {
    type: text("ADDED, MODIFIED, DELETED, BOOKMARK or ERROR."),
    object: {
      type: "object",
      description: "The object after the change, before it when it is deleted, or a Status for an error.",
    },
  },
};

const resourceList: Schema = {
  type: "object",
  required: ["groupVersion", "resources"],
  description: "APIResourceList is what is served in one version of a group.",
  properties: {
    ...typeMetaProperties,
    groupVersion: text("The group and version."),
    resources: {
      type: "array",
      "x-kubernetes-list-type": "atomic",
      description: "The resources and their subresources.",
      items: {
        type: "object",
        required: ["name", "singularName", "namespaced", "kind", "verbs"],
        description: "APIResource is a resource or a subresource.",
        properties: {
          name: text("The name in the plural; of a subresource, after the resource's and a slash."),
          singularName: text("The name in the singular."),
          namespaced: flag("Whether its objects are in namespaces."),
          group: text("The group of its kind, when it is another."),
          version: text("The version of its kind, when it is another."),
          kind: text("The kind of its objects."),
          verbs: texts("What can be done with it."),
          shortNames: texts("Short names for command lines."),
          categories: texts("Groups of resources that it belongs to, such as all."),
          storageVersionHash: text("Equal as long as the form in which objects are stored is the same."),
        },
      },
    },
  },
};

const scale: Schema = {
  type: "object",
  description: "Scale is how many replicas an object wants and has.",
  properties: {
    ...typeMetaProperties,
    metadata: { ...objectMeta, default: {}, description: "The metadata of the object that is scaled." },
    spec: {
      type: "object",
      default: {},
      description: "What is wanted.",
      properties: { replicas: count("How many replicas are wanted.", "int32") },
    },
    status: {
      type: "object",
      default: {},
      required: ["replicas"],
      description: "What there is.",
      properties: {
        replicas: count("How many replicas there are.", "int32"),
        selector: text("The labels of the replicas, as a selector."),
      },
    },
  },
};

const tokenRequest: Schema = {
  type: "object",
  required: ["spec"],
  description: "TokenRequest asks for a token of a ServiceAccount.",
  properties: {
    ...typeMetaProperties,
    metadata: { ...objectMeta, default: {}, description: "Standard object's metadata." },
    spec: {
      type: "object",
      default: {},
      required: ["audiences"],
      description: "What token is asked for.",
      properties: {
        audiences: texts("Who may take the token for valid."),
        expirationSeconds: count("How long the token is wanted to be valid."),
        boundObjectRef: {
          type: "object",
          description: "The object with which the token ends.",
          properties: {
            kind: text("The object's kind."),
            apiVersion: text("The object's API version."),
            name: text("The object's name."),
            uid: text("The object's uid."),
          },
        },
      },
    },
    status: {
      type: "object",
      default: {},
      required: ["token", "expirationTimestamp"],
      description: "The token. Set by the server.",
      properties: {
        token: text("The token."),
        expirationTimestamp: time("Until when the token is valid."),
      },
    },
  },
};

const callTicket: Schema = {
  type: "object",
  description: "CallTicket asks for leave to call the functions of a workload.",
  properties: {
    ...typeMetaProperties,
    spec: {
      type: "object",
      description: "What is asked for.",
      properties: { expirationSeconds: count("How long the ticket is wanted to be valid.") },
    },
    status: {
      type: "object",
      description: "The ticket. Set by the server.",
      properties: {
        token: text("What gateways are shown: authorization: Bearer TOKEN."),
        expirationTimestamp: time("Until when it is valid."),
        endpoints: {
          type: "array",
          description: "Gateways that take calls, in the order in which to try them.",
          items: {
            type: "object",
            properties: {
              node: text("The gateway's certificate has the common name system:node:NODE."),
              address: text("HOST:PORT, for gRPC over TLS."),
            },
          },
        },
        caBundle: text("The CA of the gateways' certificates, as PEM."),
      },
    },
  },
};

const eviction: Schema = {
  type: "object",
  description: "Eviction asks that an instance leaves its node, within its disruption budgets.",
  properties: {
    ...typeMetaProperties,
    metadata: { ...objectMeta, default: {}, description: "Of the instance that is evicted." },
    deleteOptions: { ...deleteOptions, description: "How it is stopped." },
  },
};

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";

export const metaTypes = {
  objectMeta: `${meta}.ObjectMeta`,
  listMeta: `${meta}.ListMeta`,
  status: `${meta}.Status`,
  deleteOptions: `${meta}.DeleteOptions`,
  watchEvent: `${meta}.WatchEvent`,
  patch: `${meta}.Patch`,
  resourceList: `${meta}.APIResourceList`,
  time: `${meta}.Time`,
  microTime: `${meta}.MicroTime`,
  scale: "io.k8s.api.autoscaling.v1.Scale",
  tokenRequest: "io.k8s.api.authentication.v1.TokenRequest",
  eviction: "io.k8s.api.policy.v1.Eviction",
  callTicket: "dev.wherry.v1alpha1.CallTicket",
} as const;

/** By the name that Kubernetes gives them. */
export const metaSchemas: ReadonlyMap<string, Schema> = new Map<string, Schema>([
  [metaTypes.objectMeta, objectMeta],
  [metaTypes.listMeta, listMeta],
  [metaTypes.status, status],
  [metaTypes.deleteOptions, deleteOptions],
  [metaTypes.watchEvent, watchEvent],
  [
    metaTypes.patch,
    { type: "object", description: "Patch is the body of a PATCH; its media type says how to read it." },
  ],
  [metaTypes.resourceList, resourceList],
  [metaTypes.time, { type: "string", format: "date-time", description: "Time is a moment, to the second." }],
  [
    metaTypes.microTime,
    { type: "string", format: "date-time", description: "MicroTime is a moment, to the microsecond." },
  ],
  [metaTypes.scale, scale],
  [metaTypes.tokenRequest, tokenRequest],
  [metaTypes.eviction, eviction],
  [metaTypes.callTicket, callTicket],
]);
