// Original file: proto/wherry/v1/node.proto


export interface Owner {
  'kind'?: (string);
  'name'?: (string);
  'uid'?: (string);
}

export interface Owner__Output {
  'kind': (string);
  'name': (string);
  'uid': (string);
}
