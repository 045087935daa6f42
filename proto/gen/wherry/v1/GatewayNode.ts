// Original file: proto/wherry/v1/node.proto

import type { ReadyInstances as _wherry_v1_ReadyInstances, ReadyInstances__Output as _wherry_v1_ReadyInstances__Output } from '../../wherry/v1/ReadyInstances.ts';

export interface GatewayNode {
  'name'?: (string);
  'address'?: (string);
  'ready'?: (_wherry_v1_ReadyInstances)[];
}

export interface GatewayNode__Output {
  'name': (string);
  'address': (string);
  'ready': (_wherry_v1_ReadyInstances__Output)[];
}
