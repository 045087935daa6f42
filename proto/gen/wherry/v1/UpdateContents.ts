// Original file: proto/wherry/v1/node.proto

import type { TemplateContents as _wherry_v1_TemplateContents, TemplateContents__Output as _wherry_v1_TemplateContents__Output } from '../../wherry/v1/TemplateContents.ts';

export interface UpdateContents {
  'templates'?: (_wherry_v1_TemplateContents)[];
}

export interface UpdateContents__Output {
  'templates': (_wherry_v1_TemplateContents__Output)[];
}
