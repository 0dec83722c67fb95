package parity

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-dev/plimsoll/internal/fleet"
	"github.com/plimsoll-dev/plimsoll/internal/image"
	"github.com/plimsoll-dev/plimsoll/internal/match"
	"github.com/plimsoll-dev/plimsoll/internal/sbom"
	"github.com/plimsoll-dev/plimsoll/internal/vulndb"
	"github.com/plimsoll-dev/plimsoll/test/database"
	"github.com/plimsoll-dev/plimsoll/test/recipe"
)

// image of a case: as its files say where it has some.
func (c *scene) image(t *testing.T) *sbom.Image {
	t.Helper()
	if c.Layers != nil {
		return c.read(t)
	}
	img := &sbom.Image{Builds: map[image.Digest]sbom.Build{}}
	if c.OS != nil {
		img.OS = sbom.OS(*c.OS)
	}
	for layer, b := range c.Builds {
		img.Builds[image.Digest(layer)] = sbom.Build(b)
	}
	for _, p := range c.Packages {
		img.Packages = append(img.Packages, sbom.Package{
			Type: typeOf(p, img.OS.Family), Name: p.Name, Version: p.Version, SourceName: p.Source, SourceVersion: p.SourceVersion,
			Arch: p.Arch, Modularity: p.Modularity, Path: p.Path, Layer: image.Digest(p.Layer), ThirdParty: p.ThirdParty,
		})
	}
	return img
}

func typeOf(p pkg, family string) sbom.PackageType {
	if p.Type != "" {
		return sbom.PackageType(p.Type)
	}
	switch family {
	case "alpine", "wolfi", "chainguard", "minimos":
		return sbom.TypeAPK
	case "debian", "ubuntu", "echo":
		return sbom.TypeDpkg
	default:
		return sbom.TypeRPM
	}
}

// read the files of the layers as those of an image are read.
func (c *scene) read(t *testing.T) *sbom.Image {
	t.Helper()
	var config sbom.Config
	var layers []*sbom.Layer
	for _, files := range c.Layers {
		var packed []recipe.File
		for _, name := range slices.Sorted(maps.Keys(files)) {
			packed = append(packed, recipe.Text(name, files[name]))
		}
		layer, err := recipe.Layer(packed...)
		if err != nil {
			t.Fatal(err)
		}
		layers = append(layers, readLayer(t, layer))
		config.DiffIDs = append(config.DiffIDs, layers[len(layers)-1].DiffID)
	}
	img, err := sbom.Squash(config, layers)
	if err != nil {
		t.Fatal(err)
	}
	if len(img.Unread) > 0 {
		t.Fatalf("not read: %+v", img.Unread)
	}
	return img
}

func readLayer(t *testing.T, packed v1.Layer) *sbom.Layer {
	t.Helper()
	diffID, err := packed.DiffID()
	if err != nil {
		t.Fatal(err)
	}
	content, err := packed.Uncompressed()
	if err != nil {
		t.Fatal(err)
	}
	defer content.Close()
	layer, err := sbom.Read(t.Context(), image.Digest(diffID.String()), content, sbom.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return layer
}

// databases that are open, by what they hold: many cases have the same.
type databases struct {
	t    *testing.T
	open map[string]*vulndb.DB
}

func (d databases) of(c *scene) *vulndb.DB {
	d.t.Helper()
	content, err := json.Marshal([]any{c.Records, c.Details, c.Sources})
	if err != nil {
		d.t.Fatal(err)
	}
	db, ok := d.open[string(content)]
	if !ok {
		db = c.build(d.t)
		d.open[string(content)] = db
	}
	return db
}

// build a database in trivy-db's own format, with its writer.
func (c *scene) build(t *testing.T) *vulndb.DB {
	t.Helper()
	spec := database.Spec{Built: recipe.Created, Details: c.Details, Sources: c.Sources}
	for bucket, packages := range c.Records {
		for name, advisories := range packages {
			for id, advisory := range advisories {
				spec.Facts = append(spec.Facts, recipe.Fact{Bucket: bucket, Package: name, ID: id, Advisory: advisory})
			}
		}
	}
	dir := t.TempDir()
	if err := database.Build(dir, spec); err != nil {
		t.Fatal(err)
	}
	db, err := vulndb.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// judge the image as one of a fleet.
func judge(t *testing.T, db *vulndb.DB, img *sbom.Image, components []match.Component) fleet.Judgement {
	t.Helper()
	f := fleet.New(match.Judge)
	if _, err := f.Swap(db, "a"); err != nil {
		t.Fatal(err)
	}
	if err := f.Add("sha256:image", img.Packages, components); err != nil {
		t.Fatal(err)
	}
	judgement, ok := f.Judgement("sha256:image")
	if !ok {
		t.Fatal("the fleet has lost the image")
	}
	return judgement
}

// judgeAlone does without a fleet.
func judgeAlone(t *testing.T, db *vulndb.DB, img *sbom.Image, components []match.Component) []match.Finding {
	t.Helper()
	return match.Findings(img.Packages, components, func(s match.Subject) []match.Match {
		records, err := db.Records(s.Key)
		if err != nil {
			t.Fatal(err)
		}
		matches, _ := match.Judge(s, records)
		return matches
	})
}

var statuses = map[match.Status]string{
	match.StatusNotAffected: "not_affected", match.StatusAffected: "affected", match.StatusFixed: "fixed",
	match.StatusUnderInvestigation: "under_investigation", match.StatusWillNotFix: "will_not_fix",
	match.StatusFixDeferred: "fix_deferred", match.StatusEndOfLife: "end_of_life",
}

var severities = []string{"UNKNOWN", "LOW", "MEDIUM", "HIGH", "CRITICAL"}

// reported is how a report shows a finding.
func reported(t *testing.T, db *vulndb.DB, img *sbom.Image, f match.Finding) finding {
	t.Helper()
	detail, _, err := db.Detail(f.ID)
	if err != nil {
		t.Fatal(err)
	}
	p := img.Packages[f.Package]
	return finding{
		ID: f.ID, Package: p.Name, Path: p.Path, Installed: match.InstalledVersion(img.OS, p), Fixed: f.FixedVersion,
		Status: statuses[f.Status], Severity: severities[f.Severity], SeveritySource: f.SeveritySource, VendorIDs: f.VendorIDs,
		Source: f.Source.ID, URL: match.PrimaryURL(f.ID, detail.References, f.Source),
	}
}
