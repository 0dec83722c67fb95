package recipe

import (
	"embed"
	"fmt"
	"strings"
)

// Real packages, as lists that the builders turn into records. Debian's base set
// is that of the release 12.12; its application set was installed later.
//
//go:embed testdata/debian-12.tsv testdata/ubuntu-22.04.tsv testdata/alpine-3.21.tsv
var lists embed.FS

// Debs returns the packages of a set ("base", "app") of testdata/<list>.tsv for
// an architecture in Debian's terms.
func Debs(list, set, arch string) []Deb {
	var debs []Deb
	for _, row := range rows(list) {
		if row["set"] != set {
			continue
		}
		deb := Deb{
			Name: row["package"], Version: row["version"], Source: row["source"], SourceVersion: row["source-version"],
			Arch: arch, MultiArch: row["multi-arch"], Section: row["section"],
			Maintainer: row["maintainer"], Description: row["description"],
		}
		if row["architecture"] == "all" {
			deb.Arch = "all"
		}
		debs = append(debs, deb)
	}
	return debs
}

// APKs returns the packages of a set ("base", "app") of testdata/<list>.tsv for
// an architecture in Alpine's terms.
func APKs(list, set, arch string) []APK {
	var apks []APK
	for _, row := range rows(list) {
		if row["set"] == set {
			apks = append(apks, APK{
				Name: row["package"], Version: row["version"], Origin: row["origin"],
				Arch: arch, License: row["license"], Description: row["description"],
			})
		}
	}
	return apks
}

// rows of an embedded list, by the names in its first line.
func rows(list string) []map[string]string {
	body, err := lists.ReadFile("testdata/" + list + ".tsv")
	if err != nil {
		panic(fmt.Sprintf("read list %s: %v", list, err))
	}
	lines := strings.Split(strings.TrimSuffix(string(body), "\n"), "\n")
	names := strings.Split(lines[0], "\t")
	var all []map[string]string
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, cell := range strings.Split(line, "\t") {
			row[names[i]] = cell
		}
		all = append(all, row)
	}
	return all
}

// pick returns the packages of those names.
func pick(debs []Deb, names ...string) []Deb {
	var picked []Deb
	for _, d := range debs {
		for _, name := range names {
			if d.Name == name {
				picked = append(picked, d)
			}
		}
	}
	return picked
}
