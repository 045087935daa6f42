// Original file: proto/wherry/v1/node.proto

import type { Termination as _wherry_v1_Termination, Termination__Output as _wherry_v1_Termination__Output } from '../../wherry/v1/Termination.ts';
import type { Long } from '@grpc/proto-loader';

export interface InstanceStatus {
  'uid'?: (string);
  'phase'?: (string);
  'ready'?: (boolean);
  'reason'?: (string);
  'message'?: (string);
  'hasExitCode'?: (boolean);
  'exitCode'?: (number);
  'restarts'?: (number);
  'startedMs'?: (number | string | Long);
  'finishedMs'?: (number | string | Long);
  'lastTermination'?: (_wherry_v1_Termination | null);
  'logsDropped'?: (boolean);
  'sequence'?: (number | string | Long);
  'isolation'?: (string);
  'readyForMs'?: (number | string | Long);
}

export interface InstanceStatus__Output {
  'uid': (string);
  'phase': (string);
  'ready': (boolean);
  'reason': (string);
  'message': (string);
  'hasExitCode': (boolean);
  'exitCode': (number);
  'restarts': (number);
  'startedMs': (number);
  'finishedMs': (number);
  'lastTermination': (_wherry_v1_Termination__Output | null);
  'logsDropped': (boolean);
  'sequence': (number);
  'isolation': (string);
  'readyForMs': (number);
}
