import type { ResourceDefinition } from "../resource.ts";
import { configMapDefinition } from "./config-map.ts";
import { controllerRevisionDefinition } from "./controller-revision.ts";
import { eventDefinition } from "./event.ts";
import { leaseDefinition } from "./lease.ts";
import { namespaceDefinition } from "./namespace.ts";
import { clusterRoleBindingDefinition, roleBindingDefinition } from "./role-binding.ts";
import { clusterRoleDefinition, roleDefinition } from "./role.ts";
import { priorityClassDefinition } from "./priority-class.ts";
import { reportedEventDefinition } from "./reported-event.ts";
import { resourceQuotaDefinition } from "./resource-quota.ts";
import { secretDefinition } from "./secret.ts";
import { serviceAccountDefinition } from "./service-account.ts";

/** Kubernetes' own kinds, as far as Wherry uses them. One descriptor each. */
export const coreKinds: readonly ResourceDefinition[] = [
  namespaceDefinition,
  configMapDefinition,
  secretDefinition,
  eventDefinition,
  reportedEventDefinition,
  roleDefinition,
  clusterRoleDefinition,
  roleBindingDefinition,
  clusterRoleBindingDefinition,
  serviceAccountDefinition,
  leaseDefinition,
  resourceQuotaDefinition,
  priorityClassDefinition,
  controllerRevisionDefinition,
];
