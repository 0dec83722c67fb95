// Command plimsoll is the operator: it watches every image that runs in a
// cluster and keeps an ImageReport of it true.
package main

import (
	"fmt"
	"os"

	"sigs.k8s.io/controller-runtime/pkg/manager/signals"
)

// version is set when the program is linked, see the Makefile.
var version = "unknown"

func main() {
	if err := newCommand().ExecuteContext(signals.SetupSignalHandler()); err != nil {
		fmt.Fprintln(os.Stderr, "plimsoll:", err)
		os.Exit(1)
	}
}
