package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
)

// key is what a report tells findings apart by.
type key struct{ id, pkg, version, path string }

func (k key) String() string {
	text := k.id + " in " + k.pkg + " " + k.version
	if k.path != "" {
		text += " (" + k.path + ")"
	}
	return text
}

// facts are what is said of a finding.
type facts struct {
	FixedVersion   string
	Severity       string
	SeveritySource string
	Status         string
	VendorIDs      []string
}

type findings map[key]facts

// add a finding. Of two that share a key the one stays whose fixed version is
// the greater string, as Trivy does with those that share even more.
func (f findings) add(k key, said facts) {
	k.path = strings.TrimPrefix(k.path, "/")
	// One writes High, the other HIGH.
	said.Severity = strings.ToUpper(said.Severity)
	slices.Sort(said.VendorIDs)
	if known, ok := f[k]; !ok || said.FixedVersion > known.FixedVersion {
		f[k] = said
	}
}

func readFile(name string, parse func([]byte) (findings, error)) (findings, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	found, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("parse %s: %w", name, err)
	}
	return found, nil
}

func parseOurs(text []byte) (findings, error) {
	var report struct {
		Findings *[]struct {
			facts
			VulnerabilityID, Package, Path, InstalledVersion string
		}
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, err
	}
	if report.Findings == nil {
		return nil, errors.New("it has no findings, not even an empty list of them")
	}
	found := findings{}
	for i, f := range *report.Findings {
		k := key{f.VulnerabilityID, f.Package, f.InstalledVersion, f.Path}
		if k.id == "" || k.pkg == "" {
			return nil, fmt.Errorf("finding %d has no vulnerability or no package", i)
		}
		found.add(k, f.facts)
	}
	return found, nil
}

// result is a target of Trivy's report.
type result struct {
	Target, Class   string
	Vulnerabilities []struct {
		facts
		VulnerabilityID, PkgName, PkgPath, InstalledVersion string
	}
}

func parseTrivy(text []byte) (findings, error) {
	var report struct {
		SchemaVersion int
		Results       []result
	}
	if err := json.Unmarshal(text, &report); err != nil {
		return nil, err
	}
	if report.SchemaVersion != 2 {
		return nil, fmt.Errorf("it has schema version %d, want 2: is it Trivy's?", report.SchemaVersion)
	}
	found := findings{}
	for _, r := range report.Results {
		for i, v := range r.Vulnerabilities {
			k := key{v.VulnerabilityID, v.PkgName, v.InstalledVersion, v.PkgPath}
			if k.id == "" || k.pkg == "" {
				return nil, fmt.Errorf("vulnerability %d of %s has no id or no package", i, r.Target)
			}
			// What was found in one file, such as a program, has its path as the target.
			if k.path == "" && r.Class == "lang-pkgs" {
				k.path = r.Target
			}
			found.add(k, v.facts)
		}
	}
	return found, nil
}
