"""Asks the workspace who it is, as MLflow makes its requests: me.py COUNT [PROFILE].

Prints one JSON object a request: the user, or the error.
"""

import json
import sys

from mlflow.utils.databricks_utils import get_databricks_host_creds
from mlflow.utils.rest_utils import http_request

count = int(sys.argv[1])
uri = f"databricks://{sys.argv[2]}" if sys.argv[2:] else "databricks"
for _ in range(count):
    try:
        credentials = get_databricks_host_creds(uri)
        response = http_request(credentials, "/api/2.0/preview/scim/v2/Me", "GET")
        response.raise_for_status()
        answer = {"user": response.json()["userName"]}
    except Exception as error:
        answer = {"error": str(error)}
    print(json.dumps(answer), flush=True)
