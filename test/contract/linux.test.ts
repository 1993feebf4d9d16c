/** The contract against a real gnome-keyring. */
import { afterAll } from "bun:test";
import { openLinuxBackend } from "../../src/keyring/linux.ts";
import { missingTools, startSession } from "../support/secret-service.ts";
import { describeBackend } from "./describe-backend.ts";

const VARIABLE = "DBUS_SESSION_BUS_ADDRESS";
const before = process.env[VARIABLE];
let close = async () => {};

describeBackend(
  "Secret Service",
  async () => {
    const session = await startSession("unlocked");
    process.env[VARIABLE] = session.env[VARIABLE];
    close = session.close;
    return openLinuxBackend();
  },
  missingTools(),
);

afterAll(async () => {
  await close();
  if (before === undefined) delete process.env[VARIABLE];
  else process.env[VARIABLE] = before;
});
