import { expect, test } from "vitest";
import type { Attributes, Authorizer } from "../authorization/authorizer.ts";
import { impersonate } from "./impersonation.ts";
import type { User } from "./user.ts";

const admin: User = { name: "admin", uid: "", groups: ["system:authenticated"], extra: {} };

/** Allows all but `denied`, and notes what was asked: `group/resource/subresource namespace/name`. */
function authorizer(denied = "") {
  const asked: string[] = [];
  const port: Authorizer = {
    authorize(attributes: Attributes) {
      if (attributes.kind !== "resource" || attributes.verb !== "impersonate") throw new Error("unexpected");
      const { group, resource, subresource, namespace, name } = attributes;
      const text = `${group}/${resource}/${subresource} ${namespace}/${name}`;
      asked.push(text);
      return { allowed: text !== denied, reason: text === denied ? "" : "RBAC" };
    },
  };
  return { port, asked };
}

const everybody = "system:authenticated";
const own = "authentication.k8s.io";

test.each<{ name: string; headers: readonly string[]; user: Partial<User>; asked: readonly string[] }>([
  { name: "no headers", headers: ["Accept", "x", "User-Agent", "impersonate-user"], user: admin, asked: [] },
  {
    name: "a user",
    headers: ["Impersonate-User", "alice"],
    user: { name: "alice", uid: "", groups: [everybody], extra: {} },
    asked: ["/users/ /alice"],
  },
  {
    name: "groups, one with a comma",
    headers: ["impersonate-user", "alice", "IMPERSONATE-GROUP", "dev,ops", "Impersonate-Group", "qa"],
    user: { groups: ["dev,ops", "qa", everybody] },
    asked: ["/users/ /alice", "/groups/ /dev,ops", "/groups/ /qa"],
  },
  {
    name: "the group of everybody",
    headers: ["Impersonate-User", "a", "Impersonate-Group", everybody],
    user: { groups: [everybody] },
    asked: ["/users/ /a", `/groups/ /${everybody}`],
  },
  {
    name: "the group of strangers",
    headers: ["Impersonate-User", "a", "Impersonate-Group", "system:unauthenticated"],
    user: { groups: ["system:unauthenticated"] },
    asked: ["/users/ /a", "/groups/ /system:unauthenticated"],
  },
  {
    name: "nobody",
    headers: ["Impersonate-User", "system:anonymous"],
    user: { name: "system:anonymous", groups: ["system:unauthenticated"] },
    asked: ["/users/ /system:anonymous"],
  },
  {
    name: "a service account",
    headers: ["Impersonate-User", "system:serviceaccount:ns:sa"],
    user: {
      name: "system:serviceaccount:ns:sa",
      groups: ["system:serviceaccounts", "system:serviceaccounts:ns", everybody],
    },
    asked: ["/serviceaccounts/ ns/sa"],
  },
  {
    name: "a service account with groups",
    headers: ["Impersonate-User", "system:serviceaccount:ns:sa", "Impersonate-Group", "g"],
    user: { groups: ["g", everybody] },
    asked: ["/serviceaccounts/ ns/sa", "/groups/ /g"],
  },
  {
    name: "what only looks like a service account",
    headers: ["Impersonate-User", "system:serviceaccount:ns:a:b"],
    user: { groups: [everybody] },
    asked: ["/users/ /system:serviceaccount:ns:a:b"],
  },
  {
    name: "a service account of no namespace",
    headers: ["Impersonate-User", "system:serviceaccount::b"],
    user: { groups: [everybody] },
    asked: ["/users/ /system:serviceaccount::b"],
  },
  {
    name: "a uid and extras",
    headers: [
      "Impersonate-User",
      "a",
      "Impersonate-Extra-Scopes",
      "x",
      "Impersonate-Uid",
      "u-1",
      "impersonate-extra-acme.com%2fproject",
      "p",
      "Impersonate-Extra-scopes",
      "y",
    ],
    user: { uid: "u-1", extra: { scopes: ["x", "y"], "acme.com/project": ["p"] } },
    asked: [
      "/users/ /a",
      `${own}/userextras/scopes /x`,
      `${own}/userextras/scopes /y`,
      `${own}/userextras/acme.com/project /p`,
      `${own}/uids/ /u-1`,
    ],
  },
  {
    name: "an extra that is badly encoded",
    headers: ["Impersonate-User", "a", "Impersonate-Extra-50%", "x"],
    user: { extra: { "50%": ["x"] } },
    asked: ["/users/ /a", `${own}/userextras/50% /x`],
  },
  {
    name: "the first of two users",
    headers: ["Impersonate-User", "a", "Impersonate-User", "b"],
    user: { name: "a" },
    asked: ["/users/ /a"],
  },
  { name: "an empty user", headers: ["Impersonate-User", ""], user: admin, asked: [] },
  {
    name: "a name in UTF-8",
    headers: ["Impersonate-User", Buffer.from("jürgen").toString("latin1")],
    user: { name: "jürgen" },
    asked: ["/users/ /jürgen"],
  },
  {
    name: "an unknown header of the family",
    headers: ["Impersonate-Everything", "yes"],
    user: admin,
    asked: [],
  },
])("impersonate: $name", ({ headers, user, asked }) => {
  const { port, asked: seen } = authorizer();
  expect(impersonate(admin, headers, port)).toMatchObject(user);
  expect(seen).toEqual(asked);
});

test("impersonate: a prototype's name is a key like any other", () => {
  const { port } = authorizer();
  const { extra } = impersonate(admin, ["Impersonate-User", "a", "Impersonate-Extra-__proto__", "x"], port);
  expect(Object.entries(extra)).toEqual([["__proto__", ["x"]]]);
  expect(Object.getPrototypeOf(extra)).toBe(Object.prototype);
});

const all = [
  "Impersonate-User",
  "a",
  "Impersonate-Group",
  "g",
  "Impersonate-Extra-k",
  "v",
  "Impersonate-Uid",
  "u",
];

test.each([
  {
    denied: "/users/ /a",
    headers: all,
    message:
      'users "a" is forbidden: User "admin" cannot impersonate resource "users" in API group "" at the cluster scope',
  },
  {
    denied: "/groups/ /g",
    headers: all,
    message:
      'groups "g" is forbidden: User "admin" cannot impersonate resource "groups" in API group "" at the cluster scope',
  },
  {
    denied: `${own}/userextras/k /v`,
    headers: all,
    message:
      'userextras.authentication.k8s.io "v" is forbidden: User "admin" cannot impersonate resource "userextras/k" in API group "authentication.k8s.io" at the cluster scope',
  },
  {
    denied: `${own}/uids/ /u`,
    headers: all,
    message:
      'uids.authentication.k8s.io "u" is forbidden: User "admin" cannot impersonate resource "uids" in API group "authentication.k8s.io" at the cluster scope',
  },
  {
    denied: "/serviceaccounts/ ns/sa",
    headers: ["Impersonate-User", "system:serviceaccount:ns:sa"],
    message:
      'serviceaccounts "sa" is forbidden: User "admin" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "ns"',
  },
])("impersonate: without the permission for $denied it is forbidden", ({ denied, headers, message }) => {
  const { port } = authorizer(denied);
  expect(() => impersonate(admin, headers, port)).toThrow(message);
});

test.each([
  {
    name: "a group",
    headers: ["Impersonate-Group", "g"],
    message: 'requested [group "g"] without impersonating a user',
  },
  {
    name: "a group, with an empty user",
    headers: ["Impersonate-User", "", "Impersonate-Group", "g"],
    message: "without impersonating a user",
  },
  { name: "an extra", headers: ["Impersonate-Extra-k", "v"], message: 'requested [extra "k"] without' },
  { name: "a uid", headers: ["Impersonate-Uid", "u"], message: 'requested [uid "u"] without' },
  { name: "bytes that are no text", headers: ["Impersonate-User", "\u00ff"], message: "no valid UTF-8" },
])("impersonate: $name alone is a bad request", ({ headers, message }) => {
  const { port, asked } = authorizer();
  expect(() => impersonate(admin, headers, port)).toThrow(message);
  expect(asked).toEqual([]);
});
