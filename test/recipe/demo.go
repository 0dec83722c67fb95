package recipe

import (
	"context"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/plimsoll-dev/plimsoll/internal/image"
)

// Demo returns the images of a small shop. Under the older of the tests' two real
// databases all but alpine, billing, search and empty have findings; under the
// newer checkout and builder (Debian), web (Alpine), recommendations (Python),
// ledger and api (Go) have more, and debian and storefront (npm) the same. Those
// databases know neither billing's Ubuntu nor search's Wolfi: Facts does.
func Demo() []Recipe {
	return []Recipe{
		{Name: "debian", Repository: "base/debian", Tag: "12.12", Platforms: one(AMD64), Build: bake(AMD64, shell, debianBase())},
		{Name: "checkout", Repository: "shop/checkout", Tag: "2.4.0", Platforms: one(AMD64), Build: bake(AMD64, checkout, debianBase(), checkoutPackages())},
		{Name: "builder", Repository: "shop/builder", Tag: "1.0.0", Platforms: one(AMD64), Build: bake(AMD64, shell, debianBase(), builderPackages())},
		{Name: "alpine", Repository: "base/alpine", Tag: "3.21.0", Platforms: one(AMD64), Build: bake(AMD64, shell, alpineBase(AMD64))},
		{Name: "web", Repository: "shop/web", Tag: "1.8.2", Platforms: []image.Platform{AMD64, ARM64}, Build: buildWeb},
		{Name: "storefront", Repository: "shop/storefront", Tag: "3.1.0", Platforms: one(AMD64), Build: bake(AMD64, storefront, alpineBase(AMD64), Node("app", nodeModules...))},
		{Name: "recommendations", Repository: "shop/recommendations", Tag: "0.9.4", Platforms: one(AMD64), Build: bake(AMD64, recommendations, debianBase(), Python("usr/local/lib/python3.11/site-packages", pythonModules...))},
		{Name: "ledger", Repository: "shop/ledger", Tag: "1.2.0", Platforms: one(AMD64), Build: buildLedger},
		{Name: "api", Repository: "shop/api", Tag: "1.8.2", Platforms: one(AMD64), Build: buildAPI},
		{Name: "billing", Repository: "shop/billing", Tag: "5.0.1", Platforms: one(AMD64), Build: bake(AMD64, shell, ubuntuBase())},
		{Name: "search", Repository: "shop/search", Tag: "latest", Platforms: one(AMD64), Build: bake(AMD64, shell, wolfiBase())},
		{Name: "empty", Repository: "shop/empty", Tag: "1.0.0", Platforms: one(AMD64), Build: bake(AMD64, v1.Config{})},
	}
}

var (
	shell    = v1.Config{Cmd: []string{"/bin/sh"}}
	checkout = v1.Config{
		Entrypoint:   []string{"/usr/bin/checkout"},
		ExposedPorts: map[string]struct{}{"8080/tcp": {}, "22/tcp": {}},
		Labels:       source("checkout"),
	}
	web = v1.Config{
		Entrypoint:   []string{"/usr/sbin/php-fpm83"},
		User:         "101",
		ExposedPorts: map[string]struct{}{"9000/tcp": {}},
		Labels:       source("web"),
	}
	storefront      = v1.Config{Cmd: []string{"node", "/app/index.js"}, User: "node", Labels: source("storefront")}
	recommendations = v1.Config{Cmd: []string{"python3", "-m", "recommendations"}, Labels: source("recommendations")}
)

func source(name string) map[string]string {
	return map[string]string{"org.opencontainers.image.source": "https://git.example.com/shop/" + name}
}

func program(name string) v1.Config {
	return v1.Config{
		Entrypoint:   []string{"/" + name},
		User:         "65532:65532",
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
		Labels:       source(name),
	}
}

// nodeModules of storefront: versions of the time when the npm database ends.
var nodeModules = []Module{
	{"handlebars", "4.0.11"},
	{"hoek", "4.2.0"},
	{"https-proxy-agent", "2.1.1"},
	{"jquery", "3.3.1"},
	{"left-pad", "1.3.0"},
	{"lodash", "4.17.4"},
	{"marked", "0.3.5"},
	{"moment", "2.11.1"},
	{"ms", "0.7.0"},
	{"request", "2.67.0"},
	{"tar", "1.0.3"},
	{"tunnel-agent", "0.4.3"},
	{"ws", "1.1.0"},
}

// pythonModules of recommendations.
var pythonModules = []Module{
	{"Django", "4.2.15"},
	{"Flask-Cors", "4.0.1"},
	{"Jinja2", "3.1.3"},
	{"PyYAML", "5.3"},
	{"Twisted", "23.10.0"},
	{"jwcrypto", "1.5.0"},
	{"requests", "2.30.0"},
	{"urllib3", "1.26.16"},
}

func debianBase() []File {
	return append(DebianRelease("12", "12.12"), Dpkg(Debs("debian-12", "base", "amd64")...)...)
}

func checkoutPackages() []File {
	var added []Deb
	for _, d := range Debs("debian-12", "app", "amd64") {
		if d.Name != "linux-libc-dev" {
			added = append(added, d)
		}
	}
	return DpkgOnto(Debs("debian-12", "base", "amd64"), added...)
}

func builderPackages() []File {
	headers := pick(Debs("debian-12", "app", "amd64"), "linux-libc-dev")
	return DpkgOnto(Debs("debian-12", "base", "amd64"), headers...)
}

func alpineBase(platform image.Platform) []File {
	return append(AlpineRelease("3.21.0", "v3.21"), Apk(APKs("alpine-3.21", "base", apkArch(platform))...)...)
}

func apkArch(platform image.Platform) string {
	if platform.Architecture == "arm64" {
		return "aarch64"
	}
	return "x86_64"
}

func buildWeb(context.Context) (Artifact, error) {
	var images []v1.Image
	for _, platform := range []image.Platform{AMD64, ARM64} {
		base := APKs("alpine-3.21", "base", apkArch(platform))
		added := APKs("alpine-3.21", "app", apkArch(platform))
		img, err := assemble(platform, web, alpineBase(platform), ApkOnto(base, added...))
		if err != nil {
			return nil, err
		}
		images = append(images, img)
	}
	return Index(images...)
}

// buildLedger puts a program on a distroless base.
func buildLedger(ctx context.Context) (Artifact, error) {
	binary, err := GoBinary(ctx, "ledger", AMD64)
	if err != nil {
		return nil, err
	}
	packages := pick(Debs("debian-12", "base", "amd64"), "base-files", "libc6", "libssl3", "openssl", "tzdata")
	base := append(OSRelease("debian", "12", "Distroless"), Distroless(packages...)...)
	return assemble(AMD64, program("ledger"), base, []File{Program("ledger", binary)})
}

// buildAPI puts a program on nothing at all.
func buildAPI(ctx context.Context) (Artifact, error) {
	binary, err := GoBinary(ctx, "api", AMD64)
	if err != nil {
		return nil, err
	}
	return assemble(AMD64, program("api"), []File{Program("api", binary)})
}

func ubuntuBase() []File {
	return append(UbuntuRelease("22.04", "jammy"), Dpkg(Debs("ubuntu-22.04", "base", "amd64")...)...)
}

func wolfiBase() []File {
	packages := Apk(
		APK{Name: "ca-certificates-bundle", Version: "20240705-r0", Origin: "ca-certificates", Arch: "x86_64", License: "MPL-2.0 AND MIT"},
		APK{Name: "libcrypto3", Version: "3.3.2-r1", Origin: "openssl", Arch: "x86_64", License: "Apache-2.0"},
		APK{Name: "libssl3", Version: "3.3.2-r1", Origin: "openssl", Arch: "x86_64", License: "Apache-2.0"},
		APK{Name: "wolfi-baselayout", Version: "20230201-r15", Arch: "x86_64", License: "MIT"},
	)
	repositories := Text("etc/apk/repositories", "https://packages.wolfi.dev/os\n")
	return append(append(OSRelease("wolfi", "20230201", "Wolfi"), repositories), packages...)
}
