package notify

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"

	"github.com/plimsoll-dev/plimsoll/api/v1alpha1"
)

const (
	// maxMessage bounds a message's text, in bytes.
	maxMessage = 8 << 10
	// maxShown is how many events a default template lists.
	maxShown = 20
	maxJoin  = 4 << 10
)

// defaultTemplates are what a notification without a template says, by type.
var defaultTemplates = map[v1alpha1.NotificationType]string{
	v1alpha1.NotificationSlack: `*{{.Policy}}* in cluster {{.Cluster}}
{{range .Events}}• {{.Text}}
{{end}}{{if .More}}… and {{.More}} more changes{{end}}`,
	v1alpha1.NotificationTeams: `**{{.Policy}}** in cluster {{.Cluster}}
{{range .Events}}- {{.Text}}
{{end}}{{if .More}}… and {{.More}} more changes{{end}}`,
	v1alpha1.NotificationCloudEvents: plainTemplate,
	v1alpha1.NotificationWebhook:     plainTemplate,
}

const plainTemplate = `{{.Policy}} in cluster {{.Cluster}}
{{range .Events}}{{.Text}}
{{end}}{{if .More}}and {{.More}} more changes{{end}}`

// functions that a template may call, beside comparisons. None makes a text much longer than what goes into it:
// those that could are not among them.
var functions = template.FuncMap{"join": join, "lower": strings.ToLower, "upper": strings.ToUpper}

var allowedFunctions = []string{"and", "or", "not", "len", "index", "eq", "ne", "lt", "le", "gt", "ge", "join", "lower", "upper"}

func join(list []string, separator string) (string, error) {
	joined := strings.Join(list, separator)
	if len(joined) > maxJoin {
		return "", fmt.Errorf("join: the result is longer than %d bytes", maxJoin)
	}
	return joined, nil
}

// ErrTemplate says that a template cannot be used.
var ErrTemplate = errors.New("template")

// parseTemplate takes templates whose time and output are bounded by the data: they go over the events once, and over
// an event's lists within that.
func parseTemplate(text string) (*template.Template, error) {
	t, err := template.New("message").Funcs(functions).Option("missingkey=error").Parse(text)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	if t.Tree == nil {
		return nil, fmt.Errorf("%w: it says nothing", ErrTemplate)
	}
	if len(t.Templates()) > 1 {
		return nil, fmt.Errorf("%w: it may define no others", ErrTemplate)
	}
	if err := checkNode(t.Root, 0); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrTemplate, err)
	}
	return t, nil
}

// checkNode looks at a node and all below it; depth is how many ranges it is in.
func checkNode(node parse.Node, depth int) error {
	switch n := node.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		return checkAll(n.Nodes, depth)
	case *parse.ActionNode:
		return checkPipe(n.Pipe)
	case *parse.IfNode:
		return checkBranch(&n.BranchNode, depth)
	case *parse.WithNode:
		return checkBranch(&n.BranchNode, depth)
	case *parse.RangeNode:
		if err := checkRange(n, depth); err != nil {
			return err
		}
		return checkBranch(&n.BranchNode, depth+1)
	case *parse.TextNode, *parse.CommentNode, *parse.BreakNode, *parse.ContinueNode:
		return nil
	}
	return fmt.Errorf("%q is not allowed", node)
}

func checkAll(nodes []parse.Node, depth int) error {
	for _, n := range nodes {
		if err := checkNode(n, depth); err != nil {
			return err
		}
	}
	return nil
}

func checkBranch(n *parse.BranchNode, depth int) error {
	if err := checkPipe(n.Pipe); err != nil {
		return err
	}
	if err := checkNode(n.List, depth); err != nil {
		return err
	}
	return checkNode(n.ElseList, depth)
}

// checkRange allows the events, and within them the lists that an event has.
func checkRange(n *parse.RangeNode, depth int) error {
	refused := fmt.Errorf("range goes over .Events and, within it, over .Findings, .Namespaces or .Rules, not %q", n.Pipe)
	if len(n.Pipe.Cmds) != 1 || len(n.Pipe.Cmds[0].Args) != 1 {
		return refused
	}
	var path []string
	switch arg := n.Pipe.Cmds[0].Args[0].(type) {
	case *parse.FieldNode:
		path = arg.Ident
	case *parse.VariableNode:
		path = arg.Ident[1:]
	}
	switch {
	case len(path) != 1:
		return refused
	case depth == 0 && path[0] == "Events":
		return nil
	case depth == 1 && slices.Contains([]string{"Findings", "Namespaces", "Rules"}, path[0]):
		return nil
	}
	return refused
}

func checkPipe(pipe *parse.PipeNode) error {
	if pipe == nil {
		return nil
	}
	for _, command := range pipe.Cmds {
		for _, arg := range command.Args {
			if err := checkArgument(arg); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkArgument(arg parse.Node) error {
	switch a := arg.(type) {
	case *parse.IdentifierNode:
		if !slices.Contains(allowedFunctions, a.Ident) {
			return fmt.Errorf("the function %s is not allowed", a.Ident)
		}
	case *parse.PipeNode:
		return checkPipe(a)
	case *parse.ChainNode:
		return checkArgument(a.Node)
	}
	return nil
}

// bounded takes text up to a limit, and then fails, which ends the template.
type bounded struct {
	strings.Builder
	limit int
}

var errFull = errors.New("the text is too long")

func (b *bounded) Write(p []byte) (int, error) {
	if room := b.limit - b.Len(); len(p) > room {
		b.Builder.Write(p[:room])
		return room, errFull
	}
	return b.Builder.Write(p)
}
