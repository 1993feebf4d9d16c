/** Runs the backend contract on the Secret Service of the session that this process belongs to. */
import { openLinuxBackend } from "../../src/keyring/linux.ts";
import { contractCases, printContract } from "../contract/backend-contract.ts";

process.exit(await printContract(openLinuxBackend(), contractCases()));
