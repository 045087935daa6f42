/** `wasi:http/types.fields` of WASI 0.2, which has no word for fields that are too large. */
import { trap } from "../component-resources.ts";
import { done, ok, type Result } from "../component-values.ts";
import { FieldsBase, type HeaderError } from "../http/fields.ts";
import { limits } from "../limits.ts";

type Changed = Result<undefined, HeaderError>;

export class Fields extends FieldsBase {
  override set(name: string, values: readonly ArrayLike<number>[]): Changed {
    return fitting(super.set(name, values));
  }

  override append(name: string, value: ArrayLike<number>): Changed {
    return fitting(super.append(name, value));
  }

  entries(): [string, Uint8Array][] {
    return this.copyAll();
  }
}

export interface FieldsClass {
  new (): Fields;
}

export function fieldsOf(
  make: FieldsClass,
  entries: readonly (readonly [name: string, value: ArrayLike<number>])[],
): Result<Fields, HeaderError> {
  const fields = new make();
  for (const [name, value] of entries) {
    const appended = fields.append(name, value);
    if (appended.tag === "ok") continue;
    fields[Symbol.dispose]();
    return appended;
  }
  return ok(fields);
}

function fitting(changed: Changed): Changed {
  if (changed.tag === "err" && changed.val.tag === "size-exceeded") {
    trap(
      `add a header field: one message has ${limits.httpFieldsBytesMax} bytes of them at most, ` +
        `all of an instance ${limits.httpBytesMax}`,
    );
  }
  return changed.tag === "ok" ? done : changed;
}
