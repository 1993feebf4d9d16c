import { expect, test } from "bun:test";
import { systemReason } from "../../src/files/system-error.ts";

/** What `work` throws. */
function thrownBy(work: () => unknown): unknown {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error("nothing was thrown");
}

test("a server that cannot listen says why in the system's words alone", () => {
  // An address for documentation (RFC 5737), which no machine has.
  const error = thrownBy(() =>
    Bun.serve({ hostname: "203.0.113.9", port: 0, fetch: () => new Response() }),
  );
  expect(systemReason(error)).toBe("address not available");
});

test("a code without a number has words, too; one that nobody knows stands for itself", () => {
  const coded = (code: string) => Object.assign(new Error("not for people"), { code, errno: 0 });
  expect(systemReason(coded("EACCES"))).toBe("permission denied");
  expect(systemReason(coded("ENOSUCHCODE"))).toBe("ENOSUCHCODE");
});

test("what is no error of the system keeps its own text", () => {
  expect(systemReason(new Error("half a file"))).toBe("half a file");
  expect(systemReason("odd")).toBe("odd");
});
