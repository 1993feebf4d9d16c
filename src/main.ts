import { run } from "./cli.ts";
import { isInteractive, systemContext } from "./context.ts";

const argv = process.argv.slice(2);
const context = systemContext(argv);
process.on("SIGINT", () => {
  // After the terminal's `^C`, the shell's prompt begins on a line of its own.
  if (isInteractive(context)) context.stderr.write("\n");
  process.exit(130);
});
process.on("SIGTERM", () => process.exit(143));
run(argv, context).then((code) => process.exit(code));
