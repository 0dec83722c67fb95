// Command fetch prints the path of something that tests and make need, after it
// has downloaded or built it: "assets" for the control plane's folder, "gitea"
// for Gitea's, else the name of a tool in hack/tools.
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"

	"github.com/plimsoll-dev/plimsoll/test/controlplane/binaries"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) < 2 {
		log.Fatal("usage: fetch assets|gitea|TOOL...")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	for _, name := range os.Args[1:] {
		path, err := fetch(ctx, name)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(path)
	}
}

func fetch(ctx context.Context, name string) (string, error) {
	switch name {
	case "assets":
		return binaries.Assets(ctx, log.Printf)
	case "gitea":
		return binaries.Gitea(ctx, log.Printf)
	}
	return binaries.Tool(ctx, name)
}
