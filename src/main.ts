import { run } from "./cli.ts";
import { systemContext } from "./context.ts";

const argv = process.argv.slice(2);
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));
run(argv, systemContext(argv)).then((code) => process.exit(code));
