// Original file: proto/wherry/v1/node.proto

import type { Long } from '@grpc/proto-loader';

export interface InstanceUsage {
  'uid'?: (string);
  'cpuUs'?: (number | string | Long);
  'memoryBytes'?: (number | string | Long);
  'fuel'?: (number | string | Long);
  'throttledUs'?: (number | string | Long);
  'ageMs'?: (number);
}

export interface InstanceUsage__Output {
  'uid': (string);
  'cpuUs': (number);
  'memoryBytes': (number);
  'fuel': (number);
  'throttledUs': (number);
  'ageMs': (number);
}
