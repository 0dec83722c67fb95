package match

import (
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/sbom"
)

// supportEnds holds the last day of support by family and release, as Trivy
// has them. never stands for a release that has no such day.
var supportEnds = map[string]map[string]string{
	"alpine": {
		"2.0": "2012-04-01", "2.1": "2012-11-01", "2.2": "2013-05-01", "2.3": "2013-11-01",
		"2.4": "2014-05-01", "2.5": "2014-11-01", "2.6": "2015-05-01", "2.7": "2015-11-01",
		"3.0": "2016-05-01", "3.1": "2016-11-01", "3.2": "2017-05-01", "3.3": "2017-11-01",
		"3.4": "2018-05-01", "3.5": "2018-11-01", "3.6": "2019-05-01", "3.7": "2019-11-01",
		"3.8": "2020-05-01", "3.9": "2020-11-01", "3.10": "2021-05-01", "3.11": "2021-11-01",
		"3.12": "2022-05-01", "3.13": "2022-11-01", "3.14": "2023-05-01", "3.15": "2023-11-01",
		"3.16": "2024-05-23", "3.17": "2024-11-22", "3.18": "2025-05-09", "3.19": "2025-11-01",
		"3.20": "2026-04-01", "3.21": "2026-12-05", "3.22": "2027-04-30", "3.23": "2027-11-01",
		"edge": never,
	},
	"debian": {
		"7": "2018-05-31", "8": "2020-06-30", "9": "2022-06-30", "10": "2024-06-30",
		"11": "2026-08-14", "12": "2028-06-10", "13": never,
	},
	"ubuntu": {
		"4.10": "2006-04-30", "5.04": "2006-10-31", "5.10": "2007-04-13", "6.06": "2011-06-01",
		"6.10": "2008-04-25", "7.04": "2008-10-19", "7.10": "2009-04-18", "8.04": "2013-05-09",
		"8.10": "2010-04-30", "9.04": "2010-10-23", "9.10": "2011-04-29", "10.04": "2015-04-29",
		"10.10": "2012-04-10", "11.04": "2012-10-28", "11.10": "2013-05-09", "12.04": "2019-04-26",
		"12.04-ESM": "2019-04-28", "12.10": "2014-05-16", "13.04": "2014-01-27", "13.10": "2014-07-17",
		"14.04": "2022-04-25", "14.04-ESM": "2024-04-25", "14.10": "2015-07-23", "15.04": "2016-01-23",
		"15.10": "2016-07-22", "16.04": "2021-04-21", "16.04-ESM": "2026-04-29", "16.10": "2017-07-20",
		"17.04": "2018-01-13", "17.10": "2018-07-19", "18.04": "2023-05-31", "18.04-ESM": "2028-03-31",
		"18.10": "2019-07-18", "19.04": "2020-01-18", "19.10": "2020-07-17", "20.04": "2025-05-31",
		"20.04-ESM": "2030-04-30", "20.10": "2021-07-22", "21.04": "2022-01-20", "21.10": "2022-07-14",
		"22.04": "2027-04-23", "22.10": "2023-07-20", "23.04": "2024-01-20", "23.10": "2024-06-30",
		"24.04": "2034-03-31", "24.10": "2025-07-09", "25.04": "2026-01-16", "25.10": "2026-07-01",
		"26.04": "2031-05-31",
	},
	"redhat": {"6": "2024-06-30", "7": never, "8": never, "9": never, "10": never},
	"centos": {"7": "2024-06-30", "8": "2021-12-31"},
	"alma":   {"8": "2029-03-01", "9": "2032-05-31", "10": "2035-05-31"},
	"rocky":  {"8": "2029-05-31", "9": "2032-05-31"},
	"oracle": {"7": "2024-12-31", "8": "2029-07-18", "9": "2032-07-18"},
	"amazon": {"1": "2023-12-31", "2": "2026-06-30", "2023": "2028-03-15"},
	"photon": {"3.0": "2024-03-31", "4.0": "2026-03-31", "5.0": never},
}

const never = "never"

// SupportEnd returns the last second of support of the operating system's
// release, and false where there is none or it is not known.
func SupportEnd(os sbom.OS) (time.Time, bool) {
	os = assume(os)
	return supportEnd(os.Family, supportKey(os))
}

// supportKey returns what the family's releases are called in supportEnds.
func supportKey(os sbom.OS) string {
	switch os.Family {
	case "alpine":
		return minorRelease(os.Release)
	case "debian", "redhat", "centos", "alma", "rocky", "oracle":
		return majorRelease(os.Release)
	case "amazon":
		return amazonRelease(os.Release)
	case "ubuntu":
		if os.ESM {
			return os.Release + "-ESM"
		}
	}
	return os.Release
}

func supportEnd(family, release string) (time.Time, bool) {
	day, ok := supportEnds[family][release]
	if !ok || day == never {
		return time.Time{}, false
	}
	// The tests parse every day of the table.
	start, err := time.Parse(time.DateOnly, day)
	return start.Add(24*time.Hour - time.Second), err == nil
}
