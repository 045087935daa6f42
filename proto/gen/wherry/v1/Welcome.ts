// Original file: proto/wherry/v1/node.proto


export interface Welcome {
  'heartbeatIntervalMs'?: (number);
  'stopDisconnectedAfterMs'?: (number);
}

export interface Welcome__Output {
  'heartbeatIntervalMs': (number);
  'stopDisconnectedAfterMs': (number);
}
