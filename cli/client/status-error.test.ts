import { expect, test } from "vitest";
import { ApiStatusError, statusText, type Status } from "./status-error.ts";

test.each<{ name: string; status: Status; attempt?: string; expected: string }>([
  {
    name: "conflict",
    status: { reason: "Conflict", message: "the object has been modified" },
    expected: "Error from server (Conflict): the object has been modified",
  },
  {
    name: "with what was tried",
    status: { reason: "BadRequest", message: "strict decoding error" },
    attempt: `error when applying "a.yaml"`,
    expected: `Error from server (BadRequest): error when applying "a.yaml": strict decoding error`,
  },
  {
    name: "one cause",
    status: {
      reason: "Invalid",
      details: {
        kind: "WasmJob",
        name: "x",
        causes: [{ field: "spec.runtime", message: "Unsupported value" }],
      },
    },
    expected: `The WasmJob "x" is invalid: spec.runtime: Unsupported value`,
  },
  {
    name: "equal causes once",
    status: {
      reason: "Invalid",
      details: {
        kind: "K",
        name: "x",
        causes: [
          { field: "a", message: "1" },
          { field: "b", message: "2" },
          { field: "a", message: "1" },
        ],
      },
    },
    expected: `The K "x" is invalid:\n* a: 1\n* b: 2`,
  },
  { name: "nothing known", status: {}, expected: "Error from server: the server answered with HTTP 500" },
])("statusText: $name", ({ status, attempt, expected }) => {
  expect(statusText(new ApiStatusError(status, 500), attempt)).toBe(expected);
});
