// Original file: proto/wherry/v1/node.proto

import type { InstanceStatus as _wherry_v1_InstanceStatus, InstanceStatus__Output as _wherry_v1_InstanceStatus__Output } from '../../wherry/v1/InstanceStatus.ts';

export interface StatusBatch {
  'statuses'?: (_wherry_v1_InstanceStatus)[];
}

export interface StatusBatch__Output {
  'statuses': (_wherry_v1_InstanceStatus__Output)[];
}
