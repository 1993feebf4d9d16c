/** The system's code of a failed call of node:fs, such as `ENOSPC`; undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string"
    ? error.code
    : undefined;
}

/** Why a call of node:fs or a server of Bun's failed, in the system's words and without the path: "no space left on device". */
export function systemReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const errno = "errno" in error && typeof error.errno === "number" ? error.errno : 0;
  return errnoReason(-errno) ?? codeReason(systemCode(error)) ?? error.message;
}

/** The system's words for a code, which Bun's servers give without a number; else the code itself. */
function codeReason(code: string | undefined): string | undefined {
  const { getSystemErrorMap } = process.getBuiltinModule("node:util");
  const known = [...getSystemErrorMap().values()].find(([name]) => name === code);
  return known?.[1] ?? code;
}

/** The system's words for an errno of a C call, or at least its name. */
export function errnoReason(errno: number): string | undefined {
  // Loaded here: a command that meets no failure, as nearly all do, starts faster without them.
  const { constants } = process.getBuiltinModule("node:os");
  const { getSystemErrorMap } = process.getBuiltinModule("node:util");
  const name = () => Object.entries(constants.errno).find(([, value]) => value === errno)?.[0];
  return getSystemErrorMap().get(-errno)?.[1] ?? name();
}
