package gitea

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest"
	"github.com/plimsoll-dev/plimsoll/test/forge"
)

// server is the real Gitea that the tests of this package share; each has a repository of its own.
var server *forge.Forge

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute)
	defer cancel()
	var err error
	if server, err = forge.Start(ctx, forge.Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	if err := server.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return code
}

const dockerfile = "build/Dockerfile"

// repository makes one that is named after the test, with a Dockerfile, and returns its name and the bot's client.
func repository(t *testing.T) (string, *Client) {
	t.Helper()
	name := repositoryName(t)
	err := server.CreateRepository(t.Context(), forge.Repository{Name: name, Files: map[string]string{
		dockerfile: "FROM debian:12.1\nRUN true\n", "other.txt": "1\n",
	}})
	if err != nil {
		t.Fatal(err)
	}
	return name, client(t, server.BotToken, name)
}

func repositoryName(t *testing.T) string { return strings.ReplaceAll(t.Name(), "/", "-") }

func client(t *testing.T, token, name string) *Client {
	t.Helper()
	c, err := New(options(token, name))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// options of a repository at the server.
func options(token, name string) Options {
	return Options{HTTPClient: &http.Client{Timeout: time.Minute}, URL: server.URL, Owner: forge.Person, Name: name, Token: token, Now: time.Now}
}

func must[T any](value T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// edit is a commit of ours that follows a commit.
func edit(parent, version string) pullrequest.NewCommit {
	return pullrequest.NewCommit{
		Branch: "plimsoll/debian", Parent: parent, Message: "Move debian to " + version,
		Files: map[string][]byte{dockerfile: []byte("FROM debian:" + version + "\nRUN true\n")},
	}
}
