package database

import (
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	_ "modernc.org/sqlite" // the driver
)

// JavaLayerType is the media type of the layer of a Java database's artifact.
const JavaLayerType = "application/vnd.aquasec.trivy.javadb.layer.v1.tar+gzip"

const javaSchema = `CREATE TABLE artifacts(id INTEGER PRIMARY KEY, group_id TEXT, artifact_id TEXT);
	CREATE TABLE indices(artifact_id INTEGER, version TEXT, sha1 BLOB, archive_type TEXT, license TEXT, FOREIGN KEY (artifact_id) REFERENCES artifacts(id));
	CREATE UNIQUE INDEX artifacts_idx ON artifacts(artifact_id, group_id);
	CREATE INDEX indices_artifact_idx ON indices(artifact_id);
	CREATE UNIQUE INDEX indices_sha1_idx ON indices(sha1);`

// Jar is what a Java database knows of one archive.
type Jar struct {
	Group, Artifact, Version string
	// SHA1 of the archive, in hexadecimal digits.
	SHA1 string
}

// BuildJava makes a database in trivy-java-db's format in dir.
func BuildJava(dir string, built time.Time, jars ...Jar) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("build Java database: %w", err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "trivy-java.db"))
	if err != nil {
		return fmt.Errorf("build Java database: %w", err)
	}
	if err := errors.Join(fillJava(db, jars), db.Close()); err != nil {
		return fmt.Errorf("build Java database: %w", err)
	}
	metadata := fmt.Sprintf(`{"Version":1,"UpdatedAt":%q}`, built.UTC().Format(time.RFC3339))
	if err := os.WriteFile(filepath.Join(dir, "metadata.json"), []byte(metadata), 0o644); err != nil {
		return fmt.Errorf("build Java database: %w", err)
	}
	return nil
}

func fillJava(db *sql.DB, jars []Jar) error {
	if _, err := db.Exec(javaSchema); err != nil {
		return err
	}
	for _, j := range jars {
		if _, err := db.Exec(`INSERT INTO artifacts(group_id, artifact_id) VALUES (?, ?) ON CONFLICT DO NOTHING`, j.Group, j.Artifact); err != nil {
			return err
		}
		if _, err := db.Exec(`INSERT INTO indices SELECT id, ?, unhex(?), 'jar', '' FROM artifacts WHERE group_id = ? AND artifact_id = ?`,
			j.Version, j.SHA1, j.Group, j.Artifact); err != nil {
			return err
		}
	}
	return nil
}

// JavaLayout is Layout for a Java database.
func JavaLayout(dbDir, layoutDir string) (string, error) {
	layer, err := pack(dbDir, "trivy-java.db", "metadata.json")
	if err != nil {
		return "", fmt.Errorf("pack Java database %s: %w", dbDir, err)
	}
	described, err := WriteBlob(layoutDir, JavaLayerType, layer)
	if err != nil {
		return "", err
	}
	described.Annotations = map[string]string{"org.opencontainers.image.title": "javadb.tar.gz"}
	return WriteArtifact(layoutDir, described)
}
