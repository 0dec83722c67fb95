package vulndb_test

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// swapperDir names the directory in which a process of this test swaps databases.
const swapperDir = "PLIMSOLL_TEST_DATABASE_SWAPPER"

// TestSwapper is the process that TestKilledSwapper kills. It swaps for ever
// between two databases, and says each time which one it has confirmed.
func TestSwapper(t *testing.T) {
	dir := os.Getenv(swapperDir)
	if dir == "" {
		t.Skip("runs as a process of TestKilledSwapper")
	}
	u := newUpdater(t, filepath.Join(dir, "updater"), nil)
	current, err := u.Reopen()
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; ; i++ {
		next, err := u.Update(t.Context(), []vulndb.Source{{Directory: filepath.Join(dir, fmt.Sprint(i%2))}}, true)
		if err == nil {
			err = u.Confirm(next)
		}
		if err != nil {
			t.Fatal(err)
		}
		if current != nil && current != next {
			if err := current.DB.Close(); err != nil {
				t.Fatal(err)
			}
		}
		current = next
		fmt.Printf("confirmed %s\n", next.Revision)
	}
}

// However often a process is killed while it swaps databases, the next one
// opens the one that was confirmed last, whole.
func TestKilledSwapper(t *testing.T) {
	dir := t.TempDir()
	for i := range 2 {
		spec := database.Spec{Built: built.Add(time.Duration(i) * time.Hour), Facts: []recipe.Fact{fact("wolfi", "curl", fmt.Sprint("CVE-", i), `{"FixedVersion":"9"}`)}}
		if err := database.Build(filepath.Join(dir, fmt.Sprint(i)), spec); err != nil {
			t.Fatal(err)
		}
	}
	random := rand.New(rand.NewPCG(1, 4))
	ids := map[image.Digest]string{}
	for range 50 {
		killSwapper(t, dir, 1+random.IntN(8))
		u := newUpdater(t, filepath.Join(dir, "updater"), nil)
		current, err := u.Reopen()
		if err != nil || current == nil {
			t.Fatalf("reopen after a kill: %+v, %v", current, err)
		}
		records, err := current.DB.Records(match.Key{Bucket: "wolfi", Name: "curl"})
		if err != nil || len(records) != 1 || len(records[0].Advisories) != 1 {
			t.Fatalf("records after a kill: %+v, %v", records, err)
		}
		id := records[0].Advisories[0].ID
		if known, ok := ids[current.Revision]; ok && known != id {
			t.Fatalf("revision %s has %s, and had %s", current.Revision, id, known)
		}
		ids[current.Revision] = id
		left, err := os.ReadDir(filepath.Join(dir, "updater"))
		if err != nil || len(left) != 2 {
			t.Errorf("%d entries are left, want the database and what points to it: %v", len(left), err)
		}
		if err := current.DB.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(ids) != 2 {
		t.Errorf("%d databases were found, want both", len(ids))
	}
}

// killSwapper kills a swapper some moment after it has confirmed n databases.
func killSwapper(t *testing.T, dir string, n int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSwapper$")
	command.Env = append(os.Environ(), swapperDir+"="+dir)
	output, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if !strings.HasPrefix(lines.Text(), "confirmed sha256:") {
			t.Fatalf("the swapper says %q", lines.Text())
		}
		if n--; n == 0 {
			if err := command.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := command.Wait(); n > 0 || err == nil {
		t.Fatalf("the swapper ended by itself: %v", err)
	}
}
