// Reads and writes an entry as the official Go CLI does, by the same module:
// go-keyring get|set|delete SERVICE ACCOUNT. `set` takes the secret from stdin,
// `get` prints it as it is. Exit code 2: there is no such entry.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/zalando/go-keyring"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: go-keyring get|set|delete SERVICE ACCOUNT")
		os.Exit(1)
	}
	err := run(os.Args[1], os.Args[2], os.Args[3])
	if errors.Is(err, keyring.ErrNotFound) {
		os.Exit(2)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(operation, service, account string) error {
	switch operation {
	case "get":
		secret, err := keyring.Get(service, account)
		if err != nil {
			return err
		}
		_, err = os.Stdout.WriteString(secret)
		return err
	case "set":
		secret, err := io.ReadAll(os.Stdin)
		if err != nil {
			return err
		}
		return keyring.Set(service, account, string(secret))
	case "delete":
		return keyring.Delete(service, account)
	default:
		return fmt.Errorf("unknown operation %q", operation)
	}
}
