import type { ResourceDefinition } from "../resource.ts";
import { configMapDefinition } from "./config-map.ts";
import { eventDefinition } from "./event.ts";
import { namespaceDefinition } from "./namespace.ts";
import { clusterRoleBindingDefinition, roleBindingDefinition } from "./role-binding.ts";
import { clusterRoleDefinition, roleDefinition } from "./role.ts";
import { secretDefinition } from "./secret.ts";

/** Kubernetes' own kinds, as far as Wherry uses them. One descriptor each. */
export const coreKinds: readonly ResourceDefinition[] = [
  namespaceDefinition,
  configMapDefinition,
  secretDefinition,
  eventDefinition,
  roleDefinition,
  clusterRoleDefinition,
  roleBindingDefinition,
  clusterRoleBindingDefinition,
];
