package recipe

import "fmt"

// OSRelease writes os-release where distributions keep it, and the link to it.
func OSRelease(id, version, name string) []File {
	body := fmt.Sprintf("PRETTY_NAME=\"%s\"\nNAME=\"%s\"\nVERSION_ID=\"%s\"\nID=%s\n", name, name, version, id)
	return []File{
		Text("usr/lib/os-release", body),
		Symlink("etc/os-release", "../usr/lib/os-release"),
	}
}

// DebianRelease writes the files that name a release of Debian, such as 12.12.
func DebianRelease(major, full string) []File {
	return append(OSRelease("debian", major, "Debian GNU/Linux "+major), Text("etc/debian_version", full+"\n"))
}

// AlpineRelease writes the files that name a release of Alpine, such as 3.21.0,
// and the branch, such as v3.21, that its repositories follow.
func AlpineRelease(full, branch string) []File {
	repositories := fmt.Sprintf("https://dl-cdn.alpinelinux.org/alpine/%[1]s/main\nhttps://dl-cdn.alpinelinux.org/alpine/%[1]s/community\n", branch)
	return append(OSRelease("alpine", full, "Alpine Linux"),
		Text("etc/alpine-release", full+"\n"),
		Text("etc/apk/repositories", repositories))
}

// UbuntuRelease writes the files that name a release of Ubuntu.
func UbuntuRelease(version, codename string) []File {
	lsb := fmt.Sprintf("DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=%s\nDISTRIB_CODENAME=%s\n", version, codename)
	return append(OSRelease("ubuntu", version, "Ubuntu "+version),
		Text("etc/lsb-release", lsb),
		Text("etc/debian_version", "bookworm/sid\n"))
}
