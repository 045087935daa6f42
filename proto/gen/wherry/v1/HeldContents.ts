// Original file: proto/wherry/v1/node.proto


export interface HeldContents {
  'templateId'?: (string);
  'contentsId'?: (string);
}

export interface HeldContents__Output {
  'templateId': (string);
  'contentsId': (string);
}
