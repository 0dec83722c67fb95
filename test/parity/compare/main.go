// Command compare tells where Plimsoll's findings of an image differ from
// Trivy's: in go a report of each, out comes a line for each difference, by kind.
// It judges nothing, and changes no file. The package above says how to use it.
package main

import (
	"fmt"
	"io"
	"os"
)

const (
	exitEqual = iota
	exitDifferent
	exitBadInput
)

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }

func run(args []string, stdout, stderr io.Writer) int {
	if len(args) != 2 {
		fmt.Fprintln(stderr, "usage: go run ./test/parity/compare OURS.json TRIVY.json")
		return exitBadInput
	}
	ours, err := readFile(args[0], parseOurs)
	if err != nil {
		fmt.Fprintf(stderr, "read our report: %v\n", err)
		return exitBadInput
	}
	theirs, err := readFile(args[1], parseTrivy)
	if err != nil {
		fmt.Fprintf(stderr, "read Trivy's report: %v\n", err)
		return exitBadInput
	}
	differences := compare(ours, theirs)
	for _, d := range differences {
		fmt.Fprintln(stdout, d)
	}
	fmt.Fprintf(stdout, "%d differences: %d findings of ours, %d of Trivy's\n", len(differences), len(ours), len(theirs))
	if len(differences) > 0 {
		return exitDifferent
	}
	return exitEqual
}
