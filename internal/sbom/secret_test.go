package sbom

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSecretEnv(t *testing.T) {
	tests := map[string]struct {
		env  []string
		want []string
	}{
		"secrets": {
			env: []string{
				"MYSQL_ROOT_PASSWORD=hunter2", "GITHUB_TOKEN=ghp_1", "CLIENT_SECRET=s", "STRIPE_API_KEY=k", "apiKey=k", "TLS_PRIVATE_KEY=k",
				"AWS_SECRET_ACCESS_KEY=k", "DB_PASS=x", "MYSQL_PWD=x", "DBPASSWORD=x", "spring.datasource.password=x", "REGISTRY_CREDENTIALS=u:p",
			},
			want: []string{
				"AWS_SECRET_ACCESS_KEY", "CLIENT_SECRET", "DBPASSWORD", "DB_PASS", "GITHUB_TOKEN", "MYSQL_PWD", "MYSQL_ROOT_PASSWORD",
				"REGISTRY_CREDENTIALS", "STRIPE_API_KEY", "TLS_PRIVATE_KEY", "apiKey", "spring.datasource.password",
			},
		},
		"a URL with a password": {
			env:  []string{"DATABASE_URL=postgres://app:hunter2@db/app", "HOME_URL=https://user@example.com/", "TEMPLATE_URL=postgres://app:$PASSWORD@db"},
			want: []string{"DATABASE_URL"},
		},
		"settings of secrets": {env: []string{
			"PASSWORD_MIN_LENGTH=12", "MAX_TOKENS=4096", "TOKEN_TTL=3600", "ALLOW_EMPTY_PASSWORD=1000", "JWT_TOKEN_ALGORITHM=HS256",
		}},
		"places of secrets": {env: []string{
			"POSTGRES_PASSWORD_FILE=x", "SECRET_NAME=x", "TOKEN_URL=x", "AWS_ACCESS_KEY_ID=AKIA", "GOOGLE_APPLICATION_CREDENTIALS=/etc/key.json",
		}},
		"no values":      {env: []string{"PASSWORD=", "TOKEN", "SECRET=false", "DB_PASSWORD=${DB_PASSWORD}", `API_KEY=""`}},
		"other names":    {env: []string{"PATH=/bin", "PWD=/", "OLDPWD=/", "GPG_KEY=A035C8C19219BA821ECEA86B64E628F8D684696D", "COMPASS=n", "TOKENIZERS_PARALLELISM=4", "KEY=x", "=x", ""}},
		"twice":          {env: []string{"TOKEN=a", "TOKEN=b"}, want: []string{"TOKEN"}},
		"illegible name": {env: []string{"TOKEN\x1b[2J_TOKEN=a"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, secretEnv(test.env)); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSecretEnvIsBounded(t *testing.T) {
	var env []string
	for i := range 10 * maxSecretEnv {
		env = append(env, fmt.Sprintf("TOKEN_%d=x", i))
	}
	if got := len(secretEnv(env)); got != maxSecretEnv {
		t.Errorf("%d names, want %d", got, maxSecretEnv)
	}
}
