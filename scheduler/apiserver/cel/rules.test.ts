import { describe, expect, test } from "vitest";
import type { JsonObject, Schema } from "../resource.ts";
import { compileRules, rulesSkipped } from "./rules.ts";
import { integer, list, map, object, ruled, text } from "./testing/evaluate.ts";

/** Each error as a client sees it, `field: message`. */
function errors(schema: Schema, data: JsonObject, old?: JsonObject): readonly string[] {
  const rules = compileRules(schema);
  expect(rules.problems).toEqual([]);
  return rules.check(data, old).map(({ field, message }) => `${field}: ${message}`);
}

function problems(schema: Schema): readonly string[] {
  return compileRules(schema, "schema").problems.map(({ field, message }) => `${field}: ${message}`);
}

const named = (name: string) => ({ metadata: { name } });
/** Real definitions bound their texts, or their rules would be refused for what they could cost. */
const short: Schema = { ...text, maxLength: 63 };

describe("compileRules: a schema without rules", () => {
  test("shares one check that does nothing", () => {
    const [a, b] = [compileRules(object({ spec: object({}) })), compileRules(integer)];
    expect(a).toBe(b);
    expect(a.check({ spec: {} }, undefined)).toEqual([]);
  });
});

describe("check: rules of the kind that real definitions have", () => {
  const listener = object(
    {
      name: short,
      port: { ...integer, minimum: 1 },
      protocol: short,
      hostname: short,
      tls: object({ mode: { ...text, enum: ["Terminate", "Passthrough"] } }),
    },
    { required: ["name", "port", "protocol"] },
  );
  const gateway = object({
    spec: object({
      listeners: ruled(
        list(listener, {
          maxItems: 16,
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
        }),
        {
          rule: "self.all(l, l.protocol in ['HTTP', 'TCP', 'UDP'] ? !has(l.tls) : true)",
          message: "tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']",
        },
        {
          rule: "self.all(l1, self.exists_one(l2, l1.port == l2.port && l1.protocol == l2.protocol && (has(l1.hostname) && has(l2.hostname) ? l1.hostname == l2.hostname : !has(l1.hostname) && !has(l2.hostname))))",
          message: "Combination of port, protocol and hostname must be unique for each listener",
        },
      ),
      addresses: ruled(list(object({ type: short, value: short }), { maxItems: 16 }), {
        rule: "self.all(a1, a1.type == 'IPAddress' ? self.exists_one(a2, a2.type == a1.type && a2.value == a1.value) : true)",
        message: "IPAddress values must be unique",
      }),
    }),
  });

  test.each([
    ["valid", [{ name: "a", port: 80, protocol: "HTTP" }], []],
    [
      "tls where none may be",
      [{ name: "a", port: 80, protocol: "HTTP", tls: { mode: "Terminate" } }],
      ["spec.listeners: Invalid value: tls must not be specified for protocols ['HTTP', 'TCP', 'UDP']"],
    ],
    [
      "two of the same",
      [
        { name: "a", port: 80, protocol: "HTTP", hostname: "x" },
        { name: "b", port: 80, protocol: "HTTP", hostname: "x" },
      ],
      [
        "spec.listeners: Invalid value: Combination of port, protocol and hostname must be unique for each listener",
      ],
    ],
  ])("a gateway's listeners: %s", (_name, listeners, expected) => {
    expect(errors(gateway, { spec: { listeners } })).toEqual(expected);
  });

  const backendRef = ruled(
    object({
      group: { ...text, default: "" },
      kind: { ...text, default: "Service" },
      name: text,
      port: integer,
    }),
    {
      rule: "(size(self.group) == 0 && self.kind == 'Service') ? has(self.port) : true",
      message: "Must have port for Service reference",
    },
  );
  test("a port is required of some references, at each item's path", () => {
    const schema = object({ spec: object({ refs: { ...list(backendRef), maxItems: 8 } }) });
    const refs = [
      { group: "", kind: "Service", name: "a", port: 1 },
      { group: "", kind: "Service", name: "b" },
      { group: "x.io", kind: "Other", name: "c" },
    ];
    expect(errors(schema, { spec: { refs } })).toEqual([
      "spec.refs[1]: Invalid value: Must have port for Service reference",
    ]);
  });

  test("exactly one of several fields", () => {
    const source = ruled(object({ git: object({}), oci: object({}), inline: text }), {
      rule: "[has(self.git), has(self.oci), has(self.inline)].filter(x, x).size() == 1",
      message: "exactly one of git, oci and inline must be set",
    });
    const schema = object({ spec: object({ source }) });
    expect(errors(schema, { spec: { source: { git: {} } } })).toEqual([]);
    expect(errors(schema, { spec: { source: { git: {}, inline: "x" } } })).toEqual([
      "spec.source: Invalid value: exactly one of git, oci and inline must be set",
    ]);
    expect(errors(schema, { spec: { source: {} } })).toHaveLength(1);
  });

  test("numbers that depend on each other, with a message made of them", () => {
    const spec = ruled(object({ replicas: integer, minReplicas: integer, tier: text }), {
      rule: "!has(self.minReplicas) || self.replicas >= self.minReplicas",
      message: "replicas below the minimum",
      messageExpression: "'replicas is %d, the minimum %d'.format([self.replicas, self.minReplicas])",
    });
    expect(errors(object({ spec }), { spec: { replicas: 1, minReplicas: 2 } })).toEqual([
      "spec: Invalid value: replicas is 1, the minimum 2",
    ]);
  });

  test("durations, quantities, addresses and names", () => {
    const spec = ruled(
      object({ timeout: text, memory: { "x-kubernetes-int-or-string": true }, cidr: text, host: short }),
      "duration(self.timeout) >= duration('1s')",
      "type(self.memory) == string ? quantity(self.memory).isLessThan(quantity('1Gi')) : self.memory < 1073741824",
      "isCIDR(self.cidr) && cidr(self.cidr).containsIP('10.1.2.3')",
      "!format.dns1123Subdomain().validate(self.host).hasValue()",
    );
    const good = { timeout: "5s", memory: "64Mi", cidr: "10.0.0.0/8", host: "a.example.com" };
    expect(errors(object({ spec }), { spec: good })).toEqual([]);
    expect(errors(object({ spec }), { spec: { ...good, memory: 5 } })).toEqual([]);
    expect(errors(object({ spec }), { spec: { ...good, memory: "2Gi", host: "A_" } })).toEqual([
      "spec: Invalid value: failed rule: type(self.memory) == string ? quantity(self.memory).isLessThan(quantity('1Gi')) : self.memory < 1073741824",
      "spec: Invalid value: failed rule: !format.dns1123Subdomain().validate(self.host).hasValue()",
    ]);
  });
});

describe("check: transition rules", () => {
  const immutable = { rule: "self == oldSelf", message: "is immutable" };

  test("run on updates only, and show scalar values", () => {
    const schema = object({ spec: object({ module: ruled(text, immutable) }) });
    expect(errors(schema, { spec: { module: "x" } })).toEqual([]);
    expect(errors(schema, { spec: { module: "x" } }, { spec: {} })).toEqual([]);
    expect(errors(schema, { spec: { module: "x" } }, { spec: { module: "m" } })).toEqual([
      'spec.module: Invalid value: "x": is immutable',
    ]);
  });

  test("from the parent they see fields that come and go", () => {
    const spec = ruled(object({ class: text }), {
      rule: "has(self.class) == has(oldSelf.class)",
      message: "class can be neither added nor removed",
    });
    expect(errors(object({ spec }), { spec: {} }, { spec: { class: "a" } })).toEqual([
      "spec: Invalid value: class can be neither added nor removed",
    ]);
  });

  test("follow items of map lists by their keys, and values of maps by theirs", () => {
    const item = object({
      name: text,
      value: ruled(integer, { rule: "self >= oldSelf", message: "must not fall" }),
    });
    const schema = object({
      spec: object({
        items: list(item, {
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["name"],
          maxItems: 9,
        }),
        limits: { ...map(ruled(integer, "self >= oldSelf")), maxProperties: 9 },
      }),
    });
    const before = {
      spec: {
        items: [
          { name: "a", value: 5 },
          { name: "b", value: 1 },
        ],
        limits: { x: 3 },
      },
    };
    const after = {
      spec: {
        items: [
          { name: "b", value: 2 },
          { name: "a", value: 4 },
        ],
        limits: { x: 2, y: 0 },
      },
    };
    expect(errors(schema, after, before)).toEqual([
      "spec.items[1].value: Invalid value: 4: must not fall",
      "spec.limits[x]: Invalid value: 2: failed rule: self >= oldSelf",
    ]);
  });

  test("optionalOldSelf makes them run on create too", () => {
    const spec = ruled(object({ size: integer }), {
      rule: "oldSelf.hasValue() ? self.size >= oldSelf.value().size : self.size == 1",
      optionalOldSelf: true,
      message: "begins at 1 and never falls",
    });
    const schema = object({ spec });
    expect(errors(schema, { spec: { size: 1 } })).toEqual([]);
    expect(errors(schema, { spec: { size: 2 } })).toHaveLength(1);
    expect(errors(schema, { spec: { size: 2 } }, { spec: { size: 1 } })).toEqual([]);
    expect(errors(schema, { spec: { size: 1 } }, { spec: { size: 2 } })).toHaveLength(1);
  });

  test("cannot stand where items cannot be followed", () => {
    const atomic = object({
      spec: object({ list: { ...list(ruled(integer, "self == oldSelf")), maxItems: 5 } }),
    });
    expect(problems(atomic)).toEqual([
      'schema.properties[spec].properties[list].items.x-kubernetes-validations[0].rule: Invalid value: "self == oldSelf": oldSelf cannot be used on the uncorrelatable portion of the schema within schema.properties[spec].properties[list]',
    ]);
  });
});

describe("check: what did not change only warns", () => {
  const schema = object({ spec: object({ a: ruled(integer, "self < 5"), b: integer }) });
  test.each([
    [
      "an unchanged value",
      { spec: { a: 9, b: 1 } },
      { spec: { a: 9, b: 0 } },
      [],
      ["spec.a: Invalid value: 9: failed rule: self < 5"],
    ],
    ["a changed value", { spec: { a: 8, b: 0 } }, { spec: { a: 9, b: 0 } }, ["spec.a"], []],
    ["a new object", { spec: { a: 9 } }, undefined, ["spec.a"], []],
  ])("%s", (_name, after, before, fields, warnings) => {
    const warned: string[] = [];
    const found = compileRules(schema).check(after, before, (warning) => warned.push(warning));
    expect(found.map(({ field }) => field)).toEqual(fields);
    expect(warned).toEqual(warnings);
  });
});

describe("check: what rules see", () => {
  test("of the root's metadata only the names, and apiVersion and kind", () => {
    const schema = ruled(
      object({ spec: object({}), metadata: object({ name: { ...text, maxLength: 5 } }) }),
      "self.metadata.name.startsWith('x') && self.kind == 'Thing' && self.apiVersion == 'a/v1'",
    );
    const thing = { apiVersion: "a/v1", kind: "Thing", ...named("xy") };
    expect(errors(schema, thing)).toEqual([]);
    expect(errors(schema, { ...thing, kind: "Other" })).toEqual([
      "<nil>: Invalid value: failed rule: self.metadata.name.startsWith('x') && self.kind == 'Thing' && self.apiVersion == 'a/v1'",
    ]);
    expect(problems(ruled(object({}), "self.metadata.labels.size() > 0"))[0]).toContain(
      "undefined field 'labels'",
    );
  });

  test("names that are no identifiers are escaped", () => {
    const spec = ruled(
      object({ "my-name": text, "a.b/c": text, namespace: text, in: text, x__y: text, "no name": text }),
      "self.my__dash__name == 'd' && self.a__dot__b__slash__c == 's' && self.__namespace__ == 'n'",
      "self.__in__ == 'i' && self.x__underscores__y == 'u'",
    );
    const data = { "my-name": "d", "a.b/c": "s", namespace: "n", in: "i", x__y: "u" };
    expect(errors(object({ spec }), { spec: data })).toEqual([]);
    expect(problems(object({ spec: ruled(object({ "no name": text }), "has(self.name)") }))[0]).toContain(
      "undefined field 'name'",
    );
  });

  test("names of object prototypes are names like any other", () => {
    const spec = ruled(
      object({ constructor: text, tags: map(text) }),
      "!has(self.constructor) && !has(self.tags.toString) && !('__proto__' in self.tags)",
      "!(has(self.tags.hasOwnProperty))",
    );
    expect(errors(object({ spec }), { spec: { tags: {} } })).toEqual([]);
    const tags: unknown = JSON.parse('{"__proto__": "x", "constructor": "y"}');
    expect(
      errors(object({ spec: object({ tags: ruled(map(text), "self['__proto__'] == 'x'") }) }), {
        spec: { tags },
      }),
    ).toEqual([]);
  });

  test("nulls count as absent", () => {
    const spec = ruled(object({ a: { ...integer, nullable: true } }), "!has(self.a)");
    expect(errors(object({ spec }), { spec: { a: null } })).toEqual([]);
  });

  test("texts with a format are what the format says", () => {
    const spec = ruled(
      object({
        wait: { ...text, format: "duration" },
        at: { ...text, format: "date-time" },
        day: { ...text, format: "date" },
        raw: { ...text, format: "byte" },
        share: { type: "number" },
      }),
      "self.wait == duration('1h30m') && self.at.getFullYear() == 2024 && self.day < self.at",
      "self.raw == b'hello' && self.share == 1.0",
    );
    const data = { wait: "1h30m", at: "2024-05-01T00:00:00Z", day: "2024-04-30", raw: "aGVsbG8=", share: 1 };
    expect(errors(object({ spec }), { spec: data })).toEqual([]);
  });

  test("embedded resources have metadata too", () => {
    const template: Schema = {
      ...ruled(object({}), "self.kind == 'Pod' && self.metadata.name == 'p'"),
      "x-kubernetes-embedded-resource": true,
      "x-kubernetes-preserve-unknown-fields": true,
    };
    const schema = object({ spec: object({ template }) });
    expect(
      errors(schema, {
        spec: { template: { apiVersion: "v1", kind: "Pod", metadata: { name: "p" }, other: 1 } },
      }),
    ).toEqual([]);
    expect(
      errors(schema, { spec: { template: { apiVersion: "v1", kind: "X", metadata: { name: "p" } } } }),
    ).toHaveLength(1);
  });

  test("lists as sets and by keys compare without order, and add up without repetition", () => {
    const spec = ruled(
      object({
        a: list(text, { "x-kubernetes-list-type": "set", maxItems: 9 }),
        b: list(object({ k: text, v: text }), {
          "x-kubernetes-list-type": "map",
          "x-kubernetes-list-map-keys": ["k"],
          maxItems: 9,
        }),
      }),
      "self.a == ['y', 'x'] && self.a + ['x', 'z'] == ['z', 'y', 'x']",
      "(self.b + self.b).size() == 2 && self.b == [self.b[1], self.b[0]]",
    );
    expect(
      errors(object({ spec }), {
        spec: {
          a: ["x", "y"],
          b: [
            { k: "1", v: "a" },
            { k: "2", v: "b" },
          ],
        },
      }),
    ).toEqual([]);
  });

  test("rules in allOf", () => {
    const schema = object({ spec: { ...object({ a: integer }), allOf: [ruled({}, "self.a > 1")] } });
    expect(errors(schema, { spec: { a: 1 } })).toEqual(["spec: Invalid value: failed rule: self.a > 1"]);
  });
});

describe("check: what errors say", () => {
  const failing = (rule: Readonly<Record<string, unknown>>) =>
    errors(object({ spec: ruled(object({ a: integer, m: map(text), "b.c": object({ d: text }) }), rule) }), {
      spec: { a: 1, m: {} },
    });

  test.each([
    [{ rule: "self.a == 2" }, "spec: Invalid value: failed rule: self.a == 2"],
    [{ rule: "self.a == 2", message: " no " }, "spec: Invalid value: no"],
    [{ rule: "self.a == 2", fieldPath: ".a" }, "spec.a: Invalid value: failed rule: self.a == 2"],
    [{ rule: "self.a == 2", fieldPath: "['b.c'].d" }, "spec.b.c.d: Invalid value: failed rule: self.a == 2"],
    [{ rule: "self.a == 2", fieldPath: ".m['key']" }, "spec.m[key]: Invalid value: failed rule: self.a == 2"],
    [{ rule: "self.a == 2", reason: "FieldValueForbidden", message: "no" }, "spec: Forbidden: no"],
    [
      { rule: "self.a == 2", reason: "FieldValueRequired", message: "give it" },
      "spec: Required value: give it",
    ],
    [{ rule: "self.a == 2", reason: "FieldValueDuplicate", message: "again" }, "spec: Duplicate value"],
    [{ rule: "self.a == 2", messageExpression: "'a is %d'.format([self.a])" }, "spec: Invalid value: a is 1"],
    [{ rule: "self.a == 2", message: "m", messageExpression: "''" }, "spec: Invalid value: m"],
    [{ rule: "self.a == 2", message: "m", messageExpression: "'x\\ny'" }, "spec: Invalid value: m"],
    [{ rule: "self.a == 2", message: "m", messageExpression: "self.m.x" }, "spec: Invalid value: m"],
    [
      { rule: "self.m.x == ''" },
      "spec: Invalid value: \"object\": no such key: x evaluating rule: self.m.x == ''",
    ],
    [
      { rule: "self.a / 0 == 1" },
      'spec: Invalid value: "object": division by zero evaluating rule: self.a / 0 == 1',
    ],
    [
      { rule: "dyn(self.a) == 1 && dyn(self.a).size() == 1" },
      "spec: Invalid value: \"object\": 'no such overload': call arguments did not match a supported operator, function or macro signature for rule: dyn(self.a) == 1 && dyn(self.a).size() == 1",
    ],
  ])("%j", (rule, message) => {
    expect(failing(rule)).toEqual([message]);
  });

  test("the reasons are those of the rule", () => {
    const schema = object({ spec: ruled(object({}), { rule: "false", reason: "FieldValueForbidden" }) });
    expect(compileRules(schema).check({ spec: {} }, undefined)[0]?.reason).toBe("FieldValueForbidden");
  });

  test("there are not more than anyone reads", () => {
    const schema = object({ spec: object({ l: { ...list(ruled(integer, "self > 0")), maxItems: 1000 } }) });
    const found = compileRules(schema).check(
      { spec: { l: Array.from({ length: 1000 }, () => 0) } },
      undefined,
    );
    expect(found).toHaveLength(50);
  });
});

describe("rulesSkipped: rules do not run on what the schema refused", () => {
  test.each([
    ["FieldValueRequired", true],
    ["FieldValueTypeInvalid", true],
    ["FieldValueNotSupported", true],
    ["FieldValueInvalid", false],
  ] as const)("%s: %s", (reason, isSkipped) => {
    const skipped = rulesSkipped([{ reason, field: "spec", message: "" }]);
    expect(skipped?.field).toBe(isSkipped ? "<nil>" : undefined);
  });
});
