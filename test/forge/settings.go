package forge

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

func (f *Forge) configuration() string { return filepath.Join(f.dir, "app.ini") }

// writeAssets puts empty files in the place of scripts and stylesheets, which Gitea's module does not
// have: without them each page complains in a dialogue.
func (f *Forge) writeAssets() error {
	for _, name := range []string{"js/iife.js", "js/index.js", "css/index.css", "css/theme-gitea-auto.css"} {
		file := filepath.Join(f.dir, "custom", "public", "assets", filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, nil, 0o644)); err != nil {
			return fmt.Errorf("write an empty %s: %w", name, err)
		}
	}
	return nil
}

// settings make Gitea small: no SSH, no mail, no queue on disk, nothing that leaves the machine.
func (f *Forge) settings() []byte {
	return fmt.Appendf(nil, `APP_NAME = Plimsoll's test forge
RUN_MODE = prod
WORK_PATH = %[1]s

[server]
STATIC_ROOT_PATH = %[2]s
HTTP_ADDR = 127.0.0.1
HTTP_PORT = %[3]d
ROOT_URL = %[4]s/
DISABLE_SSH = true
OFFLINE_MODE = true
ALLOW_GRACEFUL_RESTARTS = false
GRACEFUL_HAMMER_TIME = 3s

[database]
DB_TYPE = sqlite3
PATH = %[1]s/gitea.db
SQLITE_JOURNAL_MODE = WAL

[repository]
ROOT = %[1]s/repositories
DEFAULT_BRANCH = main

[security]
INSTALL_LOCK = true
SECRET_KEY = only-for-tests
INTERNAL_TOKEN = only-for-tests

[oauth2]
ENABLED = false
JWT_SECRET = dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk

[service]
DISABLE_REGISTRATION = true

[queue]
TYPE = channel

[indexer]
ISSUE_INDEXER_TYPE = db

[cache]
ADAPTER = memory

[session]
PROVIDER = memory

[mailer]
ENABLED = false

[cron]
ENABLED = false

[actions]
ENABLED = false

[packages]
ENABLED = false

[log]
MODE = console
LEVEL = Warn
`, f.dir, f.static, f.options.Port, f.URL)
}

func (f *Forge) environment() []string {
	env := []string{"GITEA_WORK_DIR=" + f.dir, "HOME=" + f.dir}
	if os.Geteuid() == 0 {
		env = append(env, "GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT=true")
	}
	return env
}
