package export

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed report.html
var page string

var pageTemplate = template.Must(template.New("report").Funcs(template.FuncMap{
	"lower":  func(s any) string { return strings.ToLower(fmt.Sprint(s)) },
	"system": systemText,
	"links":  Finding.links,
}).Parse(page))

// HTML writes a page that needs nothing beside itself.
func (d *Document) HTML(w io.Writer) error {
	return pageTemplate.Execute(w, struct {
		*Document
		Findings []Finding
		Summary  string
		Counts   []count
		Version  string
		Time     string
	}{d, d.distinct(), SummaryLine(d), d.counts(), d.version, d.now.Format("2006-01-02 15:04 MST")})
}

// count of a severity.
type count struct {
	Name  string
	Value int32
}

func (d *Document) counts() []count {
	s := d.Summary
	return []count{{"Critical", s.Critical}, {"High", s.High}, {"Medium", s.Medium}, {"Low", s.Low}, {"Unknown", s.Unknown}}
}
