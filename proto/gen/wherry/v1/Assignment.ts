// Original file: proto/wherry/v1/node.proto

import type { Owner as _wherry_v1_Owner, Owner__Output as _wherry_v1_Owner__Output } from '../../wherry/v1/Owner.ts';
import type { Long } from '@grpc/proto-loader';

export interface Assignment {
  'uid'?: (string);
  'namespace'?: (string);
  'name'?: (string);
  'owner'?: (_wherry_v1_Owner | null);
  'templateId'?: (string);
  'templateHash'?: (string);
  'cpuMillis'?: (number | string | Long);
  'memoryBytes'?: (number | string | Long);
  'labels'?: ({[key: string]: string});
  'annotations'?: ({[key: string]: string});
  'hasSlot'?: (boolean);
  'completionIndex'?: (number);
  'attempt'?: (number);
  'createdMs'?: (number | string | Long);
  'cpuLimitMillis'?: (number | string | Long);
  'memoryLimitBytes'?: (number | string | Long);
  'hasDeadline'?: (boolean);
  'priority'?: (number);
  'isolation'?: (string);
  'priorityClass'?: (string);
  'claimsJson'?: (string);
  'proof'?: (string);
  'traceparent'?: (string);
}

export interface Assignment__Output {
  'uid': (string);
  'namespace': (string);
  'name': (string);
  'owner': (_wherry_v1_Owner__Output | null);
  'templateId': (string);
  'templateHash': (string);
  'cpuMillis': (number);
  'memoryBytes': (number);
  'labels': ({[key: string]: string});
  'annotations': ({[key: string]: string});
  'hasSlot': (boolean);
  'completionIndex': (number);
  'attempt': (number);
  'createdMs': (number);
  'cpuLimitMillis': (number);
  'memoryLimitBytes': (number);
  'hasDeadline': (boolean);
  'priority': (number);
  'isolation': (string);
  'priorityClass': (string);
  'claimsJson': (string);
  'proof': (string);
  'traceparent': (string);
}
