// Original file: proto/wherry/v1/node.proto

import type { Long } from '@grpc/proto-loader';

export interface WorkloadTraffic {
  'uid'?: (string);
  'arrived'?: (number | string | Long);
  'inFlight'?: (number);
  'queued'?: (number);
}

export interface WorkloadTraffic__Output {
  'uid': (string);
  'arrived': (number);
  'inFlight': (number);
  'queued': (number);
}
