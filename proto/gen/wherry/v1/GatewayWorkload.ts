// Original file: proto/wherry/v1/node.proto

import type { GatewayNode as _wherry_v1_GatewayNode, GatewayNode__Output as _wherry_v1_GatewayNode__Output } from '../../wherry/v1/GatewayNode.ts';

export interface GatewayWorkload {
  'uid'?: (string);
  'namespace'?: (string);
  'kind'?: (string);
  'name'?: (string);
  'wakes'?: (boolean);
  'nodes'?: (_wherry_v1_GatewayNode)[];
}

export interface GatewayWorkload__Output {
  'uid': (string);
  'namespace': (string);
  'kind': (string);
  'name': (string);
  'wakes': (boolean);
  'nodes': (_wherry_v1_GatewayNode__Output)[];
}
