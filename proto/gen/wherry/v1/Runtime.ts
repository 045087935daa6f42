// Original file: proto/wherry/v1/node.proto


export interface Runtime {
  'name'?: (string);
  'version'?: (string);
  'features'?: (string)[];
}

export interface Runtime__Output {
  'name': (string);
  'version': (string);
  'features': (string)[];
}
