package edit

import "fmt"

// Reason why a file, or a place in it, is not edited.
type Reason string

const (
	// ReasonUnknownFormat: neither path nor content say how the file names images.
	ReasonUnknownFormat Reason = "UnknownFormat"
	// ReasonInvalid: the file does not parse, or a value that should name an image does not.
	ReasonInvalid Reason = "Invalid"
	// ReasonLimit: the file exceeds a bound on size, depth or work.
	ReasonLimit Reason = "Limit"
	// ReasonTemplated: the file is a template that is rendered before it is read.
	ReasonTemplated Reason = "Templated"
	// ReasonManagedByOther: a marker of Flux or Renovate on the line says who updates it.
	ReasonManagedByOther Reason = "ManagedByOther"
	// ReasonInterpolated: the value has variables that the file does not define.
	ReasonInterpolated Reason = "Interpolated"
	// ReasonComputed: the bytes to change come from an operation on a variable, an escape or a typed value.
	ReasonComputed Reason = "Computed"
	// ReasonMultiline: the value is a block, a heredoc, or spans lines.
	ReasonMultiline Reason = "Multiline"
	// ReasonUntagged: the file names neither tag nor digest, so there is nothing to replace.
	ReasonUntagged Reason = "Untagged"
	// ReasonShared: the bytes to change also decide something else that was not meant.
	ReasonShared Reason = "Shared"
	// ReasonAmbiguous: the new tag can be divided among its sources in more than one way, or a part of the reference is set twice.
	ReasonAmbiguous Reason = "Ambiguous"
	// ReasonNotFound: no place names the image to replace.
	ReasonNotFound Reason = "NotFound"
	// ReasonBadChange: the change asks for another repository, or lacks the tag or digest that the file writes.
	ReasonBadChange Reason = "BadChange"
	// ReasonUnchanged: each place already says what the change asks for.
	ReasonUnchanged Reason = "Unchanged"
	// ReasonUnproven: the edited file, parsed again, differs in more or less than what was meant, or still has the old digest
	// in a field that may belong to the reference.
	ReasonUnproven Reason = "Unproven"
)

// Refusal says why a file was not edited. Line is 0 where the whole file is concerned.
type Refusal struct {
	Reason  Reason
	Path    string
	Line    int
	Message string
}

func (r *Refusal) Error() string {
	if r.Line == 0 {
		return fmt.Sprintf("edit %.300q: %s: %s", r.Path, r.Reason, r.Message)
	}
	return fmt.Sprintf("edit %.300q line %d: %s: %s", r.Path, r.Line, r.Reason, r.Message)
}

func refuse(reason Reason, format string, args ...any) *Refusal {
	return &Refusal{Reason: reason, Message: fmt.Sprintf(format, args...)}
}
