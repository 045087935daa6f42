// Original file: proto/wherry/v1/node.proto


export interface ReadyInstances {
  'templateHash'?: (string);
  'count'?: (number);
}

export interface ReadyInstances__Output {
  'templateHash': (string);
  'count': (number);
}
