// Original file: proto/wherry/v1/node.proto

import type { Module as _wherry_v1_Module, Module__Output as _wherry_v1_Module__Output } from '../../wherry/v1/Module.ts';

export interface ModuleInventory {
  'complete'?: (boolean);
  'modules'?: (_wherry_v1_Module)[];
}

export interface ModuleInventory__Output {
  'complete': (boolean);
  'modules': (_wherry_v1_Module__Output)[];
}
