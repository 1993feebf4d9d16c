import { expect, test } from "bun:test";
import { applyPatch, defaultControls } from "./controls.ts";

test("a patch sets what it names and nothing else", () => {
  const controls = defaultControls();
  applyPatch(controls, { accessLifetimeSeconds: 5, discoveredOrigin: "http://localhost:1" });
  expect(controls).toEqual({
    ...defaultControls(),
    accessLifetimeSeconds: 5,
    discoveredOrigin: "http://localhost:1",
  });
});

test.each<[string, object, string]>([
  ["a misspelt name", { acessLifetimeSeconds: 5 }, "no such control: acessLifetimeSeconds"],
  ["an unknown choice", { authorize: "allow" }, "authorize: want one of approve, page"],
  ["a wrong type", { accessLifetimeSeconds: "5" }, "accessLifetimeSeconds: want number"],
  ["no list", { callbackPorts: 9999 }, "callbackPorts: want array"],
  ["an unknown endpoint", { delayMs: { tokens: 5 } }, "delayMs: no such endpoint: tokens"],
  ["an endless delay", { delayMs: { token: "5" } }, "delayMs.token: want milliseconds"],
  ["an unknown fault", { faults: { token: { kind: "boom" } } }, "faults.token.kind: want one of"],
  ["a fault of no kind", { faults: { token: null } }, "faults.token.kind: want one of"],
  ["no times", { faults: { token: { kind: "empty", times: 0 } } }, "faults.token.times: want 1"],
])("a patch with %s changes nothing", (_, patch, message) => {
  const controls = defaultControls();
  expect(() => applyPatch(controls, { cloud: "gcp", ...patch })).toThrow(message);
  expect(controls).toEqual(defaultControls());
});
