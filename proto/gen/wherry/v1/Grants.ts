// Original file: proto/wherry/v1/node.proto

import type { Grant as _wherry_v1_Grant, Grant__Output as _wherry_v1_Grant__Output } from '../../wherry/v1/Grant.ts';

export interface Grants {
  'hostPaths'?: (_wherry_v1_Grant)[];
  'listen'?: (_wherry_v1_Grant)[];
}

export interface Grants__Output {
  'hostPaths': (_wherry_v1_Grant__Output)[];
  'listen': (_wherry_v1_Grant__Output)[];
}
