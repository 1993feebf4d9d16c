import { run } from "./cli.ts";
import { systemContext } from "./context.ts";

// Settings that a person has for another Bun or Node program. Here the one would print every
// request with its secrets, the other take any certificate.
delete process.env["BUN_CONFIG_VERBOSE_FETCH"];
delete process.env["NODE_TLS_REJECT_UNAUTHORIZED"];

const argv = process.argv.slice(2);
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
run(argv, systemContext(argv)).then((code) => process.exit(code));
