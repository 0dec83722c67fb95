package sbom

import (
	"fmt"
	"io/fs"
	"slices"
)

// extractor reads one kind of file. Its read returns what it could read, also
// beside an error.
type extractor struct {
	name  string
	wants func(path string, mode fs.FileMode) bool
	read  func(*entry) (File, error)
}

// extractors in the order in which they are asked for a file; the first that wants it reads it.
var extractors = []extractor{
	{"dpkg", isDpkgStatus, readDpkgStatus},
	{"dpkg file list", isDpkgFileList, readDpkgFileList},
	{"apk", isAPKDatabase, readAPKDatabase},
	{"rpm", isRPMDatabase, readRPMDatabase},
	{"rpm manifest", isRPMManifest, readRPMManifest},
	{"Red Hat build", isRedHatBuild, readRedHatBuild},
	{"operating system", isSystemFile, readSystemFile},
	{"node package", isPackageJSON, readPackageJSON},
	{"python package", isPythonPackage, readPythonPackage},
	{"Java archive", isJavaArchive, readJavaArchive},
	{"gem", isGemSpecification, readGemSpecification},
	{"Composer", isComposer, readComposer},
	{".NET", isDotNet, readDotNet},
	{"Conan", isConan, readConan},
	{"Bitnami", isBitnami, readBitnami},
	{"Julia", isJulia, readJulia},
	{"executable", isExecutable, readExecutable},
}

func extractorOf(path string, mode fs.FileMode) *extractor {
	for i := range extractors {
		if extractors[i].wants(path, mode) {
			return &extractors[i]
		}
	}
	return nil
}

// run reads e. A parser that panics leaves its file unread, like any other error.
func (x *extractor) run(e *entry) (file File, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = File{}, fmt.Errorf("parser failed: %.200v", p)
		}
	}()
	return x.read(e)
}

// isDatabase says whether the path is that of a database of system packages.
func isDatabase(name string) bool {
	return isDpkgStatus(name, 0) || isAPKDatabase(name, 0) || isRPMDatabase(name, 0) || isRPMManifest(name, 0)
}

// isDatabaseDir says whether the path is that of a directory which holds
// databases of system packages and nothing else.
func isDatabaseDir(name string) bool {
	if name == dpkgStatusDir || name == parent(dpkgStatus) || slices.Contains(rpmDirs, name) || name == parent(rpmManifest) {
		return true
	}
	return isAPKDatabase(name+"/installed", 0) || isAPKDatabase(name+"/db/installed", 0)
}
