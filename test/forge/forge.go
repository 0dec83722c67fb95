package forge

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"code.gitea.io/sdk/gitea"

	"github.com/plimsoll-dev/plimsoll/test/controlplane"
	"github.com/plimsoll-dev/plimsoll/test/controlplane/binaries"
)

// The two accounts.
const (
	Person = "captain"
	Bot    = "plimsoll-bot"

	PersonEmail = "captain@example.com"
	BotEmail    = "bot@plimsoll.example"
)

const startTimeout = 2 * time.Minute

// Options of a Gitea. The zero value is one that lives as long as this process.
type Options struct {
	// Dir holds everything. What an earlier Gitea left in it is removed. Empty: a temporary folder that Stop removes.
	Dir string
	// Port on 127.0.0.1; 0: a free one.
	Port int
	// Detached lets it outlive this process; controlplane.StopDir of Dir ends it. It needs a Dir.
	Detached bool
	// Log takes progress lines; nil: standard error.
	Log binaries.Logf
}

// Forge is a Gitea.
type Forge struct {
	// URL without a slash at its end.
	URL                   string
	BotToken, PersonToken string
	// Password of both accounts, for a browser.
	Password string

	options  Options
	dir      string
	program  string
	static   string
	process  *controlplane.Program
	botToken int64
}

// Start returns when Gitea answers and both accounts are there. The very first time it is built, which takes minutes.
func Start(ctx context.Context, o Options) (f *Forge, err error) {
	if o.Log == nil {
		o.Log = func(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }
	}
	if o.Detached && o.Dir == "" {
		return nil, errors.New("start Gitea: a detached one needs a folder")
	}
	static, err := binaries.Gitea(ctx, o.Log)
	if err != nil {
		return nil, err
	}
	f = &Forge{options: o, static: static, program: filepath.Join(static, "gitea"), Password: rand.Text()}
	if err := f.prepare(); err != nil {
		return nil, fmt.Errorf("start Gitea: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("start Gitea: %w", errors.Join(err, f.Stop()))
		}
	}()
	if err := f.Up(ctx); err != nil {
		return f, err
	}
	return f, f.createAccounts(ctx)
}

// prepare makes an empty folder with a configuration.
func (f *Forge) prepare() error {
	var err error
	if f.options.Dir == "" {
		f.dir, err = os.MkdirTemp("", "plimsoll-gitea-")
	} else if f.dir, err = filepath.Abs(f.options.Dir); err == nil {
		err = errors.Join(controlplane.StopDir(f.dir), os.RemoveAll(f.dir), os.MkdirAll(f.dir, 0o700))
	}
	if err != nil {
		return err
	}
	if f.options.Port == 0 {
		if f.options.Port, err = freePort(); err != nil {
			return err
		}
	}
	f.URL = "http://127.0.0.1:" + strconv.Itoa(f.options.Port)
	if err := os.WriteFile(f.configuration(), f.settings(), 0o600); err != nil {
		return fmt.Errorf("write the configuration: %w", err)
	}
	return f.writeAssets()
}

func freePort() (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("find a free port: %w", err)
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}

// Up starts Gitea again after Down, on the same port and with what it had.
func (f *Forge) Up(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	process, err := controlplane.Spawn(ctx, f.dir, "gitea", f.program, []string{"web", "--config", f.configuration()}, f.environment(), f.options.Detached, f.ready)
	if err != nil {
		return err
	}
	f.process = process
	return nil
}

// Down ends Gitea at once, as a crash would: a graceful end takes it seconds. What it has answered is stored.
func (f *Forge) Down() error {
	if f.process == nil {
		return nil
	}
	return f.process.Kill()
}

// Stop ends Gitea, and removes its folder if that was a temporary one.
func (f *Forge) Stop() error {
	err := f.Down()
	if f.options.Dir == "" {
		err = errors.Join(err, os.RemoveAll(f.dir))
	}
	return err
}

func (f *Forge) ready(ctx context.Context) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, f.URL+"/api/healthz", nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("the health of Gitea is %s", response.Status)
	}
	return nil
}

// createAccounts makes the administrator by the command line, as there is nobody yet who may do it, and the bot as the administrator.
func (f *Forge) createAccounts(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, f.program, "--config", f.configuration(), "admin", "user", "create", "--admin",
		"--username", Person, "--email", PersonEmail, "--password", f.Password, "--must-change-password=false")
	cmd.Env = append(os.Environ(), f.environment()...)
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("create %s: %w\n%s", Person, err, strings.TrimSpace(string(output)))
	}
	token, err := f.newToken(ctx, Person)
	if err != nil {
		return err
	}
	f.PersonToken = token.Token
	mustChange := false
	_, _, err = f.person(ctx).AdminCreateUser(gitea.CreateUserOption{Username: Bot, Email: BotEmail, Password: f.Password, MustChangePassword: &mustChange})
	if err != nil {
		return fmt.Errorf("create %s: %w", Bot, err)
	}
	return f.RenewBotToken(ctx)
}

func (f *Forge) newToken(ctx context.Context, account string) (*gitea.AccessToken, error) {
	token, _, err := f.withPassword(ctx, account).CreateAccessToken(gitea.CreateAccessTokenOption{
		Name: "test-" + strings.ToLower(rand.Text()), Scopes: []gitea.AccessTokenScope{gitea.AccessTokenScopeAll},
	})
	if err != nil {
		return nil, fmt.Errorf("create a token of %s: %w", account, err)
	}
	return token, nil
}
