// Original file: proto/wherry/v1/node.proto


export interface NodeInfo {
  'operatingSystem'?: (string);
  'architecture'?: (string);
  'kernelVersion'?: (string);
}

export interface NodeInfo__Output {
  'operatingSystem': (string);
  'architecture': (string);
  'kernelVersion': (string);
}
