// Original file: proto/wherry/v1/node.proto

import type { StopInstance as _wherry_v1_StopInstance, StopInstance__Output as _wherry_v1_StopInstance__Output } from '../../wherry/v1/StopInstance.ts';

export interface Stop {
  'instances'?: (_wherry_v1_StopInstance)[];
}

export interface Stop__Output {
  'instances': (_wherry_v1_StopInstance__Output)[];
}
