"""Asks the workspace who it is, through the official SDK: me.py COUNT [PROFILE].

Prints one JSON object a request: the user and the way to authenticate, or the error.
"""

import json
import sys

from databricks.sdk import WorkspaceClient

count, profile = int(sys.argv[1]), (sys.argv[2:] or [None])[0]
client = None
for _ in range(count):
    try:
        client = client or WorkspaceClient(profile=profile)
        user = client.current_user.me().user_name
        answer = {"user": user, "via": client.config.auth_type}
    except Exception as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
