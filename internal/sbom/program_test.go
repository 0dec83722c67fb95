package sbom

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func mode(i item, mode int64) item {
	i.Mode = mode
	return i
}

// programLines prints programs as "kind path layer".
func programLines(programs []Program) []string {
	var list []string
	for _, p := range programs {
		layer := strings.TrimLeft(p.Layer.Hex(), "0")
		list = append(list, fmt.Sprintf("%s %s %s", p.Kind, p.Path, layer))
	}
	return list
}

func TestPrograms(t *testing.T) {
	const script = "#!/bin/sh\n"
	busybox := []item{program("bin/busybox", "\x7fELF"), symlink("bin/sh", "/bin/busybox"), symlink("usr/bin/nc", "../../bin/busybox"), symlink("bin/vi", "busybox")}
	// Layer 0 is empty, so that the layers of interest are 1 and above.
	tests := map[string]struct {
		layers [][]item
		want   []string
	}{
		"every kind": {
			layers: [][]item{{
				program("bin/bash", script), program("usr/bin/apt-get", script), program("usr/bin/nc.openbsd", script),
				program("usr/bin/sudo", script), program("usr/sbin/sshd", script), program("usr/local/go/bin/go", script),
			}},
			want: []string{
				"Shell bin/bash 1", "PackageManager usr/bin/apt-get 1", "Netcat usr/bin/nc.openbsd 1", "Sudo usr/bin/sudo 1",
				"Compiler usr/local/go/bin/go 1", "SSHServer usr/sbin/sshd 1",
			},
		},
		"versions in names": {
			layers: [][]item{{program("usr/bin/gcc-12", script), program("usr/bin/pip3.11", script), program("usr/bin/g++-12", script), program("usr/bin/ksh93", script)}},
			want:   []string{"Compiler usr/bin/g++-12 1", "Compiler usr/bin/gcc-12 1", "Shell usr/bin/ksh93 1", "PackageManager usr/bin/pip3.11 1"},
		},
		"folders of installed software": {
			layers: [][]item{{program("opt/java/openjdk/bin/javac", script), program("usr/lib/go-1.22/bin/go", script), program("root/.cargo/bin/rustc", script), symlink("busybox/sh", "/busybox/busybox"), program("busybox/busybox", script)}},
			want: []string{
				"Shell busybox/busybox 1", "Shell busybox/sh 1", "Compiler opt/java/openjdk/bin/javac 1",
				"Compiler root/.cargo/bin/rustc 1", "Compiler usr/lib/go-1.22/bin/go 1",
			},
		},
		"no programs": {
			layers: [][]item{{
				file("bin/bash", script), program("etc/bash", script), program("srv/rootfs/bin/bash", script), dir("usr/bin/sh"),
				program("usr/lib/node_modules/npm/bin/npm", script), program("usr/bin/shasum", script), program("usr/bin/bashbug", script),
			}},
		},
		"links to busybox": {
			layers: [][]item{busybox},
			want:   []string{"Shell bin/busybox 1", "Shell bin/sh 1", "Netcat usr/bin/nc 1"},
		},
		"links to a removed busybox": {layers: [][]item{busybox, {whiteout("bin/.wh.busybox")}}},
		"link to a program of no interest": {
			layers: [][]item{{symlink("usr/bin/nc", "/etc/alternatives/nc")}},
			want:   []string{"Netcat usr/bin/nc 1"},
		},
		"link through a linked folder": {
			layers: [][]item{{symlink("bin", "usr/bin"), symlink("usr/sbin", "bin"), program("usr/bin/dash", script), symlink("usr/bin/sh", "/sbin/dash")}},
			want:   []string{"Shell usr/bin/dash 1", "Shell usr/bin/sh 1"},
		},
		"links in a circle": {layers: [][]item{{symlink("bin/sh", "bash"), symlink("bin/bash", "sh")}}},
		"hard link in one layer": {
			layers: [][]item{{program("bin/busybox", script), hardlink("bin/sh", "bin/busybox", 0o644), hardlink("bin/vi", "bin/busybox", 0o755)}},
			want:   []string{"Shell bin/busybox 1", "Shell bin/sh 1"},
		},
		"hard link into a lower layer": {
			layers: [][]item{{program("srv/shell", script)}, {hardlink("bin/sh", "srv/shell", 0o755)}},
			want:   []string{"Shell bin/sh 2"},
		},
		"removed": {layers: [][]item{{program("bin/bash", script), program("bin/sh", script)}, {whiteout("bin/.wh.bash")}, {whiteout(".wh.bin")}}},
		"removed with a folder, and one of them back": {
			layers: [][]item{{program("bin/bash", script), program("bin/sh", script)}, {whiteout("bin/.wh..wh..opq"), program("bin/sh", script)}},
			want:   []string{"Shell bin/sh 1"},
		},
		"back after its removal": {
			layers: [][]item{{program("bin/sh", script)}, {whiteout("bin/.wh.sh")}, {program("bin/sh", script)}},
			want:   []string{"Shell bin/sh 3"},
		},
		"not executable any more": {layers: [][]item{{program("bin/bash", script)}, {file("bin/bash", script)}}},
		"executable by a later layer": {
			layers: [][]item{{file("bin/bash", script)}, {program("bin/bash", script)}},
			want:   []string{"Shell bin/bash 2"},
		},
		"written anew": {
			layers: [][]item{{program("bin/bash", script)}, {program("bin/bash", script+script)}},
			want:   []string{"Shell bin/bash 1"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			img := squash(t, append([][]item{{}}, test.layers...)...)
			if diff := cmp.Diff(test.want, programLines(img.Programs)); diff != "" {
				t.Errorf("programs (-want +got):\n%s", diff)
			}
			if len(img.Unread) > 0 {
				t.Errorf("unread: %v", img.Unread)
			}
		})
	}
}

// A program may bring packages, too.
func TestProgramWithPackages(t *testing.T) {
	img := squash(t, []item{program("usr/local/go/bin/go", goBinary(t))}, []item{hardlink("usr/local/bin/go", "usr/local/go/bin/go", 0o755)})
	want := []Program{
		{Path: "usr/local/bin/go", Kind: ProgramCompiler, Layer: diffID(1)},
		{Path: "usr/local/go/bin/go", Kind: ProgramCompiler, Layer: diffID(0)},
	}
	if diff := cmp.Diff(want, img.Programs); diff != "" {
		t.Errorf("programs (-want +got):\n%s", diff)
	}
	if len(img.Packages) < 2 {
		t.Errorf("packages: %v, want those of the program and of its link", lines(img.Packages))
	}
}

func TestSetuid(t *testing.T) {
	su := mode(program("bin/su", "x"), 0o4755)
	tests := map[string]struct {
		layers [][]item
		want   []string
	}{
		"setuid and setgid": {
			layers: [][]item{{su, mode(file("usr/bin/wall", "x"), 0o2755), mode(program("bin/ls", "x"), 0o755), mode(program("tmp/x", "x"), 0o1755)}},
			want:   []string{"bin/su", "usr/bin/wall"},
		},
		"a folder": {layers: [][]item{{mode(dir("var/mail"), 0o2775)}}},
		"a link":   {layers: [][]item{{mode(symlink("bin/x", "su"), 0o4777)}}},
		"chmod in a later layer": {
			layers: [][]item{{su}, {program("bin/su", "x")}},
		},
		"chmod to it in a later layer": {
			layers: [][]item{{program("bin/su", "x")}, {su}},
			want:   []string{"bin/su"},
		},
		"removed": {layers: [][]item{{su}, {whiteout("bin/.wh.su")}}},
		"hard links": {
			layers: [][]item{{su, hardlink("bin/one", "bin/su", 0o755)}, {hardlink("bin/two", "bin/su", 0o4755)}},
			want:   []string{"bin/one", "bin/su", "bin/two"},
		},
		"a package's file": {
			layers: [][]item{{mode(file("package.json", npm("a", "1.0.0")), 0o6755)}},
			want:   []string{"package.json"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, squash(t, test.layers...).Setuid); diff != "" {
				t.Errorf("setuid files (-want +got):\n%s", diff)
			}
		})
	}
}
