// Asks the workspace who it is, through the official SDK: me.cjs COUNT [PROFILE].
// Prints one JSON object a request: the user and the way to authenticate, or the error.
const { WorkspaceClient } = require("@databricks/sdk-experimental");

async function main(count, profile) {
  const client = new WorkspaceClient(profile ? { profile } : {});
  for (let request = 0; request < Number(count); request += 1) {
    const answer = await client.currentUser.me().then(
      ({ userName }) => ({ user: userName, via: client.config.authType }),
      (error) => ({ error: error.message }),
    );
    console.log(JSON.stringify(answer));
  }
}

main(...process.argv.slice(2));
