// Original file: proto/wherry/v1/node.proto

import type { HeldInstance as _wherry_v1_HeldInstance, HeldInstance__Output as _wherry_v1_HeldInstance__Output } from '../../wherry/v1/HeldInstance.ts';

export interface Inventory {
  'instances'?: (_wherry_v1_HeldInstance)[];
  'done'?: (boolean);
}

export interface Inventory__Output {
  'instances': (_wherry_v1_HeldInstance__Output)[];
  'done': (boolean);
}
