/** Says why the locks in a folder cannot be used, for files-on-disk.test.ts: `<folder>`. */
import { unusableLocks } from "../../src/commands/auth/storage/files-on-disk.ts";

process.stdout.write(JSON.stringify(unusableLocks(process.argv[2] ?? "")));
