// Original file: proto/wherry/v1/node.proto

import type { Long } from '@grpc/proto-loader';

export interface Capacity {
  'cpuMillis'?: (number | string | Long);
  'memoryBytes'?: (number | string | Long);
  'instances'?: (number | string | Long);
  'processes'?: (number | string | Long);
  'extended'?: ({[key: string]: number | string | Long});
}

export interface Capacity__Output {
  'cpuMillis': (number);
  'memoryBytes': (number);
  'instances': (number);
  'processes': (number);
  'extended': ({[key: string]: number});
}
