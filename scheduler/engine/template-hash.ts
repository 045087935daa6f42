import { createHash } from "node:crypto";
import type { InstanceTemplate } from "../../api/gen/kinds.gen.ts";
import { canonicalJson } from "../core/templates/template-hash.ts";

/** Names a template among those of its workload. */
export function templateHash(template: InstanceTemplate): string {
  return createHash("sha256").update(canonicalJson(template)).digest("hex").slice(0, 10);
}
