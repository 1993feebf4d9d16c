import { describe, expect, test } from "bun:test";
import {
  type Description,
  describeSettings,
  renderDescription,
} from "../../src/commands/auth/describe.ts";
import type { Setting } from "../../src/config/resolve.ts";

const fromFile = (value: string): Setting => ({ value, source: { type: "file", name: "/cfg" } });
const fromEnv = (value: string, name: string): Setting => ({
  value,
  source: { type: "env", name },
});

describe("describeSettings", () => {
  const shown = (settings: [string, Setting][], sensitive = false, configFile?: string) =>
    describeSettings({ profile: null, settings: new Map(settings) }, "pat", {
      configFile,
      sensitive,
    });

  const secrets = [
    "token",
    "password",
    "client_secret",
    "azure_client_secret",
    "google_credentials",
    "metadata_service_url",
    "actions_id_token_request_token",
  ];
  test.each(secrets)("%s is masked unless it is asked for", (key) => {
    const setting: [string, Setting][] = [[key, fromFile("secret-1")]];
    expect(shown(setting)[key]?.value).toBe("********");
    expect(shown(setting, true)[key]?.value).toBe("secret-1");
  });

  test("keys that no SDK knows are not shown: they may be secrets of somebody else", () => {
    expect(shown([["refresh_token", fromFile("secret-1")]])).toEqual({});
  });

  test("each setting with its source, and whether it is looked at", () => {
    const settings: [string, Setting][] = [
      ["username", fromEnv("ada", "DATABRICKS_USERNAME")],
      ["token", fromFile("t")],
      ["host", fromFile("https://h.example")],
    ];
    const described = shown(settings, false, "/other");
    expect(Object.keys(described)).toEqual(["config_file", "host", "token", "username"]);
    expect(described["config_file"]?.source.name).toBe("DATABRICKS_CONFIG_FILE");
    expect(described["token"]?.auth_type_mismatch).toBe(false);
    expect(described["username"]).toEqual({
      value: "ada",
      source: { type: "env", name: "DATABRICKS_USERNAME" },
      auth_type_mismatch: true,
    });
  });

  test("while the way to authenticate is not known, nothing is called unused", () => {
    const settings = new Map([["token", fromFile("t")]]);
    const options = { configFile: undefined, sensitive: false };
    const described = describeSettings({ profile: null, settings }, undefined, options);
    expect(described["token"]?.auth_type_mismatch).toBe(false);
  });
});

describe("renderDescription", () => {
  const description: Description = {
    status: "success",
    username: "ada@example.com",
    details: { auth_type: "databricks-cli", host: "https://h.example", configuration: {} },
    token_storage: { mode: "secure", location: "OS keyring", source: "default" },
  };
  const text = (changes: Partial<Description>) =>
    renderDescription({ ...description, ...changes }, (_style, plain) => plain);

  test("what a server or a file says cannot command the terminal", () => {
    const value = "x\x1b[2J";
    const rendered = text({
      username: "\x1b]0;title\x07ada",
      details: {
        auth_type: "pat",
        configuration: {
          host: { ...fromFile(value), auth_type_mismatch: false },
        },
      },
    });
    expect(rendered).not.toContain("\x1b");
    expect(rendered).toContain("\\u001b[2J");
  });

  test("labels and sources are what is styled", () => {
    const configuration = { host: { ...fromFile("h"), auth_type_mismatch: false } };
    const details = { auth_type: "pat", configuration };
    const styled = renderDescription(
      { ...description, details },
      (style, plain) => `<${style}>${plain}</${style}>`,
    );
    expect(styled).toContain("<bold>User:</bold> ada@example.com\n");
    expect(styled).toContain("  ✓ <bold>host</bold>: h <dim>(from /cfg config file)</dim>\n");
  });

  test("a failure takes the place of host, user and way", () => {
    const rendered = text({ status: "error", error: "no" });
    expect(rendered).toBe(
      "Unable to authenticate: no\nToken storage: secure, OS keyring (from default)\n-----\nCurrent configuration:\n",
    );
  });
});
