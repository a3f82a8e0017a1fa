/**
 * An error that the user can mend. Its message is one sentence that names the remedy; the command line prints it on one line, without
 * a stack trace, and exits non-zero.
 */
export class UserError extends Error {
  override name = "UserError";
}
