/**
 * The macOS backend as a program of its own, to be compiled:
 * `probe FOLDER contract` runs the contract on the stand-in in that folder,
 * `probe FOLDER get ACCOUNT MILLISECONDS` asks for one secret, with prompts allowed.
 */
import { KeyringError } from "../../src/keyring/backend.ts";
import { openMacosBackend } from "../../src/keyring/macos.ts";
import { contractCases, printContract } from "../contract/backend-contract.ts";

async function run(): Promise<number> {
  const [folder = "", command, account = "", milliseconds] = process.argv.slice(2);
  const backend = openMacosBackend({
    frameworks: { coreFoundation: `${folder}/CoreFoundation`, security: `${folder}/Security` },
    securityTool: `${folder}/security`,
  });
  if (command === "contract") return printContract(backend, contractCases());
  const deadline = performance.now() + Number(milliseconds);
  try {
    console.log(await backend.get(account, { deadline, interactive: true }));
    return 0;
  } catch (error) {
    console.log(error instanceof KeyringError ? error.code : error);
    return 1;
  }
}

run().then(process.exit);
