package binaries

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inRepository makes a repository with a control plane's module and an empty cache, and works in it. The official sites are
// the given ones.
func inRepository(t *testing.T, from source) {
	t.Helper()
	top := t.TempDir()
	writeFile(t, filepath.Join(top, "go.mod"), moduleLine)
	kube := filepath.Join(top, "test", "controlplane", "kube")
	writeFile(t, filepath.Join(kube, "go.mod"), "module kube\n\ngo 1.26\n")
	writeFile(t, filepath.Join(kube, "main.go"), `package main

import ("fmt"; "os"; "path/filepath")

func main() { fmt.Print("program ", filepath.Base(os.Args[0])) }
`)
	t.Chdir(top)
	t.Setenv(assetsVariable, "")
	// Go's own cache lies in the user's cache folder too, and a cold one costs a minute.
	goCache, err := exec.Command("go", "env", "GOCACHE").Output()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("GOCACHE", strings.TrimSpace(string(goCache)))
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	before := official
	official = from
	t.Cleanup(func() { official = before })
}

func TestAssetsFromTheEnvironment(t *testing.T) {
	given := t.TempDir()
	for _, name := range programs {
		writeFile(t, filepath.Join(given, name), "given "+name)
	}
	inRepository(t, source{})
	t.Setenv(assetsVariable, given)
	if got, err := Assets(t.Context(), t.Logf); err != nil || got != given {
		t.Errorf("Assets() = %s, %v, want %s", got, err, given)
	}
	if err := os.Remove(filepath.Join(given, Scheduler)); err != nil {
		t.Fatal(err)
	}
	if got, err := Assets(t.Context(), t.Logf, Etcd, APIServer); err != nil || got != given {
		t.Errorf("Assets(etcd, kube-apiserver) = %s, %v, want %s", got, err, given)
	}
}

func TestAssetsCompletesTheEnvironment(t *testing.T) {
	given := t.TempDir()
	for _, name := range []string{Etcd, APIServer, Kubectl} {
		writeFile(t, filepath.Join(given, name), "given "+name)
	}
	writeFile(t, filepath.Join(given, Scheduler), "not executable")
	if err := os.Chmod(filepath.Join(given, Scheduler), 0o644); err != nil {
		t.Fatal(err)
	}
	_, from := newPublisher(t, Version)
	inRepository(t, from)
	t.Setenv(assetsVariable, given)
	got, err := Assets(t.Context(), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range programs {
		want := "given " + name
		if name == ControllerManager || name == Scheduler {
			want = "program " + name
		}
		if content, err := os.ReadFile(filepath.Join(got, name)); err != nil || string(content) != want {
			t.Errorf("%s is %q, %v, want %q", name, content, err, want)
		}
	}
	if again, err := Assets(t.Context(), t.Logf); err != nil || again != got {
		t.Errorf("Assets() again = %s, %v, want %s", again, err, got)
	}
}

func TestAssetsDownloadsOnce(t *testing.T) {
	p, from := newPublisher(t, Version)
	inRepository(t, from)
	got, err := Assets(t.Context(), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	expectPrograms(t, got)
	clear(p.files)
	if again, err := Assets(t.Context(), t.Logf); err != nil || again != got {
		t.Errorf("Assets() without a network = %s, %v, want the cached %s", again, err, got)
	}
}

func TestAssetsBuildsWhereNothingCanBeDownloaded(t *testing.T) {
	p, from := newPublisher(t, Version)
	// The last file of all: what came before must not be left beside what is built.
	delete(p.files, "/"+Version+"/bin/linux/amd64/"+Scheduler)
	inRepository(t, from)
	got, err := Assets(t.Context(), t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(got)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if want := slices.Sorted(slices.Values(append([]string{"kube"}, programs...))); !slices.Equal(names, want) {
		t.Errorf("the folder holds %v, want %v", names, want)
	}
	for _, name := range programs {
		output, err := exec.Command(filepath.Join(got, name)).Output()
		if err != nil || string(output) != "program "+name {
			t.Errorf("%s says %q, %v", name, output, err)
		}
	}
}

func TestAssetsReportsAFailedBuild(t *testing.T) {
	inRepository(t, source{client: official.client, index: "http://127.0.0.1:0/index.yaml"})
	writeFile(t, "test/controlplane/kube/main.go", "package main\n\nfunc main() { undefined() }\n")
	_, err := Assets(t.Context(), t.Logf)
	if err == nil || !strings.Contains(err.Error(), "undefined") {
		t.Errorf("Assets() = %v, want the compiler's message", err)
	}
}

func TestTool(t *testing.T) {
	inRepository(t, source{})
	writeFile(t, "hack/tools/hello/go.mod", "module hello\n\ngo 1.26\n\ntool hello\n")
	writeFile(t, "hack/tools/hello/main.go", "package main\n\nfunc main() { print(\"one\") }\n")
	run := func() (path, output string) {
		path, err := Tool(t.Context(), "hello")
		if err != nil {
			t.Fatal(err)
		}
		combined, err := exec.Command(path).CombinedOutput()
		if err != nil {
			t.Fatal(err)
		}
		return path, string(combined)
	}
	first, output := run()
	if output != "one" {
		t.Errorf("the tool says %q, want one", output)
	}
	if again, _ := run(); again != first {
		t.Errorf("Tool() again = %s, want the cached %s", again, first)
	}
	writeFile(t, "hack/tools/hello/main.go", "package main\n\nfunc main() { print(\"two\") }\n")
	if _, output := run(); output != "two" {
		t.Errorf("after a change the tool says %q, want two", output)
	}
	if _, err := Tool(t.Context(), "absent"); err == nil || !strings.Contains(err.Error(), "hack/tools/absent") {
		t.Errorf("Tool(absent) = %v", err)
	}
}

func TestVersionFlags(t *testing.T) {
	got := versionFlags("v1.36.3")
	for _, want := range []string{
		"-X k8s.io/component-base/version.gitVersion=v1.36.3", "-X k8s.io/component-base/version.gitMinor=36",
		"-X k8s.io/client-go/pkg/version.gitVersion=v1.36.3", "-X k8s.io/client-go/pkg/version.gitMajor=1",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("versionFlags() = %q, lacks %q", got, want)
		}
	}
}

func TestLastLines(t *testing.T) {
	if got := lastLines([]byte("a\nb\nc\n"), 2); got != "b\nc" {
		t.Errorf("lastLines() = %q", got)
	}
	if got := lastLines(nil, 2); got != "" {
		t.Errorf("lastLines() = %q", got)
	}
}
