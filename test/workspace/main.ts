import { parseArgs } from "node:util";
import { startWorkspace } from "./server.ts";

const { values } = parseArgs({ options: { port: { type: "string", default: "0" } } });
const workspace = await startWorkspace({ port: Number(values.port) });
console.log(workspace.url);
console.error(
  `Switches: POST ${workspace.url}/_workspace/control (test/workspace/README.md). Ctrl-C ends it.`,
);

const { promise: told, resolve } = Promise.withResolvers<void>();
process.once("SIGINT", resolve);
process.once("SIGTERM", resolve);
await told;
await workspace.stop();
