/** A process that reads or changes a config file, for the tests of this folder: `<what> …`. */
import { editIni, readIni } from "../../src/config/ini-document.ts";
import { changeConfigFile, loginChanges } from "../../src/config/profiles.ts";

const [what, path = "", lockDirectory = "", name = ""] = process.argv.slice(2);

function reportModules(): void {
  const loaded = Object.keys(require.cache).some((file) =>
    /[\\/]node_modules[\\/]ini[\\/]/.test(file),
  );
  process.stdout.write(loaded ? "with ini\n" : "without ini\n");
}

switch (what) {
  case "modules-after-reading":
    readIni("[a]\nhost = h\n");
    reportModules();
    break;
  case "modules-after-editing":
    await editIni("[a]\n", [{ kind: "set", section: "a", key: "host", value: "h" }]);
    reportModules();
    break;
  case "login":
    await changeConfigFile(
      path,
      (config) =>
        loginChanges(config, name, { host: `https://${name}.example` }, { discovery: false }),
      { lockDirectory },
    );
    break;
}
