package forge

import (
	"context"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/test/controlplane"
)

func TestForge(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	f, err := Start(ctx, Options{Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Stop(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(f.dir); !os.IsNotExist(err) {
			t.Errorf("the folder is still there: %v", err)
		}
	})
	if response, err := http.Get(f.URL + "/assets/js/index.js"); err != nil || response.Body.Close() != nil || response.StatusCode != http.StatusOK {
		t.Errorf("a page's script is missing: %v, %v", response, err)
	}
	if err := f.CreateRepository(ctx, Repository{Name: "shop", Private: true, Files: map[string]string{"a/Dockerfile": "FROM a\n"}}); err != nil {
		t.Fatal(err)
	}
	if err := f.Down(); err != nil {
		t.Fatal(err)
	}
	if err := f.ready(ctx); err == nil {
		t.Error("Gitea answers after Down")
	}
	if err := f.Up(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := f.ReadFile(ctx, "shop", "main", "a/Dockerfile"); err != nil || got != "FROM a\n" {
		t.Errorf("ReadFile() after a restart = %q, %v", got, err)
	}
	if err := f.RevokeBotToken(ctx); err != nil {
		t.Fatal(err)
	}
	old := f.BotToken
	if err := f.RenewBotToken(ctx); err != nil || f.BotToken == old {
		t.Errorf("RenewBotToken() = %v, the token changed: %t", err, f.BotToken != old)
	}
}

func TestDetachedNeedsAFolder(t *testing.T) {
	if _, err := Start(t.Context(), Options{Detached: true}); err == nil {
		t.Error("Start() made a detached Gitea that nobody can find again")
	}
}

func TestStopDirEndsADetachedForge(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()
	dir := t.TempDir()
	f, err := Start(ctx, Options{Dir: dir, Detached: true, Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	if !controlplane.Running(dir) {
		t.Error("Running() does not see the detached Gitea")
	}
	if err := controlplane.StopDir(dir); err != nil {
		t.Fatal(err)
	}
	if err := f.ready(ctx); err == nil {
		t.Error("Gitea answers after StopDir")
	}
}
