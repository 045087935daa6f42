// Original file: proto/wherry/v1/node.proto

import type { Long } from '@grpc/proto-loader';

export interface NodeCondition {
  'type'?: (string);
  'status'?: (boolean);
  'reason'?: (string);
  'message'?: (string);
  'transitionMs'?: (number | string | Long);
}

export interface NodeCondition__Output {
  'type': (string);
  'status': (boolean);
  'reason': (string);
  'message': (string);
  'transitionMs': (number);
}
