package match

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	gem "github.com/aquasecurity/go-gem-version"
	npm "github.com/aquasecurity/go-npm-version/pkg"
	pep440 "github.com/aquasecurity/go-pep440-version"
	generic "github.com/aquasecurity/go-version/pkg/version"
	bitnami "github.com/bitnami/go-version/pkg/version"
	apk "github.com/knqyf263/go-apk-version"
	deb "github.com/knqyf263/go-deb-version"
	rpm "github.com/knqyf263/go-rpm-version"
	maven "github.com/masahiro331/go-mvn-version"
)

// ordering parses an installed version. What it returns compares that version
// with another one: the result is negative where the installed one is older.
type ordering func(installed string) (compare func(version string) (int, error), err error)

func debOrder(installed string) (func(string) (int, error), error) {
	have, err := deb.NewVersion(installed)
	if err != nil {
		return nil, fmt.Errorf("parse Debian version %q: %w", installed, err)
	}
	return func(version string) (int, error) {
		other, err := deb.NewVersion(version)
		if err != nil {
			return 0, fmt.Errorf("parse Debian version %q: %w", version, err)
		}
		return have.Compare(other), nil
	}, nil
}

func apkOrder(installed string) (func(string) (int, error), error) {
	have, err := apk.NewVersion(installed)
	if err != nil {
		return nil, fmt.Errorf("parse apk version %q: %w", installed, err)
	}
	return func(version string) (int, error) {
		other, err := apk.NewVersion(version)
		if err != nil {
			return 0, fmt.Errorf("parse apk version %q: %w", version, err)
		}
		return have.Compare(other), nil
	}, nil
}

// rpmOrder compares anything: RPM knows no string that is not a version.
func rpmOrder(installed string) (func(string) (int, error), error) {
	have := rpm.NewVersion(installed)
	return func(version string) (int, error) {
		return have.Compare(rpm.NewVersion(version)), nil
	}, nil
}

// pep440Order regards local versions, which PEP 440's ranges do not.
func pep440Order(installed string) (func(string) (int, error), error) {
	have, err := pep440.Parse(installed)
	if err != nil {
		return nil, fmt.Errorf("parse version %q: %w", installed, err)
	}
	return func(version string) (int, error) {
		other, err := pep440.Parse(version)
		if err != nil {
			return 0, fmt.Errorf("parse version %q: %w", version, err)
		}
		return have.Compare(other), nil
	}, nil
}

// ranging parses an installed version. What it returns says whether that
// version is within a range, and holds the error where it is no version: some
// advisories concern even those.
type ranging func(installed string) (within func(versions string) (bool, error))

func genericRange(installed string) func(string) (bool, error) {
	have, err := generic.Parse(installed)
	if err != nil {
		return noVersion(installed, err)
	}
	return func(versions string) (bool, error) {
		r, err := generic.NewConstraints(versions)
		if err != nil {
			return false, noRange(versions, err)
		}
		return r.Check(have), nil
	}
}

func npmRange(installed string) func(string) (bool, error) {
	have, err := npm.NewVersion(installed)
	if err != nil {
		return noVersion(installed, err)
	}
	return func(versions string) (bool, error) {
		if err := checkBumps(versions); err != nil {
			return false, noRange(versions, err)
		}
		r, err := npm.NewConstraints(versions, npm.WithPreRelease(true))
		if err != nil {
			return false, noRange(versions, err)
		}
		return r.Check(have), nil
	}
}

func pep440Range(installed string) func(string) (bool, error) {
	have, err := pep440.Parse(installed)
	if err != nil {
		return noVersion(installed, err)
	}
	return func(versions string) (bool, error) {
		r, err := pep440.NewSpecifiers(versions, pep440.WithPreRelease(true))
		if err != nil {
			return false, noRange(versions, err)
		}
		return r.Check(have), nil
	}
}

func bitnamiRange(installed string) func(string) (bool, error) {
	have, err := bitnami.Parse(installed)
	if err != nil {
		return noVersion(installed, err)
	}
	return func(versions string) (bool, error) {
		if err := checkBumps(versions); err != nil {
			return false, noRange(versions, err)
		}
		r, err := bitnami.NewConstraints(versions)
		if err != nil {
			return false, noRange(versions, err)
		}
		return r.Check(have), nil
	}
}

func gemRange(installed string) func(string) (bool, error) {
	have, err := gem.NewVersion(installed)
	if err != nil {
		return noVersion(installed, err)
	}
	return func(versions string) (bool, error) {
		if err := checkPessimistic(versions); err != nil {
			return false, noRange(versions, err)
		}
		r, err := gem.NewConstraints(versions)
		if err != nil {
			return false, noRange(versions, err)
		}
		return r.Check(have), nil
	}
}

func mavenRange(installed string) func(string) (bool, error) {
	have, err := maven.NewVersion(installed)
	if err != nil {
		return noVersion(installed, err)
	}
	return func(versions string) (bool, error) {
		r, err := maven.NewComparer(versions)
		if err != nil {
			return false, noRange(versions, err)
		}
		return r.Check(have), nil
	}
}

// comparison is one of a range's: an operator, or none, and a version.
var comparison = regexp.MustCompile(`^(>=|<=|>|<|==|!=|=)?\s*([0-9][0-9a-zA-Z.+~:_-]*)$`)

// rangesOf an ordering. A range's comparisons, between commas or else spaces,
// must all hold, and || separates ranges.
func rangesOf(compares ordering) ranging {
	return func(installed string) func(string) (bool, error) {
		compare, err := compares(installed)
		if err != nil {
			return func(string) (bool, error) { return false, err }
		}
		return func(versions string) (bool, error) {
			for r := range strings.SplitSeq(versions, "||") {
				if holds, err := allHold(compare, r); err != nil || holds {
					return holds, err
				}
			}
			return false, nil
		}
	}
}

func allHold(compare func(string) (int, error), versions string) (bool, error) {
	comparisons := strings.Fields(versions)
	if strings.Contains(versions, ",") {
		comparisons = strings.Split(versions, ",")
	}
	held := 0
	for _, c := range comparisons {
		if c = strings.TrimSpace(c); c == "" {
			continue
		}
		found := comparison.FindStringSubmatch(c)
		if found == nil {
			return false, noRange(versions, fmt.Errorf("%q is no comparison", c))
		}
		order, err := compare(found[2])
		if err != nil || !allows(found[1], order) {
			return false, err
		}
		held++
	}
	if held == 0 {
		return false, noRange(versions, errors.New("it is empty"))
	}
	return true, nil
}

// allows says whether an operator holds of versions in that order.
func allows(operator string, order int) bool {
	switch operator {
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "!=":
		return order != 0
	default:
		return order == 0
	}
}

var bump = regexp.MustCompile(`[~^]\s*v?([0-9xX*|]+)(?:\.([0-9xX*|]+))?(?:\.([0-9xX*|]+))?`)

// checkBumps refuses what makes go-npm-version and its offspring panic: a ~ or ^ before a part
// that is neither a wildcard nor a number of 64 bits.
func checkBumps(versions string) error {
	for _, found := range bump.FindAllStringSubmatch(versions, -1) {
		for _, part := range found[1:] {
			switch part {
			case "", "x", "X", "*":
				continue
			}
			if _, err := strconv.ParseUint(part, 10, 64); err != nil {
				return err
			}
		}
	}
	return nil
}

var pessimistic = regexp.MustCompile(`~>\s*([0-9]+)`)

// checkPessimistic refuses what makes go-gem-version panic: a ~> before a first
// number of more than 64 bits.
func checkPessimistic(versions string) error {
	for _, found := range pessimistic.FindAllStringSubmatch(versions, -1) {
		if _, err := strconv.ParseUint(found[1], 10, 64); err != nil {
			return err
		}
	}
	return nil
}

func noVersion(installed string, err error) func(string) (bool, error) {
	err = fmt.Errorf("parse version %q: %w", installed, err)
	return func(string) (bool, error) { return false, err }
}

func noRange(versions string, err error) error {
	return fmt.Errorf("parse range %q: %w", versions, err)
}
