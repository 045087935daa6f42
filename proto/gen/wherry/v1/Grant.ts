// Original file: proto/wherry/v1/node.proto


export interface Grant {
  'namespace'?: (string);
  'value'?: (string);
}

export interface Grant__Output {
  'namespace': (string);
  'value': (string);
}
