// Original file: proto/wherry/v1/node.proto

import type { Assignment as _wherry_v1_Assignment, Assignment__Output as _wherry_v1_Assignment__Output } from '../../wherry/v1/Assignment.ts';
import type { InstanceStatus as _wherry_v1_InstanceStatus, InstanceStatus__Output as _wherry_v1_InstanceStatus__Output } from '../../wherry/v1/InstanceStatus.ts';

export interface HeldInstance {
  'assignment'?: (_wherry_v1_Assignment | null);
  'status'?: (_wherry_v1_InstanceStatus | null);
}

export interface HeldInstance__Output {
  'assignment': (_wherry_v1_Assignment__Output | null);
  'status': (_wherry_v1_InstanceStatus__Output | null);
}
