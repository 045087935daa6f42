import type { Schema } from "../resource.ts";

const text: Schema = { type: "string" };
const flag: Schema = { type: "boolean" };
const number: Schema = { type: "number", format: "double" };
const count: Schema = { type: "integer", format: "int64" };
const texts: Schema = { type: "array", items: text, "x-kubernetes-list-type": "atomic" };
/** Any JSON. */
const anything: Schema = { "x-kubernetes-preserve-unknown-fields": true };

const rule: Schema = {
  type: "object",
  required: ["rule"],
  properties: {
    rule: { ...text, description: "A CEL expression that must be true. `self` is the value here." },
    message: { ...text, description: "What is said when the rule fails." },
    messageExpression: { ...text, description: "A CEL expression that makes the message." },
    reason: { ...text, description: "The reason in the answer: FieldValueInvalid unless it says another." },
    fieldPath: { ...text, description: "The field that the answer names." },
    optionalOldSelf: { ...flag, description: "Whether the rule runs, too, when there is no old value." },
  },
};

/**
 * JSONSchemaProps: it holds itself, as the object below does. What walks it along a value ends where the value ends; what
 * walks it by itself must stop at `x-wherry-definition`, the name under which OpenAPI documents hold it once.
 */
export const jsonSchemaProps: Schema = {
  type: "object",
  "x-wherry-definition": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaProps",
  description: "JSONSchemaProps is a JSON-Schema following Specification Draft 4 (http://json-schema.org/).",
  get properties() {
    return properties;
  },
};

const schemas: Schema = { type: "array", items: jsonSchemaProps, "x-kubernetes-list-type": "atomic" };
const named: Schema = { type: "object", additionalProperties: jsonSchemaProps };
/** A schema, or true or false. */
const schemaOrBool: Schema = {
  "x-wherry-definition": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool",
  description: "JSONSchemaPropsOrBool represents JSONSchemaProps or a boolean value.",
  get properties() {
    return properties;
  },
};

const properties: Readonly<Record<string, Schema>> = {
  id: text,
  $schema: text,
  $ref: text,
  description: text,
  type: text,
  format: text,
  title: text,
  default: { ...anything, description: "The value of the field when none is given." },
  maximum: number,
  exclusiveMaximum: flag,
  minimum: number,
  exclusiveMinimum: flag,
  maxLength: count,
  minLength: count,
  pattern: { ...text, description: "An RE2 regular expression." },
  maxItems: count,
  minItems: count,
  uniqueItems: flag,
  multipleOf: number,
  enum: { type: "array", items: anything, "x-kubernetes-list-type": "atomic" },
  maxProperties: count,
  minProperties: count,
  required: texts,
  items: schemaOrBool,
  allOf: schemas,
  oneOf: schemas,
  anyOf: schemas,
  not: jsonSchemaProps,
  properties: named,
  additionalProperties: schemaOrBool,
  patternProperties: named,
  dependencies: { type: "object", "x-kubernetes-preserve-unknown-fields": true },
  additionalItems: schemaOrBool,
  definitions: named,
  externalDocs: { type: "object", properties: { description: text, url: text } },
  example: anything,
  nullable: flag,
  "x-kubernetes-preserve-unknown-fields": {
    ...flag,
    description: "Whether fields that the schema does not know are kept.",
  },
  "x-kubernetes-embedded-resource": {
    ...flag,
    description: "Whether the value is a whole Kubernetes object.",
  },
  "x-kubernetes-int-or-string": { ...flag, description: "Whether the value is an integer or a string." },
  "x-kubernetes-list-map-keys": texts,
  "x-kubernetes-list-type": { ...text, description: "atomic, set or map: how lists are merged." },
  "x-kubernetes-map-type": { ...text, description: "granular or atomic: how objects are merged." },
  "x-kubernetes-validations": {
    type: "array",
    items: rule,
    "x-kubernetes-list-type": "map",
    "x-kubernetes-list-map-keys": ["rule"],
    "x-kubernetes-patch-strategy": "merge",
    "x-kubernetes-patch-merge-key": "rule",
    description: "Rules in CEL.",
  },
};
