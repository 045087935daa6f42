// Original file: proto/wherry/v1/node.proto

import type { NodeCondition as _wherry_v1_NodeCondition, NodeCondition__Output as _wherry_v1_NodeCondition__Output } from '../../wherry/v1/NodeCondition.ts';

export interface NodeConditions {
  'conditions'?: (_wherry_v1_NodeCondition)[];
}

export interface NodeConditions__Output {
  'conditions': (_wherry_v1_NodeCondition__Output)[];
}
