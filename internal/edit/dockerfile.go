package edit

import (
	"bytes"
	"strconv"
	"strings"

	"github.com/moby/buildkit/frontend/dockerfile/command"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
)

// dockerfile is the state of reading one from top to bottom.
type dockerfile struct {
	*document
	scope  *scope
	lines  []int
	escape byte
	names  map[string]bool
}

// readDockerfile asks BuildKit's parser which instructions there are, and traces each reference back to the bytes of
// its FROM and ARGs.
func (d *document) readDockerfile() *Refusal {
	syntax, _, _, found := parser.DetectSyntax(d.content)
	if found && !dockerSyntax(syntax) {
		return refuse(ReasonUnknownFormat, "the syntax %.100q is another language", syntax)
	}
	result, err := parser.Parse(bytes.NewReader(d.content))
	if err != nil {
		return refuse(ReasonInvalid, "parse Dockerfile: %.300s", err)
	}
	stages, _, err := instructions.Parse(result.AST, nil)
	if err != nil {
		return refuse(ReasonInvalid, "parse Dockerfile: %.300s", err)
	}
	f := &dockerfile{document: d, scope: newScope(result.EscapeToken), lines: lineStarts(d.content),
		escape: byte(result.EscapeToken), names: map[string]bool{}}
	if len(stages) > maxPlaces {
		return refuse(ReasonLimit, "more than %d stages", maxPlaces)
	}
	for _, stage := range stages {
		f.names[strings.ToLower(stage.Name)] = true
	}
	for _, node := range result.AST.Children {
		line, ok := f.logicalLine(node)
		if !ok {
			return &Refusal{Reason: ReasonMultiline, Line: node.StartLine, Message: "the instruction cannot be traced to its bytes"}
		}
		if refusal := f.instruction(node, line); refusal != nil {
			refusal.Line = node.StartLine
			return refusal
		}
	}
	return nil
}

func dockerSyntax(syntax string) bool {
	name, _, _ := splitReference(computed(syntax))
	name.value = strings.TrimPrefix(name.value, "docker.io/")
	return name.value == "docker/dockerfile" || name.value == "docker/dockerfile-upstream"
}

func (f *dockerfile) instruction(node *parser.Node, line text) *Refusal {
	f.unit(node, line)
	switch strings.ToLower(node.Value) {
	case command.From:
		return f.from(node, line)
	case command.Arg:
		return f.arg(node, line)
	case command.Copy:
		f.copyFrom(node, line)
	case command.Run:
		return f.mounts(node, line)
	case command.Onbuild:
		return f.onbuild(node, line)
	}
	return nil
}

// unit keeps the instruction, with its heredocs, from changing.
func (f *dockerfile) unit(node *parser.Node, line text) {
	u := unit{text: node.Original, Range: Range{-1, -1}}
	if ranges := line.ranges(); len(ranges) > 0 {
		u.Range = Range{ranges[0].Start, ranges[len(ranges)-1].End}
	}
	f.units = append(f.units, u)
	for _, heredoc := range node.Heredocs {
		f.units = append(f.units, unit{Range{-1, -1}, heredoc.Name + "\n" + heredoc.Content})
	}
}

func (f *dockerfile) from(node *parser.Node, line text) *Refusal {
	flags, words := f.words(line)
	if len(words) == 0 || words[0].value != node.Next.Value {
		return refuse(ReasonComputed, "the image of FROM cannot be traced to its bytes")
	}
	for _, flag := range flags {
		platform, _, refusal := f.scope.expand(flag)
		if refusal != nil {
			return refusal
		}
		f.units = append(f.units, unit{Range{-1, -1}, platform.value})
	}
	name, known, refusal := f.scope.expand(words[0])
	if refusal != nil {
		return refusal
	}
	// A stage's name counts only from the next FROM on.
	stage := Stage{Parent: StageNamed(f.stages, name.value), place: -1}
	if name.value == "" || name.value != "scratch" && stage.Parent < 0 {
		stage.place = len(f.places)
		f.place(KindFrom, name, known, node.StartLine)
	}
	if len(words) == 3 {
		stage.Name = strings.ToLower(words[2].value)
	}
	f.stages = append(f.stages, stage)
	return nil
}

func (f *dockerfile) place(kind Kind, reference text, known bool, line int) {
	name, tag, digest := splitReference(reference)
	p := f.newPlace(kind, name, tag, digest, line)
	if !known {
		p.unknown(ReasonInterpolated)
	}
	f.add(p)
}

// arg defines global variables before the first FROM. Those of a stage take part in no reference, but may inherit.
func (f *dockerfile) arg(node *parser.Node, line text) *Refusal {
	_, words := f.words(line)
	for next := node.Next; next != nil; next = next.Next {
		if len(words) == 0 || words[0].value != next.Value {
			return refuse(ReasonComputed, "ARG cannot be traced to its bytes")
		}
		word := words[0]
		words = words[1:]
		equals := strings.IndexByte(word.value, '=')
		switch {
		case len(f.stages) > 0:
			f.inherit(node, word, equals)
		case equals >= 0:
			value, known, refusal := f.scope.expand(word.slice(equals+1, len(word.value)))
			if refusal != nil {
				return refusal
			}
			f.scope.set(word.value[:equals], value, known)
		}
	}
	return nil
}

func (f *dockerfile) inherit(node *parser.Node, word text, equals int) {
	if equals >= 0 {
		return
	}
	if global, ok := f.scope.values[word.value]; ok {
		f.inherited = append(f.inherited, inheritance{line: node.StartLine, source: global.text})
	}
}

func (f *dockerfile) copyFrom(node *parser.Node, line text) {
	flags, _ := f.words(line)
	for i, flag := range flags {
		if i >= len(node.Flags) || flag.value != node.Flags[i] {
			// Quoted or escaped: what the builder reads is not what is written.
			flag = computed(node.Flags[min(i, len(node.Flags)-1)])
		}
		if strings.HasPrefix(flag.value, "--from=") {
			f.other(KindCopy, flag.slice(len("--from="), len(flag.value)), node.StartLine)
		}
	}
}

// other adds a reference outside FROM, unless it names a stage. BuildKit expands no variables there.
func (f *dockerfile) other(kind Kind, reference text, line int) {
	if _, err := strconv.Atoi(reference.value); err == nil || reference.value == "" || reference.value == "scratch" ||
		f.names[strings.ToLower(reference.value)] {
		return
	}
	f.place(kind, reference, true, line)
}

// mounts takes the fields of each --mount. A quoted field is listed, but not edited.
func (f *dockerfile) mounts(node *parser.Node, line text) *Refusal {
	parsed, err := instructions.ParseInstruction(node)
	if err != nil {
		return refuse(ReasonInvalid, "parse RUN: %.300s", err)
	}
	run, ok := parsed.(*instructions.RunCommand)
	if !ok {
		return nil
	}
	var written []text
	flags, _ := f.words(line)
	for _, flag := range flags {
		if strings.HasPrefix(flag.value, "--mount=") {
			written = append(written, mountFrom(flag.slice(len("--mount="), len(flag.value))))
		}
	}
	mounts := instructions.GetMounts(run)
	for i, mount := range mounts {
		if mount.From == "" {
			continue
		}
		reference := computed(mount.From)
		if len(written) == len(mounts) && written[i].value == mount.From {
			reference = written[i]
		}
		f.other(KindMount, reference, node.StartLine)
	}
	return nil
}

// mountFrom is the value of the last field from, as the last one counts.
func mountFrom(fields text) text {
	var from text
	for start := 0; start <= len(fields.value); {
		end := start + strings.IndexByte(fields.value[start:], ',')
		if end < start {
			end = len(fields.value)
		}
		if field := fields.slice(start, end); strings.HasPrefix(strings.ToLower(field.value), "from=") {
			from = field.slice(len("from="), len(field.value))
		}
		start = end + 1
	}
	return from
}

// onbuild reads the instruction that ONBUILD holds.
func (f *dockerfile) onbuild(node *parser.Node, line text) *Refusal {
	if node.Next == nil || len(node.Next.Children) == 0 {
		return nil
	}
	child := node.Next.Children[0]
	start := strings.LastIndex(line.value, child.Original)
	if start < 0 {
		return refuse(ReasonComputed, "ONBUILD cannot be traced to its bytes")
	}
	child.Heredocs, child.StartLine = node.Heredocs, node.StartLine
	return f.instruction(child, line.slice(start, start+len(child.Original)))
}
