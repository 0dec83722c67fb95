package binaries

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"
)

const (
	indexLimit    = 4 << 20 // bytes; the index is well under one MiB
	checksumLimit = 1 << 10 // bytes
	programLimit  = 1 << 30 // bytes for one program or archive; an API server is about 100 MiB
)

// source says where the official programs are published.
type source struct {
	client   *http.Client
	index    string // the list of envtest archives with their SHA-512
	releases string // the folder of Kubernetes releases
	os, arch string
}

// official gives up quickly where there is no way out: no proxy setting is guessed, and
// only connecting and the first answer are timed, as the programs themselves may come slowly.
var official = source{
	client: &http.Client{Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: 30 * time.Second,
	}},
	index:    "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml",
	releases: "https://dl.k8s.io",
	os:       runtime.GOOS,
	arch:     runtime.GOARCH,
}

type archive struct {
	Hash     string `json:"hash"`
	SelfLink string `json:"selfLink"`
}

// fetch fills dir with all programs, each verified against its published checksum.
func (s source) fetch(ctx context.Context, log Logf, dir string) error {
	version, envtest, err := s.find(ctx)
	if err != nil {
		return err
	}
	log("downloading Kubernetes %s for %s/%s", version, s.os, s.arch)
	if err := s.fetchArchive(ctx, envtest, dir); err != nil {
		return err
	}
	for _, name := range []string{ControllerManager, Scheduler} {
		if err := s.fetchProgram(ctx, version, name, dir); err != nil {
			return err
		}
	}
	if missing := missingIn(dir, programs); len(missing) > 0 {
		return fmt.Errorf("download Kubernetes %s: %s is missing", version, strings.Join(missing, ", "))
	}
	return nil
}

// find chooses the envtest archive of Version, or else of the newest patch of the same minor.
func (s source) find(ctx context.Context) (version string, found archive, err error) {
	body, err := s.read(ctx, s.index, indexLimit)
	if err != nil {
		return "", archive{}, fmt.Errorf("download envtest's index: %w", err)
	}
	var index struct {
		Releases map[string]map[string]archive `json:"releases"`
	}
	if err := yaml.Unmarshal(body, &index); err != nil {
		return "", archive{}, fmt.Errorf("parse envtest's index: %w", err)
	}
	var versions []string
	for candidate, archives := range index.Releases {
		if _, ok := archives[s.archiveName(candidate)]; ok && patch(candidate) >= 0 {
			versions = append(versions, candidate)
		}
	}
	if len(versions) == 0 {
		return "", archive{}, fmt.Errorf("envtest's index has no Kubernetes %s for %s/%s", minor, s.os, s.arch)
	}
	version = slices.MaxFunc(versions, func(a, b string) int { return patch(a) - patch(b) })
	if slices.Contains(versions, Version) {
		version = Version
	}
	return version, index.Releases[version][s.archiveName(version)], nil
}

func (s source) archiveName(version string) string {
	return fmt.Sprintf("envtest-%s-%s-%s.tar.gz", version, s.os, s.arch)
}

// minor is Version up to and with its last dot.
var minor = Version[:strings.LastIndex(Version, ".")+1]

// patch is the patch number of a release of our minor, and -1 for any other version.
func patch(version string) int {
	digits, ok := strings.CutPrefix(version, minor)
	if !ok {
		return -1
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return -1
	}
	return n
}

// fetchArchive puts the programs of an envtest archive into dir. The archive is verified as a whole before
// anything in it is looked at.
func (s source) fetchArchive(ctx context.Context, envtest archive, dir string) error {
	file := filepath.Join(dir, "envtest.tar.gz")
	defer os.Remove(file)
	if err := s.download(ctx, envtest.SelfLink, file, sha512.New(), envtest.Hash); err != nil {
		return err
	}
	if err := unpack(file, dir); err != nil {
		return fmt.Errorf("unpack %s: %w", envtest.SelfLink, err)
	}
	return nil
}

func unpack(file, dir string) error {
	compressed, err := os.Open(file)
	if err != nil {
		return err
	}
	defer compressed.Close()
	plain, err := gzip.NewReader(compressed)
	if err != nil {
		return err
	}
	for entries := tar.NewReader(plain); ; {
		entry, err := entries.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		// Only known names are written, so an archive cannot choose a path.
		name := path.Base(entry.Name)
		if entry.Typeflag != tar.TypeReg || !slices.Contains(programs, name) {
			continue
		}
		if err := write(filepath.Join(dir, name), entries); err != nil {
			return err
		}
	}
}

func (s source) fetchProgram(ctx context.Context, version, name, dir string) error {
	url := fmt.Sprintf("%s/%s/bin/%s/%s/%s", s.releases, version, s.os, s.arch, name)
	sum, err := s.read(ctx, url+".sha256", checksumLimit)
	if err != nil {
		return fmt.Errorf("download checksum: %w", err)
	}
	want, _, _ := strings.Cut(strings.TrimSpace(string(sum)), " ")
	return s.download(ctx, url, filepath.Join(dir, name), sha256.New(), want)
}

// download writes url to file and removes the file again when its checksum, in hex, is another one.
func (s source) download(ctx context.Context, url, file string, sum hash.Hash, want string) error {
	body, err := s.get(ctx, url)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := write(file, io.TeeReader(body, sum)); err != nil {
		return fmt.Errorf("download %s: %w", url, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); !strings.EqualFold(got, want) {
		return errors.Join(fmt.Errorf("download %s: checksum is %s, published is %q", url, got, want), os.Remove(file))
	}
	return nil
}

// read returns a small document, or an error where it is longer than limit bytes.
func (s source) read(ctx context.Context, url string, limit int64) ([]byte, error) {
	body, err := s.get(ctx, url)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	content, err := io.ReadAll(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", url, err)
	}
	if int64(len(content)) > limit {
		return nil, fmt.Errorf("read %s: longer than %d bytes", url, limit)
	}
	return content, nil
}

func (s source) get(ctx context.Context, url string) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode != http.StatusOK {
		response.Body.Close()
		return nil, fmt.Errorf("get %s: %s", url, response.Status)
	}
	return response.Body, nil
}

// write makes an executable file of what it reads, up to programLimit bytes.
func write(file string, from io.Reader) error {
	to, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o755)
	if err != nil {
		return err
	}
	n, err := io.Copy(to, io.LimitReader(from, programLimit+1))
	if err == nil && n > programLimit {
		err = fmt.Errorf("%s is longer than %d bytes", filepath.Base(file), programLimit)
	}
	return errors.Join(err, to.Close())
}
