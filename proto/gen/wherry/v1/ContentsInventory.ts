// Original file: proto/wherry/v1/node.proto

import type { HeldContents as _wherry_v1_HeldContents, HeldContents__Output as _wherry_v1_HeldContents__Output } from '../../wherry/v1/HeldContents.ts';

export interface ContentsInventory {
  'templates'?: (_wherry_v1_HeldContents)[];
}

export interface ContentsInventory__Output {
  'templates': (_wherry_v1_HeldContents__Output)[];
}
