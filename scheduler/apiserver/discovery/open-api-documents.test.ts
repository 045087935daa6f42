import { expect, test } from "vitest";
import { OpenApiDocuments } from "./open-api-documents.ts";
import { builtInResources, Registry } from "../registry.ts";
const registry = new Registry(builtInResources());
test("x", () => {
  const d = new OpenApiDocuments(registry, "v1");
  let t = performance.now();
  const i = JSON.parse(d.index.body.toString());
  console.log("v3", performance.now() - t, Object.keys(i.paths).map((p) => [p, d.get(p)?.body.length]));
  t = performance.now();
  console.log("v2", d.swagger.body.length, performance.now() - t);
  t = performance.now();
  console.log("v2pb", d.swaggerProtobuf.body.length, performance.now() - t);
  require("node:fs").writeFileSync("/tmp/openapi-ref/ours-v2.json", d.swagger.body);
  require("node:fs").writeFileSync("/tmp/openapi-ref/ours-v2.pb", d.swaggerProtobuf.body);
  for (const p of Object.keys(i.paths)) require("node:fs").writeFileSync("/tmp/openapi-ref/ours-v3-" + p.replaceAll("/", "_") + ".json", d.get(p)!.body);
});
