// Original file: proto/wherry/v1/node.proto

import type { Template as _wherry_v1_Template, Template__Output as _wherry_v1_Template__Output } from '../../wherry/v1/Template.ts';
import type { Assignment as _wherry_v1_Assignment, Assignment__Output as _wherry_v1_Assignment__Output } from '../../wherry/v1/Assignment.ts';

export interface Assign {
  'templates'?: (_wherry_v1_Template)[];
  'assignments'?: (_wherry_v1_Assignment)[];
}

export interface Assign__Output {
  'templates': (_wherry_v1_Template__Output)[];
  'assignments': (_wherry_v1_Assignment__Output)[];
}
