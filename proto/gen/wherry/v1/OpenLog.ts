// Original file: proto/wherry/v1/node.proto

import type { Long } from '@grpc/proto-loader';

export interface OpenLog {
  'streamId'?: (string);
  'uid'?: (string);
  'follow'?: (boolean);
  'tailLines'?: (number);
  'sinceMs'?: (number | string | Long);
  'timestamps'?: (boolean);
}

export interface OpenLog__Output {
  'streamId': (string);
  'uid': (string);
  'follow': (boolean);
  'tailLines': (number);
  'sinceMs': (number);
  'timestamps': (boolean);
}
