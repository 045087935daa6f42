// Original file: proto/wherry/v1/node.proto

import type { Long } from '@grpc/proto-loader';

export interface Heartbeat {
  'rssBytes'?: (number | string | Long);
  'instances'?: (number);
}

export interface Heartbeat__Output {
  'rssBytes': (number);
  'instances': (number);
}
