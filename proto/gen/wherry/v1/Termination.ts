// Original file: proto/wherry/v1/node.proto

import type { Long } from '@grpc/proto-loader';

export interface Termination {
  'reason'?: (string);
  'message'?: (string);
  'hasExitCode'?: (boolean);
  'exitCode'?: (number);
  'finishedMs'?: (number | string | Long);
}

export interface Termination__Output {
  'reason': (string);
  'message': (string);
  'hasExitCode': (boolean);
  'exitCode': (number);
  'finishedMs': (number);
}
