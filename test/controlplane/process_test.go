package controlplane

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

// The test binary plays other programs when it is started under their names.
const (
	roleStarter = "cluster-starter" // starts an API server in a folder, detached or not, prints a line, waits for its input to end
	roleTaken   = "port-taken"      // finds its port taken the first two times, then serves
	roleCrash   = "crash"           // ends at once
	roleSleep   = "sleep"           // does nothing, for long
)

func TestMain(m *testing.M) {
	roles := map[string]func(){roleStarter: playStarter, roleTaken: playPortTaken, roleCrash: playCrash, roleSleep: playSleep}
	if play, ok := roles[filepath.Base(os.Args[0])]; ok {
		play()
		return
	}
	os.Exit(m.Run())
}

func playStarter() {
	options := Options{Dir: os.Args[1], Detached: os.Args[2] == "true", APIOnly: true}
	if _, err := Start(context.Background(), options); err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("started")
	_, _ = os.Stdin.Read(make([]byte, 1))
}

func playPortTaken() {
	dir, address := os.Args[1], os.Args[2]
	attempts := filepath.Join(dir, "attempts")
	before, _ := os.ReadFile(attempts)
	if err := os.WriteFile(attempts, append(before, address+"\n"...), 0o644); err != nil {
		fmt.Println(err)
		os.Exit(2)
	}
	if bytes.Count(before, []byte("\n")) < 2 {
		fmt.Printf("listen tcp %s: bind: address already in use\n", address)
		os.Exit(1)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(http.ResponseWriter, *http.Request) {})
	fmt.Println(http.ListenAndServeTLS(address, filepath.Join(dir, "pki", "serving.crt"), filepath.Join(dir, "pki", "serving.key"), mux))
}

func playCrash() {
	fmt.Println("flag provided but not defined")
	os.Exit(3)
}

func playSleep() { time.Sleep(time.Hour) }

// as links the test binary under a role's name.
func as(t *testing.T, role string) (dir, program string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir = t.TempDir()
	program = filepath.Join(dir, role)
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	return dir, program
}

// bare is a cluster that nothing was started of.
func bare(t *testing.T, assets string) *Cluster {
	t.Helper()
	c, err := newCluster(Options{Dir: t.TempDir(), Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	c.assets = assets
	if _, err := c.makePKI(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func TestListeningTriesAnotherPort(t *testing.T) {
	assets, _ := as(t, roleTaken)
	c := bare(t, assets)
	port, err := c.listening(t.Context(), roleTaken, "/ready", func(port int) []string { return []string{c.dir, hostPort(port)} })
	if err != nil {
		t.Fatal(err)
	}
	attempts, err := os.ReadFile(filepath.Join(c.dir, "attempts"))
	if err != nil {
		t.Fatal(err)
	}
	ports := strings.Fields(string(attempts))
	if len(ports) != 3 || ports[2] != hostPort(port) {
		t.Errorf("tried %v and reports port %d, want the third of three attempts", ports, port)
	}
	if len(c.processes) != 1 {
		t.Errorf("the cluster remembers %d processes, want the one that runs", len(c.processes))
	}
}

func TestListeningReportsACrash(t *testing.T) {
	assets, _ := as(t, roleCrash)
	c := bare(t, assets)
	_, err := c.listening(t.Context(), roleCrash, "/ready", func(int) []string { return []string{c.dir} })
	if err == nil || errors.Is(err, errPortTaken) || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "flag provided") {
		t.Errorf("listening() = %v, want the exit status and the log", err)
	}
}

func TestListeningEndsWithItsContext(t *testing.T) {
	assets, _ := as(t, roleSleep)
	c := bare(t, assets)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, err := c.listening(ctx, roleSleep, "/ready", func(int) []string { return []string{c.dir + "/x"} })
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("listening() = %v, want the deadline", err)
	}
	if err := c.Stop(); err != nil {
		t.Error(err)
	}
	expectNoProcess(t, c.dir)
}

// A port that somebody else answers on is not ours, whatever it answers.
func TestProbeRefusesAnotherServer(t *testing.T) {
	ours, theirs := bare(t, ""), bare(t, "")
	assets, _ := as(t, roleTaken)
	theirs.assets = assets
	port, err := theirs.listening(t.Context(), roleTaken, "/ready", func(port int) []string { return []string{theirs.dir, hostPort(port)} })
	if err != nil {
		t.Fatal(err)
	}
	var unknown x509.UnknownAuthorityError
	if err := ours.probe(t.Context(), "https://"+hostPort(port)+"/ready"); !errors.As(err, &unknown) {
		t.Errorf("probe() of another cluster = %v, want an unknown authority", err)
	}
	if err := theirs.probe(t.Context(), "https://"+hostPort(port)+"/absent"); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("probe() of an absent path = %v, want 404", err)
	}
}

func TestStopDirSparesOtherProcesses(t *testing.T) {
	_, program := as(t, roleSleep)
	dir := t.TempDir()
	other := exec.Command(program, dir+"-other/file")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := other.Process.Kill(); err != nil {
			t.Errorf("the other process was ended: %v", err)
		}
		_ = other.Wait()
	})
	// As after a reboot, when the number belongs to somebody else.
	file := filepath.Join(dir, "etcd"+pidSuffix)
	if err := os.WriteFile(file, []byte(strconv.Itoa(other.Process.Pid)), 0o644); err != nil {
		t.Fatal(err)
	}
	if Running(dir) {
		t.Error("Running() = true for a process of somebody else")
	}
	if err := StopDir(dir); err != nil {
		t.Error(err)
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("StopDir() ended a process of somebody else: %v", err)
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the pid file is still there: %v", err)
	}
}

func TestStopDirRefusesNonsense(t *testing.T) {
	for name, content := range map[string]string{"empty": "", "word": "all", "everybody": "-1", "init": "1"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "etcd"+pidSuffix), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := StopDir(dir); err == nil {
				t.Error("StopDir() = nil")
			}
		})
	}
}

func TestOptionsThatContradict(t *testing.T) {
	for name, options := range map[string]Options{
		"nodes without a scheduler":   {APIOnly: true, KWOKNodes: []Node{{Name: "a"}}},
		"detached without a folder":   {Detached: true},
		"a folder below a plain file": {Dir: filepath.Join(os.Args[0], "x")},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Start(t.Context(), options); err == nil {
				t.Error("Start() = nil")
			}
		})
	}
}

func TestPKI(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	keys, err := newPKI(now)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(keys.ca) {
		t.Fatal("the authority is no certificate")
	}
	parse := func(content []byte) *x509.Certificate {
		block, _ := pem.Decode(content)
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		return cert
	}
	later := now.Add(certificateLifetime - time.Hour)
	serving, admin := parse(keys.serving.cert), parse(keys.admin.cert)
	for _, host := range []string{loopback, "localhost", serviceIP.String()} {
		if _, err := serving.Verify(x509.VerifyOptions{Roots: roots, DNSName: host, CurrentTime: later}); err != nil {
			t.Errorf("serving %s: %v", host, err)
		}
	}
	if _, err := admin.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: later, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Errorf("admin: %v", err)
	}
	if got := admin.Subject.Organization; len(got) != 1 || got[0] != "system:masters" {
		t.Errorf("admin is in %v", got)
	}
	dir := t.TempDir()
	if err := keys.write(dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.key"))
	if err != nil || len(files) != 3 {
		t.Fatalf("keys %v, %v", files, err)
	}
	for _, file := range files {
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v, %v", file, info.Mode(), err)
		}
	}
}

func TestAPIOnly(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an API server")
	}
	cluster, err := Start(t.Context(), Options{APIOnly: true, Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	client := kubernetes.NewForConfigOrDie(cluster.Config())
	createPod(t, client, "waits")
	version, err := client.Discovery().ServerVersion()
	if err != nil || !strings.HasPrefix(version.GitVersion, "v1.") {
		t.Errorf("server version %+v, %v", version, err)
	}
	if err := cluster.Stop(); err != nil {
		t.Errorf("Stop() = %v", err)
	}
	if err := cluster.Stop(); err != nil {
		t.Errorf("second Stop() = %v", err)
	}
	expectNoProcess(t, cluster.dir)
	if _, err := os.Stat(cluster.dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary folder is still there: %v", err)
	}
}

func TestDetachedOutlivesItsStarter(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an API server")
	}
	dir := t.TempDir()
	t.Cleanup(func() {
		if err := StopDir(dir); err != nil {
			t.Error(err)
		}
	})
	end := startElsewhere(t, dir, true)
	end()
	if !Running(dir) {
		t.Fatal("nothing runs after the starter ended")
	}
	config, err := clientcmd.BuildConfigFromFlags("", filepath.Join(dir, "kubeconfig"))
	if err != nil {
		t.Fatal(err)
	}
	createPod(t, kubernetes.NewForConfigOrDie(config), "old")
	if err := StopDir(dir); err != nil {
		t.Error(err)
	}
	expectNoProcess(t, dir)
	if Running(dir) {
		t.Error("Running() = true after StopDir()")
	}
	t.Run("a new cluster in its folder is empty", func(t *testing.T) {
		testRestartIsEmpty(t, dir)
	})
}

func testRestartIsEmpty(t *testing.T, dir string) {
	cluster, err := Start(t.Context(), Options{Dir: dir, APIOnly: true, Log: t.Logf})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	}()
	client := kubernetes.NewForConfigOrDie(cluster.Config())
	pods, err := client.CoreV1().Pods(corev1.NamespaceAll).List(t.Context(), metav1.ListOptions{})
	if err != nil || len(pods.Items) != 0 {
		t.Errorf("pods %v, %v, want none of the cluster before", pods, err)
	}
}

func TestChildrenDieWithTheirParent(t *testing.T) {
	if testing.Short() {
		t.Skip("starts an API server")
	}
	dir := t.TempDir()
	end := startElsewhere(t, dir, false)
	if !Running(dir) {
		t.Fatal("nothing runs while the starter does")
	}
	end()
	await(t, "the children are gone", func(context.Context) (bool, error) { return len(processesOf(t, dir)) == 0, nil })
}

// startElsewhere starts a cluster in another process. That one is killed, without a chance to clean up, by end.
func startElsewhere(t *testing.T, dir string, detached bool) (end func()) {
	t.Helper()
	_, program := as(t, roleStarter)
	starter := exec.Command(program, dir, strconv.FormatBool(detached))
	input, err := starter.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := starter.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	starter.Stderr = os.Stderr
	if err := starter.Start(); err != nil {
		t.Fatal(err)
	}
	end = func() {
		_ = starter.Process.Kill()
		_ = starter.Wait() // its exit status is the signal's
		_ = input.Close()
	}
	line := make([]byte, 4096)
	n, err := output.Read(line)
	if err != nil || string(line[:n]) != "started\n" {
		end()
		t.Fatalf("the starter says %q, %v", line[:n], err)
	}
	return end
}

func TestFreePort(t *testing.T) {
	port, err := freePort()
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", hostPort(port))
	if err != nil {
		t.Fatalf("port %d is not free: %v", port, err)
	}
	defer listener.Close()
}
