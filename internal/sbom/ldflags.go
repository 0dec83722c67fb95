package sbom

import (
	"runtime/debug"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// mainVersion is that of a program's own module. Built from a working directory
// it has none, or only that of a commit: then the version counts that the build
// gave the linker to put in, as by Trivy's rules.
func mainVersion(info *debug.BuildInfo) string {
	version := goVersion(info.Main.Version)
	if version != "" && !strings.HasPrefix(version, "v0.0.0") {
		return version
	}
	for _, setting := range info.Settings {
		if setting.Key == "-ldflags" {
			if stamped := stampedVersion(info.Main.Path, setting.Value); stamped != "" {
				return stamped
			}
		}
	}
	return version
}

// versionPackages are usual names of a package that has the program's version.
var versionPackages = []string{"main", "common", "version", "cmd"}

// stampedVersion chooses among variables named version or ver: one of a command
// of the module's own, else one of a package with a usual name, else any. Two of
// the same rank contradict each other.
func stampedVersion(module, flags string) string {
	var ranks [3][]string
	for variable, value := range stamps(flags) {
		lower := strings.ToLower(variable)
		if !strings.HasSuffix(lower, ".version") && !strings.HasSuffix(lower, ".ver") || !semver.IsValid(value) && !semver.IsValid("v"+value) {
			continue
		}
		_, name, _ := cutLast("/"+lower, "/")
		name, _, _ = strings.Cut(name, ".")
		rank := 2
		if strings.HasPrefix(variable, module+"/cmd/") {
			rank = 0
		} else if slices.Contains(versionPackages, name) {
			rank = 1
		}
		ranks[rank] = append(ranks[rank], value)
	}
	for _, values := range ranks {
		if len(values) > 0 {
			return onlyOne(values)
		}
	}
	return ""
}

func onlyOne(values []string) string {
	if len(values) > 1 {
		return ""
	}
	return values[0]
}

// stamps are the variables that the flag -X of Go's linker sets.
func stamps(flags string) map[string]string {
	set := map[string]string{}
	words := shellWords(flags)
	for i := 0; i < len(words); i++ {
		assignment, ok := strings.CutPrefix(words[i], "-X")
		if !ok {
			continue
		}
		if assignment == "" && i+1 < len(words) {
			i++
			assignment = words[i]
		}
		variable, value, _ := strings.Cut(strings.TrimPrefix(assignment, "="), "=")
		set[strings.Trim(variable, `'"`)] = strings.Trim(value, `'"`)
	}
	return set
}

// shellWords are parted by white space that is not in quotes.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	begun := false
	var quote rune
	for _, r := range line {
		switch {
		case r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, begun = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}
