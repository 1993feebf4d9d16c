// Asks the workspace who it is, through the official SDK: me COUNT [PROFILE].
// Prints one JSON object a request: the user and the way to authenticate, or the error.
package main

import (
	"context"
	"encoding/json"
	"log"
	"os"
	"strconv"

	"github.com/databricks/databricks-sdk-go/client"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/service/iam"
)

type answer struct {
	User  string `json:"user,omitempty"`
	Via   string `json:"via,omitempty"`
	Error string `json:"error,omitempty"`
}

func main() {
	count, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	settings := &config.Config{}
	if len(os.Args) > 2 {
		settings.Profile = os.Args[2]
	}
	workspace, err := client.New(settings)
	if err != nil {
		log.Fatal(err)
	}
	output := json.NewEncoder(os.Stdout)
	for range count {
		if err := output.Encode(ask(workspace, settings)); err != nil {
			log.Fatal(err)
		}
	}
}

// One service's package: the client of all services takes minutes to compile.
func ask(workspace *client.DatabricksClient, settings *config.Config) answer {
	me, err := iam.NewCurrentUser(workspace).Me(context.Background(), iam.MeRequest{})
	if err != nil {
		return answer{Error: err.Error()}
	}
	return answer{User: me.UserName, Via: settings.AuthType}
}
