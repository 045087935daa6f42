// Original file: proto/wherry/v1/node.proto

import type { InstanceUsage as _wherry_v1_InstanceUsage, InstanceUsage__Output as _wherry_v1_InstanceUsage__Output } from '../../wherry/v1/InstanceUsage.ts';

export interface UsageBatch {
  'usages'?: (_wherry_v1_InstanceUsage)[];
}

export interface UsageBatch__Output {
  'usages': (_wherry_v1_InstanceUsage__Output)[];
}
