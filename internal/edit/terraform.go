package edit

import (
	"bytes"
	"cmp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// readTerraform takes each attribute or object key whose name is an image's, the name of a docker_image, and defaults of variables.
func (d *document) readTerraform(name string) *Refusal {
	if len(d.content) > maxTerraform {
		return refuse(ReasonLimit, "%d bytes of Terraform exceed the limit of %d", len(d.content), maxTerraform)
	}
	tokens, _ := hclsyntax.LexConfig(d.content, name, hcl.InitialPos)
	if refusal := bounded(tokens); refusal != nil {
		return refusal
	}
	file, diagnostics := hclsyntax.ParseConfig(d.content, name, hcl.InitialPos)
	if diagnostics.HasErrors() {
		return refuse(ReasonInvalid, "parse Terraform: %.300s", diagnostics.Error())
	}
	for _, token := range tokens {
		d.units = append(d.units, unit{Range{token.Range.Start.Byte, token.Range.End.Byte}, string(token.Bytes)})
	}
	body, ok := file.Body.(*hclsyntax.Body)
	if !ok {
		return refuse(ReasonInvalid, "parse Terraform: no body")
	}
	_ = hclsyntax.VisitAll(body, func(node hclsyntax.Node) hcl.Diagnostics {
		d.terraformNode(node)
		return nil
	})
	// The parser keeps attributes in a map.
	slices.SortFunc(d.places, func(a, b Place) int { return cmp.Or(a.Line-b.Line, a.Column-b.Column) })
	return nil
}

// maxTerraform bytes of a file: the parser takes quadratic time for some expressions.
const maxTerraform = 128 << 10

// maxOperators bounds what the parser and the walk of its tree recurse into.
const maxOperators = 10_000

// bounded refuses deep expressions before they reach the parser's recursion.
func bounded(tokens hclsyntax.Tokens) *Refusal {
	depth, operators := 0, 0
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenTemplateControl:
			depth++
			operators++
		case hclsyntax.TokenIdent, hclsyntax.TokenNewline, hclsyntax.TokenComment, hclsyntax.TokenEqual, hclsyntax.TokenComma,
			hclsyntax.TokenOQuote, hclsyntax.TokenCQuote, hclsyntax.TokenQuotedLit, hclsyntax.TokenStringLit, hclsyntax.TokenNumberLit,
			hclsyntax.TokenOHeredoc, hclsyntax.TokenCHeredoc, hclsyntax.TokenDot:
		default:
			operators++
		}
		if depth > maxDepth || operators > maxOperators {
			return refuse(ReasonLimit, "more than %d levels or %d operators", maxDepth, maxOperators)
		}
	}
	return nil
}

func (d *document) terraformNode(node hclsyntax.Node) {
	switch n := node.(type) {
	case *hclsyntax.Attribute:
		if imageName(n.Name) {
			d.terraformValue(n.Expr)
		}
	case *hclsyntax.Block:
		d.terraformBlock(n)
	case *hclsyntax.ObjectConsExpr:
		for _, item := range n.Items {
			if imageName(objectKey(item.KeyExpr)) {
				d.terraformValue(item.ValueExpr)
			}
		}
	}
}

// terraformBlock takes the name of a docker_image, and the default of a variable for an image.
func (d *document) terraformBlock(block *hclsyntax.Block) {
	attribute := ""
	switch {
	case block.Type == "resource" && len(block.Labels) == 2 && block.Labels[0] == "docker_image":
		attribute = "name"
	case block.Type == "variable" && len(block.Labels) == 1 && imageName(block.Labels[0]):
		attribute = "default"
	}
	if a := block.Body.Attributes[attribute]; a != nil {
		d.terraformValue(a.Expr)
	}
}

// imageName says whether a name is one that providers give to references of images, such as container_image or image_uri.
func imageName(name string) bool {
	name = strings.TrimSuffix(strings.TrimSuffix(name, "_uri"), "_name")
	return name == "image" || strings.HasSuffix(name, "_image")
}

// objectKey is a key as it is written, or empty if it is computed.
func objectKey(expression hclsyntax.Expression) string {
	key, _ := expression.Value(nil)
	if !key.IsKnown() || key.IsNull() || key.Type() != cty.String {
		return ""
	}
	return key.AsString()
}

// terraformValue adds a quoted string. Anything else, such as a variable, is not a reference of this file.
func (d *document) terraformValue(expression hclsyntax.Expression) {
	template, ok := expression.(*hclsyntax.TemplateExpr)
	if !ok {
		return
	}
	r := template.SrcRange
	inner := Range{r.Start.Byte + 1, r.End.Byte - 1}
	written := d.content[r.Start.Byte:r.End.Byte]
	name, tag, digest := splitReference(literal(d.content, inner.Start, max(inner.Start, inner.End)))
	p := d.newPlace(KindTerraform, name, tag, digest, r.Start.Line)
	switch {
	case bytes.HasPrefix(written, []byte("<<")):
		p.unknown(ReasonMultiline)
	case !template.IsStringLiteral():
		p.unknown(ReasonInterpolated)
	case bytes.ContainsRune(written, '\\'):
		p.unknown(ReasonComputed)
	}
	d.add(p)
}
