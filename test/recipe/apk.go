package recipe

import (
	"crypto/sha1" // the sum that apk records, not a protection
	"encoding/base64"
	"fmt"
	"path"
	"strings"
)

// APK is the record of an installed Alpine or Wolfi package.
type APK struct {
	Name, Version string
	// Origin is the source package; the package itself where it is empty.
	Origin      string
	Arch        string
	License     string
	Description string
	// Files that the package owns.
	Files []File
}

// Apk writes apk's database of installed packages, together with their files.
func Apk(apks ...APK) []File { return ApkOnto(nil, apks...) }

// ApkOnto writes what installing apks changes in an image that has the packages
// below: only their own files, but the whole database. A package of the same
// name is replaced.
func ApkOnto(below []APK, apks ...APK) []File {
	installed := map[string]bool{}
	for _, a := range apks {
		installed[a.Name] = true
	}
	var files []File
	var db strings.Builder
	for _, a := range below {
		if !installed[a.Name] {
			db.WriteString(a.record() + "\n")
		}
	}
	for _, a := range apks {
		files = append(files, a.Files...)
		db.WriteString(a.record() + "\n")
	}
	return append(files, Text("lib/apk/db/installed", db.String()))
}

func (a APK) record() string {
	origin := a.Origin
	if origin == "" {
		origin = a.Name
	}
	var s strings.Builder
	fmt.Fprintf(&s, "C:%s\nP:%s\nV:%s\nA:%s\nS:1024\nI:4096\n", apkSum([]byte(a.Name+a.Version)), a.Name, a.Version, a.Arch)
	fmt.Fprintf(&s, "T:%s\nU:https://%s.example.com\nL:%s\no:%s\nt:%d\n", a.Description, origin, a.License, origin, Created.Unix())
	dir := ""
	for _, f := range a.Files {
		if d := path.Dir(f.Path); d != dir {
			fmt.Fprintf(&s, "F:%s\n", d)
			dir = d
		}
		fmt.Fprintf(&s, "R:%s\nZ:%s\n", path.Base(f.Path), apkSum(f.Body))
	}
	return s.String()
}

func apkSum(body []byte) string {
	sum := sha1.Sum(body)
	return "Q1" + base64.StdEncoding.EncodeToString(sum[:])
}
