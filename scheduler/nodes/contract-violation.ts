/** A message that breaks the contract: the session that sent it is closed. */
export class ContractViolation extends Error {
  override readonly name = "ContractViolation";
}
