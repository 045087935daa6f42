import { describe, expect, test } from "vitest";
import { accept, crd } from "../testing/crds.ts";
import { acceptNames, type TakenNames } from "./accept-names.ts";
import { asCrd, type Crd } from "./crd.ts";

const now = "2026-01-02T03:04:05Z";
const boats: Crd = asCrd(
  accept(crd({ names: { plural: "boats", kind: "Boat", shortNames: ["bo"] } })).object,
);

function taken(names: TakenNames["names"], group = "example.com"): readonly TakenNames[] {
  return [{ group, names }];
}

describe("acceptNames", () => {
  test("free names are accepted, and the kind is established", () => {
    expect(acceptNames(boats, [], now)).toEqual({
      conditions: [
        {
          type: "NamesAccepted",
          status: "True",
          lastTransitionTime: now,
          reason: "NoConflicts",
          message: "no conflicts found",
        },
        {
          type: "Established",
          status: "True",
          lastTransitionTime: now,
          reason: "InitialNamesAccepted",
          message: "the initial names have been accepted",
        },
      ],
      acceptedNames: {
        plural: "boats",
        singular: "boat",
        shortNames: ["bo"],
        kind: "Boat",
        listKind: "BoatList",
      },
      storedVersions: ["v1"],
    });
  });

  test.each([
    {
      name: "plural",
      names: { plural: "boats" },
      reason: "PluralConflict",
      message: '"boats" is already in use',
    },
    {
      name: "plural as a short name",
      names: { shortNames: ["boats"] },
      reason: "PluralConflict",
      message: '"boats" is already in use',
    },
    {
      name: "singular",
      names: { singular: "boat" },
      reason: "SingularConflict",
      message: '"boat" is already in use',
    },
    {
      name: "short name",
      names: { shortNames: ["bo"] },
      reason: "ShortNamesConflict",
      message: '"bo" is already in use',
    },
    { name: "kind", names: { kind: "Boat" }, reason: "KindConflict", message: '"Boat" is already in use' },
    {
      name: "list kind",
      names: { listKind: "BoatList" },
      reason: "ListKindConflict",
      message: '"BoatList" is already in use',
    },
  ])("a taken $name is told", ({ names, reason, message }) => {
    const { conditions } = acceptNames(boats, taken(names), now);
    expect(conditions).toMatchObject([
      { type: "NamesAccepted", status: "False", reason, message },
      { type: "Established", status: "False", reason: "NotAccepted", message: "not all names are accepted" },
    ]);
  });

  test("names of another group are free", () => {
    expect(acceptNames(boats, taken(boats.spec.names, "example.org"), now).conditions).toMatchObject([
      { status: "True" },
      { status: "True" },
    ]);
  });

  test("what was established stays so, and times change with the status only", () => {
    const before = { ...boats, status: acceptNames(boats, [], now) };
    expect(acceptNames(before, [], "2027-01-01T00:00:00Z")).toBe(before.status);
    const renamed = {
      ...before,
      spec: { ...before.spec, names: { ...before.spec.names, shortNames: ["sh"] } },
    };
    const { conditions, acceptedNames } = acceptNames(
      renamed,
      taken({ plural: "sh" }),
      "2027-01-01T00:00:00Z",
    );
    expect(conditions).toMatchObject([
      { type: "NamesAccepted", status: "False", lastTransitionTime: "2027-01-01T00:00:00Z" },
      { type: "Established", status: "True", lastTransitionTime: now },
    ]);
    expect(acceptedNames?.shortNames).toEqual(["bo"]);
  });

  test("Kubernetes' own groups have a condition about their approval", () => {
    const given = crd(
      { group: "boats.k8s.io" },
      { name: "boats.boats.k8s.io", annotations: { "api-approved.kubernetes.io": "unapproved, a test" } },
    );
    expect(acceptNames(asCrd(accept(given).object), [], now).conditions?.[2]).toMatchObject({
      type: "KubernetesAPIApprovalPolicyConformant",
      status: "False",
      reason: "UnapprovedAnnotation",
      message: 'not approved: "unapproved, a test"',
    });
  });
});
