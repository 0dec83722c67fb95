package edit

import (
	"strings"
	"testing"
)

func TestTerraform(t *testing.T) {
	run(t, "main.tf", map[string]example{
		"container block": {
			content: "# golang:1.25.1\nresource \"kubernetes_pod\" \"x\" {\n  spec {\n    container {\n      image = \"golang:1.25.1\" # golang:1.25.1\n      name  = \"golang:1.25.1\"\n    }\n  }\n}\n",
			want:    "# golang:1.25.1\nresource \"kubernetes_pod\" \"x\" {\n  spec {\n    container {\n      image = \"golang:1.25.3\" # golang:1.25.1\n      name  = \"golang:1.25.1\"\n    }\n  }\n}\n",
		},
		"docker_image": {
			content: "resource \"docker_image\" \"x\" {\n  name = \"golang:1.25.1@DIGEST_A\"\n}\n",
			want:    "resource \"docker_image\" \"x\" {\n  name = \"golang:1.25.3@DIGEST_B\"\n}\n",
		},
		"objects": {
			content: "resource \"aws_ecs_task_definition\" \"x\" {\n  container_definitions = jsonencode([{ image = \"golang:1.25.1\", \"image\" : \"golang:1.25.1\" }])\n}\n",
			want:    "resource \"aws_ecs_task_definition\" \"x\" {\n  container_definitions = jsonencode([{ image = \"golang:1.25.3\", \"image\" : \"golang:1.25.3\" }])\n}\n",
		},
		"CRLF, a mark and Unicode": {content: "\xef\xbb\xbfa = { \"é\" = 1, image = \"golang:1.25.1\" }\r\n", want: "\xef\xbb\xbfa = { \"é\" = 1, image = \"golang:1.25.3\" }\r\n"},
		"interpolated":             {content: "image = \"golang:${var.v}\"\n", wantReason: ReasonNotFound},
		"a variable":               {content: "image = var.image\n", wantReason: ReasonNotFound},
		"escaped":                  {content: "image = \"golang:1\\u002e25.1\"\n", wantReason: ReasonNotFound},
		"heredoc":                  {content: "image = <<EOF\ngolang:1.25.1\nEOF\n", wantReason: ReasonNotFound},
		"text of a heredoc":        {content: "x = <<EOF\nimage = \"golang:1.25.1\"\nEOF\nimage = \"golang:1.25.1\"\n", want: "x = <<EOF\nimage = \"golang:1.25.1\"\nEOF\nimage = \"golang:1.25.3\"\n"},
		"a variable's default": {
			content: "variable \"api_image\" {\n  type    = string\n  default = \"golang:1.25.1\"\n}\n",
			want:    "variable \"api_image\" {\n  type    = string\n  default = \"golang:1.25.3\"\n}\n",
		},
		"another variable's default": {content: "variable \"x\" {\n  default = \"golang:1.25.1\"\n}\n", wantReason: ReasonNotFound},
		"names of providers": {
			content: "image_uri = \"golang:1.25.1\"\ncontainer_image = \"golang:1.25.1\"\nx { docker_image_name = \"golang:1.25.1\" }\nimages = \"golang:1.25.1\"\n",
			want:    "image_uri = \"golang:1.25.3\"\ncontainer_image = \"golang:1.25.3\"\nx { docker_image_name = \"golang:1.25.3\" }\nimages = \"golang:1.25.1\"\n",
		},
		"values of variables":      {path: "prod.tfvars", content: "image = \"golang:1.25.1\"\n", want: "image = \"golang:1.25.3\"\n"},
		"Renovate's comment above": {content: "# renovate: datasource=docker\nimage = \"golang:1.25.1\"\n", wantReason: ReasonManagedByOther, wantLine: 2},
		"Renovate's other comment": {content: "// renovate: datasource=docker\nimage = \"golang:1.25.1\"\n", wantReason: ReasonManagedByOther, wantLine: 2},
		"operators":                {content: "image = " + strings.Repeat("!", 2*maxOperators) + "a\n", wantReason: ReasonLimit},
		"size":                     {content: strings.Repeat("#\n", maxTerraform), wantReason: ReasonLimit},
		"not Terraform":            {content: "image = {\n", wantReason: ReasonInvalid},
		"depth":                    {content: "image = " + strings.Repeat("[", 200) + strings.Repeat("]", 200) + "\n", wantReason: ReasonLimit},
	})
}
