package match

import (
	"fmt"
	"regexp"
	"strconv"

	npm "github.com/aquasecurity/go-npm-version/pkg"
	pep440 "github.com/aquasecurity/go-pep440-version"
	generic "github.com/aquasecurity/go-version/pkg/version"
	apk "github.com/knqyf263/go-apk-version"
	deb "github.com/knqyf263/go-deb-version"
)

// ordering parses an installed version. What it returns says whether that
// version is older than another one.
type ordering func(installed string) (olderThan func(version string) (bool, error), err error)

func debOrder(installed string) (func(string) (bool, error), error) {
	have, err := deb.NewVersion(installed)
	if err != nil {
		return nil, fmt.Errorf("parse Debian version %q: %w", installed, err)
	}
	return func(version string) (bool, error) {
		other, err := deb.NewVersion(version)
		if err != nil {
			return false, fmt.Errorf("parse Debian version %q: %w", version, err)
		}
		return have.LessThan(other), nil
	}, nil
}

func apkOrder(installed string) (func(string) (bool, error), error) {
	have, err := apk.NewVersion(installed)
	if err != nil {
		return nil, fmt.Errorf("parse apk version %q: %w", installed, err)
	}
	return func(version string) (bool, error) {
		other, err := apk.NewVersion(version)
		if err != nil {
			return false, fmt.Errorf("parse apk version %q: %w", version, err)
		}
		return have.LessThan(other), nil
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
		if err := checkNPMRange(versions); err != nil {
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

var npmBump = regexp.MustCompile(`[~^]\s*v?([0-9xX*|]+)(?:\.([0-9xX*|]+))?(?:\.([0-9xX*|]+))?`)

// checkNPMRange refuses what makes go-npm-version panic: a ~ or ^ before a part
// that is neither a wildcard nor a number of 64 bits.
func checkNPMRange(versions string) error {
	for _, bump := range npmBump.FindAllStringSubmatch(versions, -1) {
		for _, part := range bump[1:] {
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

func noVersion(installed string, err error) func(string) (bool, error) {
	err = fmt.Errorf("parse version %q: %w", installed, err)
	return func(string) (bool, error) { return false, err }
}

func noRange(versions string, err error) error {
	return fmt.Errorf("parse range %q: %w", versions, err)
}
