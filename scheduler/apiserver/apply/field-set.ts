/**
 * Sets of field paths. A set is the very object that FieldsV1 is in JSON, so that printing it costs nothing:
 *
 *   {"f:spec": {".": {}, "f:replicas": {}}}     the fields .spec and .spec.replicas
 *
 * A name is a path element (path-element.ts). What stands under it is {} for a field in the set; with "." for a field in
 * the set that also has fields below it in the set; without "." for one that only has those below it. At the top, {} is
 * the empty set. Sets are immutable and share parts; names are in canonical form and in the order of compareElements.
 */
import { compareElements, showElement, sortByElement } from "./path-element.ts";

export interface FieldSet {
  readonly [element: string]: FieldSet;
}

/** Both the empty set and, below a name, a field without fields below it. */
export const leaf: FieldSet = Object.freeze({});

const self = ".";

export type Entry = readonly [element: string, node: FieldSet];

export function isEmpty(set: FieldSet): boolean {
  for (const _ in set) return false;
  return true;
}

/** Of what stands under a name: whether that field is in the set. */
export function isMember(node: FieldSet): boolean {
  return node[self] !== undefined || isEmpty(node);
}

export function hasChildren(node: FieldSet): boolean {
  for (const element in node) if (element !== self) return true;
  return false;
}

/** What stands under a name, of its parts; undefined when there is nothing. */
export function nodeOf(isSelf: boolean, children: readonly Entry[]): FieldSet | undefined {
  return inOrder(isSelf, ordered(children));
}

function inOrder(isSelf: boolean, children: readonly Entry[]): FieldSet | undefined {
  if (children.length === 0) return isSelf ? leaf : undefined;
  return Object.fromEntries(isSelf ? [[self, leaf], ...children] : children);
}

/** A set, of what stands under its names. */
export function setOf(children: readonly Entry[]): FieldSet {
  return nodeOf(false, children) ?? leaf;
}

export function childrenOf(node: FieldSet): readonly Entry[] {
  return Object.entries(node).filter(([element]) => element !== self);
}

export function asMember(node: FieldSet | undefined): FieldSet {
  if (node === undefined || isMember(node)) return node ?? leaf;
  return { [self]: leaf, ...node };
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b || isEmpty(b)) return a;
  if (isEmpty(a)) return b;
  return unionOfNodes(a, b);
}

/** Of many sets at once: one after the other would copy what is there already again for each. */
export function unionOfAll(sets: readonly FieldSet[]): FieldSet {
  return setOf(childrenOfAll(sets));
}

function childrenOfAll(nodes: readonly FieldSet[]): readonly Entry[] {
  const byElement = new Map<string, FieldSet[]>();
  for (const node of nodes) {
    for (const [element, child] of childrenOf(node)) {
      const others = byElement.get(element);
      if (others) others.push(child);
      else byElement.set(element, [child]);
    }
  }
  return [...byElement].map(([element, [first = leaf, ...others]]) => {
    if (others.length === 0) return [element, first];
    const all = [first, ...others];
    return [element, nodeOf(all.some(isMember), childrenOfAll(all)) ?? leaf];
  });
}

/** Of what stands under the same name in two sets. */
export function unionOfNodes(a: FieldSet, b: FieldSet): FieldSet {
  if (a === b) return a;
  if (isEmpty(a)) return asMember(b);
  if (isEmpty(b)) return asMember(a);
  const [ours, theirs] = [childrenOf(a), childrenOf(b)];
  const children: Entry[] = [];
  let isA = true;
  for (let at = 0, other = 0; at < ours.length || other < theirs.length;) {
    const [one, two] = [ours[at], theirs[other]];
    const order = one && two ? compareElements(one[0], two[0]) : one ? -1 : 1;
    if (order <= 0) at++;
    if (order >= 0) other++;
    const taken = order > 0 ? two : one;
    if (!taken) continue;
    const node = order === 0 && two ? unionOfNodes(taken[1], two[1]) : taken[1];
    if (order > 0 || node !== taken[1]) isA = false;
    children.push([taken[0], node]);
  }
  const isSelf = a[self] !== undefined || b[self] !== undefined;
  if (isA && isSelf === (a[self] !== undefined)) return a;
  return inOrder(isSelf, children) ?? leaf;
}

/** What is in both. */
export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  return setOf(commonChildren(a, b));
}

function commonChildren(a: FieldSet, b: FieldSet): readonly Entry[] {
  const children: Entry[] = [];
  for (const element in a) {
    const [one, other] = [a[element], b[element]];
    if (element === self || one === undefined || other === undefined) continue;
    const node = inOrder(isMember(one) && isMember(other), commonChildren(one, other));
    if (node) children.push([element, node]);
  }
  return children;
}

/** What is in `a` and not in `b`: a field stays in when only fields below it are in `b`, and the other way round. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  if (isEmpty(b)) return a;
  return differenceOfNodes(a, b, false) ?? leaf;
}

/** Gives back `a` itself when nothing goes. */
function differenceOfNodes(a: FieldSet, b: FieldSet, isBelowName: boolean): FieldSet | undefined {
  const wasSelf = isBelowName && isMember(a);
  const isSelf = wasSelf && !isMember(b);
  let isSame = isSelf === wasSelf;
  const children: Entry[] = [];
  for (const element in a) {
    const [one, other] = [a[element], b[element]];
    if (element === self || one === undefined) continue;
    const node = other === undefined ? one : differenceOfNodes(one, other, true);
    if (node !== one) isSame = false;
    if (node) children.push([element, node]);
  }
  return isSame ? a : inOrder(isSelf, children);
}

export function isEqual(a: FieldSet, b: FieldSet): boolean {
  if (a === b) return true;
  let count = 0;
  for (const element in a) {
    const [one, other] = [a[element], b[element]];
    if (one === undefined || other === undefined || !isEqual(one, other)) return false;
    count++;
  }
  for (const _ in b) count--;
  return count === 0;
}

/** `elements` from the top. */
export function has(set: FieldSet, elements: readonly string[]): boolean {
  let node: FieldSet = set;
  for (const element of elements) {
    const next = node[element];
    if (next === undefined) return false;
    node = next;
  }
  return elements.length > 0 && isMember(node);
}

/** The set of the one path. */
export function setOfPath(elements: readonly string[]): FieldSet {
  return elements.reduceRight<FieldSet>((node, element) => ({ [element]: node }), leaf);
}

/** The paths as messages show them, in Kubernetes' order: of each level first its fields, then what is below them. */
export function pathsOf(set: FieldSet): readonly string[] {
  const paths: string[] = [];
  const visit = (node: FieldSet, prefix: string): void => {
    const children = childrenOf(node);
    for (const [element, child] of children) if (isMember(child)) paths.push(prefix + showElement(element));
    for (const [element, child] of children)
      if (hasChildren(child)) visit(child, prefix + showElement(element));
  };
  visit(set, "");
  return paths;
}

function ordered(children: readonly Entry[]): readonly Entry[] {
  for (let at = 1; at < children.length; at++) {
    const [before, after] = [children[at - 1]?.[0] ?? "", children[at]?.[0] ?? ""];
    if (compareElements(before, after) > 0) return sortByElement(children);
  }
  return children;
}
