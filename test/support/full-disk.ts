/**
 * Loaded before a program (`node --import`): while the file that WHERRY_TEST_FULL_DISK names is there, no transaction of
 * SQLite can be committed, as on a full disk.
 */
import { existsSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";

const file = process.env["WHERRY_TEST_FULL_DISK"] ?? "";
// oxlint-disable-next-line typescript/unbound-method -- called with its object below
const exec = DatabaseSync.prototype.exec;
DatabaseSync.prototype.exec = function (sql: string): void {
  if (sql === "COMMIT" && existsSync(file))
    throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
  exec.call(this, sql);
};
