package sbom

import (
	"regexp"
	"slices"
	"strings"
)

// maxSecretEnv bounds the names that are kept.
const maxSecretEnv = 100

// secretEnv are the names of the variables that look like secrets, sorted.
func secretEnv(env []string) []string {
	var names []string
	for _, variable := range env {
		name, value, _ := strings.Cut(variable, "=")
		if len(name) <= maxSecretName && legible(name) && looksSecret(name, value) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return names[:min(len(names), maxSecretEnv)]
}

const maxSecretName = 256

var (
	// secretEnds are the ends of words that name a secret, also within one word: DBPASSWORD.
	secretEnds = []string{
		"PASSWORD", "PASSWORDS", "PASSWD", "PASSPHRASE", "SECRET", "SECRETS", "TOKEN", "TOKENS", "APIKEY", "APIKEYS",
		"PRIVATEKEY", "SECRETKEY", "CREDENTIAL", "CREDENTIALS",
	}
	// secretWords name a secret where they stand alone.
	secretWords = []string{"PASS", "PWD"}
	// secretKeys come before the word KEY: a key alone is often a public one.
	secretKeys = []string{"API", "PRIVATE", "ACCESS", "ACCOUNT", "AUTH", "ENCRYPTION", "SIGNING", "MASTER", "SSH", "LICENSE"}
	// settings are words that make a name that of a setting of secrets.
	settings = []string{
		"MIN", "MAX", "NUM", "LENGTH", "LEN", "COUNT", "TTL", "EXPIRE", "EXPIRES", "EXPIRY", "EXPIRATION", "TIMEOUT", "LIFETIME",
		"DURATION", "INTERVAL", "ALGORITHM", "ALG", "POLICY", "ENABLE", "ENABLED", "DISABLE", "DISABLED", "REQUIRE", "REQUIRED", "ALLOW",
	}
	// places end the name of where a secret is, or of what is known of it.
	places = []string{
		"FILE", "FILES", "PATH", "PATHS", "DIR", "FOLDER", "NAME", "NAMES", "ID", "ISSUER", "URL", "URI", "ENDPOINT", "HOST", "TYPE", "FORMAT",
		"HEADER", "PROVIDER", "STORE", "MANAGER", "PREFIX", "SUFFIX", "VERSION", "ENCODING", "FIELD", "USERNAME", "USER", "SERVICE", "SCHEME",
	}
	// noValues are those of a switch, or of nothing.
	noValues = []string{"", "true", "false", "yes", "no", "on", "off", "0", "1", "none", "null", "nil", "unset"}
)

// urlWithPassword is a URL such as postgres://user:password@host.
var urlWithPassword = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*:[^/\s@$]+@`)

func looksSecret(name, value string) bool {
	value = strings.Trim(strings.TrimSpace(value), `"'`)
	// A shell or an orchestrator was to put the value in.
	if slices.Contains(noValues, strings.ToLower(value)) || strings.HasPrefix(value, "$") {
		return false
	}
	return urlWithPassword.MatchString(value) || namesSecret(name, value)
}

func namesSecret(name, value string) bool {
	words := strings.FieldsFunc(strings.ToUpper(name), func(r rune) bool { return r == '_' || r == '-' || r == '.' })
	isSetting := func(word string) bool { return slices.Contains(settings, word) }
	if len(words) == 0 || slices.Contains(places, words[len(words)-1]) || slices.ContainsFunc(words, isSetting) {
		return false
	}
	return slices.ContainsFunc(words, func(word string) bool {
		credentialsFile := strings.HasPrefix(word, "CREDENTIAL") && strings.HasPrefix(value, "/")
		return secretWord(word, len(words)) && !credentialsFile
	}) || hasSecretKey(words)
}

func hasSecretKey(words []string) bool {
	for i, word := range words[1:] {
		if word == "KEY" && slices.Contains(secretKeys, words[i]) {
			return true
		}
	}
	return false
}

func secretWord(word string, words int) bool {
	// PWD alone is the folder that a shell is in.
	if slices.Contains(secretWords, word) {
		return words > 1
	}
	return slices.ContainsFunc(secretEnds, func(end string) bool { return strings.HasSuffix(word, end) })
}
