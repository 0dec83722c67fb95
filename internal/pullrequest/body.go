package pullrequest

import (
	"fmt"
	"strings"
)

// BodyInput is what the text of a pull request tells.
type BodyInput struct {
	// By is who writes.
	By Proposer
	// Public repositories are told nothing of findings and workloads.
	Public bool
	// Bases that move; several where they share a pull request.
	Bases []BaseChange
}

// BaseChange is one base that moves.
type BaseChange struct {
	// Repository of the base without a tag.
	Repository string
	From, To   BaseVersion
	// Fixes are the findings of From that To has not, Adds those of To that From has not.
	Fixes, Adds []Finding
	// Files and lines that are changed.
	Files []Position
	// Exposed are lines whose build commands see a changed ARG, too.
	Exposed []Position
	// PassedOver are newer versions that were not taken.
	PassedOver []PassedOver
	// Smaller is a base of another family, as advice. nil: none is known.
	Smaller *SmallerBase
	// Workloads that run it, in the cluster, as namespace/Kind/name.
	Workloads []string
	// Unpredicted counts the findings in layers of applications.
	Unpredicted int
}

// BaseVersion is a tag and the digest that it led to.
type BaseVersion struct{ Tag, Digest string }

// Finding of a base.
type Finding struct {
	// Severity is Critical, High, Medium, Low or Unknown.
	ID, Package, Severity          string
	InstalledVersion, FixedVersion string
	KnownExploited                 bool
}

// Position in a file of the repository. Line 0: the file as a whole.
type Position struct {
	Path string
	Line int
}

// PassedOver says why a version was not taken.
type PassedOver struct{ Tag, Why string }

// SmallerBase has fewer findings.
type SmallerBase struct {
	Reference   string
	Fixes, Adds int
}

const maxBody = 60_000 // bytes, and so no more characters

// cut says how many entries of each list, and how many bases, are told.
type cut struct{ rows, bases int }

// cuts are tried in this order until the text is short enough, which with the last one it always is.
var cuts = []cut{{200, 40}, {100, 40}, {50, 40}, {20, 40}, {5, 40}, {1, 40}, {1, 10}, {1, 2}}

// Body is the text of a pull request, in Markdown, of at most 60,000 characters. Two proposers that know the same of the
// bases write the same, but for the section that each has for itself. Names and versions are shown as code, so
// that nothing in them is a link, a mention or a tag.
func Body(in BodyInput) string {
	text := ""
	for _, c := range cuts {
		w := &writer{cut: c, public: in.Public}
		w.bases(in.Bases)
		w.footer()
		if !in.Public {
			section := &writer{cut: c}
			section.cluster(in)
			w.WriteString(Section(in.By, section.String()))
		}
		if text = w.String(); len(text) <= maxBody {
			break
		}
	}
	return text
}

type writer struct {
	strings.Builder
	cut    cut
	public bool
}

func (w *writer) line(format string, args ...any) { fmt.Fprintf(w, format+"\n", args...) }

// list writes the first entries, and how many there are more.
func (w *writer) list(length int, entry func(i int)) {
	for i := range min(length, w.cut.rows) {
		entry(i)
	}
	if more := length - w.cut.rows; more > 0 {
		w.line("- and %d more", more)
	}
}

func (w *writer) bases(bases []BaseChange) {
	for _, b := range bases[:min(len(bases), w.cut.bases)] {
		text := &writer{cut: w.cut, public: w.public}
		text.base(b)
		w.WriteString(block(baseKey(b.Repository+":"+b.From.Tag), text.String()))
	}
	if more := len(bases) - w.cut.bases; more > 0 {
		w.line("And %d more bases.\n", more)
	}
}

func (w *writer) base(b BaseChange) {
	w.line("## %s: %s to %s\n", code(b.Repository), code(b.From.Tag), code(b.To.Tag))
	if w.public {
		w.line("This was measured against what runs. What it fixes is left out, as everybody may read this.\n")
	} else {
		w.line("Measured from base to base, it fixes %s and adds %s.\n", summary(b.Fixes), summary(b.Adds))
		w.findings("Fixes", b.Fixes)
		w.findings("Adds", b.Adds)
	}
	w.line("| | Tag | Digest |\n|---|---|---|")
	w.line("| Before | %s | %s |", code(b.From.Tag), code(b.From.Digest))
	w.line("| After | %s | %s |\n", code(b.To.Tag), code(b.To.Digest))
	w.positions("Files:", b.Files)
	w.positions("The version is an `ARG` that build commands see, too:", b.Exposed)
	w.passedOver(b.PassedOver)
	if s := b.Smaller; s != nil && !w.public {
		w.line("Smaller: %s would take away %d findings and bring %d. It is another family, so this is advice alone.\n", code(s.Reference), s.Fixes, s.Adds)
	}
}

func (w *writer) findings(what string, findings []Finding) {
	if len(findings) == 0 {
		return
	}
	sorted := worstFirst(findings)
	w.line("| %s | Severity | Package | Installed | Fixed in |\n|---|---|---|---|---|", what)
	for _, f := range sorted[:min(len(sorted), w.cut.rows)] {
		severity := severities[rank(f.Severity)]
		if f.KnownExploited {
			severity += " known exploited"
		}
		w.line("| %s | %s | %s | %s | %s |", advisory(f.ID), severity, code(f.Package), code(f.InstalledVersion), code(f.FixedVersion))
	}
	if more := len(sorted) - w.cut.rows; more > 0 {
		w.line("| and %d more | | | | |", more)
	}
	w.line("")
}

func (w *writer) positions(title string, positions []Position) {
	if len(positions) == 0 {
		return
	}
	w.line("%s\n", title)
	w.list(len(positions), func(i int) {
		if p := positions[i]; p.Line > 0 {
			w.line("- %s, line %d", code(p.Path), p.Line)
		} else {
			w.line("- %s", code(p.Path))
		}
	})
	w.line("")
}

// passedOver leaves the reasons out of a public text: they tell of findings.
func (w *writer) passedOver(passed []PassedOver) {
	if len(passed) == 0 || w.public {
		return
	}
	w.line("Newer versions that were passed over:\n")
	w.list(len(passed), func(i int) { w.line("- %s: %s", code(passed[i].Tag), code(passed[i].Why)) })
	w.line("")
}

func (w *writer) footer() {
	w.line("---\n")
	w.line("To ignore this version, close this pull request: it is not proposed again before there is a newer one. " +
		"Once there is a commit of somebody else on the branch, it is left alone.\n")
}

// cluster writes what this proposer alone knows.
func (w *writer) cluster(in BodyInput) {
	w.line("### In cluster %s by %s\n", code(in.By.Cluster), code(in.By.Policy))
	for _, b := range in.Bases[:min(len(in.Bases), w.cut.bases)] {
		w.line("%s runs in %s:\n", code(b.Repository+":"+b.From.Tag), plural(len(b.Workloads), "workload"))
		w.list(len(b.Workloads), func(i int) { w.line("- %s", code(b.Workloads[i])) })
		if b.Unpredicted > 0 {
			w.line("\nNot predicted: %s in layers of applications, whose packages may move when the image is built again.", plural(b.Unpredicted, "finding"))
		}
		w.line("")
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
