package sbom

import (
	"strings"
	"testing"
)

func TestDetectOS(t *testing.T) {
	release := func(id, version string) string {
		return "NAME=\"Some Linux\"\nID=" + id + "\nVERSION_ID=\"" + version + "\"\n"
	}
	const repositories = "etc/apk/repositories"
	tests := map[string]struct {
		files map[string]string
		want  OS
	}{
		"none": {},
		"alpine": {
			map[string]string{"etc/os-release": release("alpine", "3.20.1"), alpineRelease: "3.20.1\n",
				repositories: "https://dl-cdn.alpinelinux.org/alpine/v3.20/main\nhttps://dl-cdn.alpinelinux.org/alpine/v3.20/community\n"},
			OS{Family: "alpine", Release: "3.20.1", RepositoryFamily: "alpine", RepositoryRelease: "3.20"},
		},
		"alpine, alone": {map[string]string{alpineRelease: "3.22_alpha20250108\n"}, OS{Family: "alpine", Release: "3.22_alpha20250108"}},
		"alpine with edge": {
			map[string]string{alpineRelease: "3.20.1", repositories: "http://x/alpine/v3.20/main\n@edge http://x/alpine/edge/main\nhttp://x/alpine/v3.21/main\n"},
			OS{Family: "alpine", Release: "3.20.1", RepositoryFamily: "alpine", RepositoryRelease: "edge"},
		},
		"highest repository, by number": {
			map[string]string{repositories: "http://x/alpine/v3.9/main\nhttp://mirror.example.com/pub/alpine/v3.20.3/main\nhttp://x/alpine/v3.10/main"},
			OS{Family: "alpine", Release: "3.20", RepositoryFamily: "alpine", RepositoryRelease: "3.20"},
		},
		"repositories of another family": {map[string]string{alpineRelease: "3.20.1", repositories: "http://x/other/v4.0/main"}, OS{Family: "alpine", Release: "3.20.1"}},
		"repositories of two families": {
			map[string]string{alpineRelease: "3.20.1", repositories: "http://x/alpine/v3.21/main\nhttp://x/other/v4.0/main"},
			OS{Family: "alpine", Release: "3.20.1"},
		},
		"repositories without a number": {map[string]string{alpineRelease: "3.20.1", repositories: "#http://x/alpine/edge/main\nhttp://x/alpine/latest-stable/main\n/media/cdrom\n"}, OS{Family: "alpine", Release: "3.20.1"}},
		"debian": {
			map[string]string{"usr/lib/os-release": release("debian", "12"), debianVersion: "12.5\n"},
			OS{Family: "debian", Release: "12.5"},
		},
		"debian testing":        {map[string]string{"etc/os-release": "ID=debian\n", debianVersion: "trixie/sid\n"}, OS{Family: "debian", Release: "trixie/sid"}},
		"debian, os-release":    {map[string]string{"etc/os-release": release("debian", "12")}, OS{Family: "debian", Release: "12"}},
		"ubuntu":                {map[string]string{"etc/os-release": release("ubuntu", "22.04"), debianVersion: "bookworm/sid\n"}, OS{Family: "ubuntu", Release: "22.04"}},
		"ubuntu, lsb-release":   {map[string]string{"etc/lsb-release": "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=14.04\n", debianVersion: "jessie/sid\n"}, OS{Family: "ubuntu", Release: "14.04"}},
		"lsb-release of others": {map[string]string{"etc/lsb-release": "DISTRIB_ID=LinuxMint\nDISTRIB_RELEASE=21\n", debianVersion: "12.1"}, OS{Family: "debian", Release: "12.1"}},
		"ubuntu with ESM": {
			map[string]string{"etc/os-release": release("ubuntu", "18.04"),
				"var/lib/ubuntu-advantage/status.json": `{"services":[{"name":"esm-apps","status":"disabled"},{"name":"esm-infra","status":"enabled"}]}`},
			OS{Family: "ubuntu", Release: "18.04", ESM: true},
		},
		"ubuntu with RapidFort's mark": {
			map[string]string{"etc/lsb-release": "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\n", "usr/share/rapidfort/curated.json": "?"},
			OS{Family: "ubuntu", Release: "22.04", RapidFort: true},
		},
		"ubuntu without ESM": {
			map[string]string{"etc/os-release": release("ubuntu", "18.04"),
				"var/lib/ubuntu-advantage/status.json": `{"services":[{"name":"esm-apps","status":"enabled"},{"name":"esm-infra","status":"disabled"}]}`},
			OS{Family: "ubuntu", Release: "18.04"},
		},
		"ESM of another system": {
			map[string]string{debianVersion: "12", "var/lib/ubuntu-advantage/status.json": `{"services":[{"name":"esm-infra","status":"enabled"}]}`},
			OS{Family: "debian", Release: "12"},
		},
		"wolfi":            {map[string]string{"etc/os-release": release("wolfi", "20230201"), repositories: "https://packages.wolfi.dev/os\n"}, OS{Family: "wolfi", Release: "20230201"}},
		"chainguard":       {map[string]string{"etc/os-release": release("chainguard", "20230214")}, OS{Family: "chainguard", Release: "20230214"}},
		"red hat":          {map[string]string{"etc/os-release": release("rhel", "9.4")}, OS{Family: "redhat", Release: "9.4"}},
		"red hat, old":     {map[string]string{"etc/redhat-release": "Red Hat Enterprise Linux Server release 6.10 (Santiago)\n"}, OS{Family: "redhat", Release: "6.10"}},
		"centos, old":      {map[string]string{"etc/centos-release": "CentOS release 6.10 (Final)", "etc/redhat-release": "CentOS release 6.10 (Final)"}, OS{Family: "centos", Release: "6.10"}},
		"centos stream":    {map[string]string{"etc/os-release": "NAME=\"CentOS Stream\"\nID=\"centos\"\nVERSION_ID=\"9\"\n"}, OS{Family: "centos-stream", Release: "9"}},
		"oracle":           {map[string]string{"etc/oracle-release": "Oracle Linux Server release 8.9", "etc/redhat-release": "Red Hat Enterprise Linux release 8.9 (Ootpa)"}, OS{Family: "oracle", Release: "8.9"}},
		"amazon":           {map[string]string{"etc/system-release": "Amazon Linux AMI release 2018.03"}, OS{Family: "amazon", Release: "2018.03"}},
		"suse":             {map[string]string{"etc/os-release": release("sles", "15.5")}, OS{Family: "sles", Release: "15.5"}},
		"unknown":          {map[string]string{"etc/os-release": release("templeos", "5")}, OS{}},
		"etc goes first":   {map[string]string{"etc/os-release": release("alma", "1") + release("x", "2"), "usr/lib/os-release": release("photon", "5.0")}, OS{Family: "photon", Release: "5.0"}},
		"single quotes":    {map[string]string{"etc/os-release": "ID='rocky'\nVERSION_ID='9.3'\n"}, OS{Family: "rocky", Release: "9.3"}},
		"empty files":      {map[string]string{"etc/os-release": "", alpineRelease: "", debianVersion: "\n", "etc/lsb-release": "", "etc/redhat-release": "", repositories: ""}, OS{}},
		"redhat, nonsense": {map[string]string{"etc/redhat-release": "Welcome, this is release day", "etc/system-release": "release"}, OS{}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var items []item
			for path, content := range test.files {
				items = append(items, file(path, content))
			}
			img := squash(t, items)
			if img.OS != test.want {
				t.Errorf("system is %+v, want %+v", img.OS, test.want)
			}
			if len(img.Unread) > 0 {
				t.Errorf("unread: %v", img.Unread)
			}
		})
	}
}

// The parts may come from several layers, and the upper one's count.
func TestDetectOSOverLayers(t *testing.T) {
	lower := []item{
		file("usr/lib/os-release", "ID=debian\nVERSION_ID=11\n"), symlink("etc/os-release", "../usr/lib/os-release"),
		file(debianVersion, "11.9\n"),
	}
	upgrade := []item{file("usr/lib/os-release", "ID=debian\nVERSION_ID=12\n"), file(debianVersion, "12.1\n")}
	if got, want := squash(t, lower, upgrade).OS, (OS{Family: "debian", Release: "12.1"}); got != want {
		t.Errorf("after an upgrade the system is %+v, want %+v", got, want)
	}
	if got := squash(t, lower, []item{whiteout(".wh.usr"), whiteout(".wh.etc")}).OS; got != (OS{}) {
		t.Errorf("after a removal the system is %+v", got)
	}
	override := []item{file("etc/os-release", "ID=ubuntu\nVERSION_ID=24.04\n")}
	if got, want := squash(t, lower, override).OS, (OS{Family: "ubuntu", Release: "24.04"}); got != want {
		t.Errorf("with etc/os-release in place of the link the system is %+v, want %+v", got, want)
	}
}

func FuzzDetectOS(f *testing.F) {
	f.Add("etc/os-release", "ID=alpine\nVERSION_ID=3.20.1\n")
	f.Add("etc/lsb-release", "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\n")
	f.Add("etc/redhat-release", "CentOS Linux release 7.9.2009 (Core)\n")
	f.Add("etc/apk/repositories", "https://dl-cdn.alpinelinux.org/alpine/v3.20/main\n@edge http://x/alpine/edge/main\n")
	f.Add("var/lib/ubuntu-advantage/status.json", `{"services":[{"name":"esm-infra","status":"enabled"}]}`)
	f.Fuzz(func(t *testing.T, path, content string) {
		for _, part := range systemFiles {
			if part.path != path {
				continue
			}
			os, _ := part.read(strings.NewReader(content))
			got := detectOS(view{path: {File: File{OS: os}}})
			if (got.Family == "") != (got.Release == "") || (got.RepositoryFamily == "") != (got.RepositoryRelease == "") {
				t.Errorf("%s %q gives half a system: %+v", path, content, got)
			}
			if got.RepositoryFamily != "" && got.RepositoryFamily != "alpine" {
				t.Errorf("%q gives repositories of %q", content, got.RepositoryFamily)
			}
		}
	})
}
