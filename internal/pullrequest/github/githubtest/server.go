package githubtest

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/fault"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/repository"
)

// Owner and Name of the repository, and its accounts.
const (
	Owner  = "shop"
	Name   = "deploy"
	Bot    = "plimsoll-bot"
	Person = "ada"
	// Stranger has an account, but is no collaborator.
	Stranger = "mallory"
	// Token is the bot's.
	Token = "ghp_0123456789abcdefghijklmnopqrstuvwxyz"
	// BotEmail is the author of commits made for the bot.
	BotEmail = "1+plimsoll-bot@users.noreply.github.com"
	// WebEmail is the committer of commits that GitHub makes.
	WebEmail = "noreply@github.com"
)

var (
	person = repository.Identity{Name: "Ada", Email: "Ada@example.com"}
	bot    = repository.Identity{Name: Bot, Email: BotEmail}
	web    = repository.Identity{Name: "GitHub", Email: WebEmail}
)

// Options of Start.
type Options struct {
	Now func() time.Time
	// Limit of requests in an hour. 0: 5,000.
	Limit int
	// AppKey is the public key of the App with the ID AppID. Without it there is no App.
	AppKey *rsa.PublicKey
}

// Server answers as GitHub does.
type Server struct {
	// URL is the base URL of the server.
	URL string
	// Faults to come.
	Faults fault.Faults

	options    Options
	repository *repository.Repository
	http       *httptest.Server
	tokens     map[string]account
	used       int
	reset      time.Time
	truncate   bool
	seen       []string
}

// account behind a token.
type account struct {
	login   string
	expires time.Time
}

// Start starts a server, which the caller closes.
func Start(o Options) *Server {
	if o.Limit == 0 {
		o.Limit = 5000
	}
	s := &Server{options: o, repository: repository.New(o.Now, person), tokens: map[string]account{Token: {login: Bot}}}
	mux := http.NewServeMux()
	s.routes(mux)
	s.http = httptest.NewServer(s.Faults.Handler(s.guard(mux)))
	s.URL = s.http.URL
	return s
}

// Close ends the server.
func (s *Server) Close() { s.http.Close() }

func (s *Server) routes(mux *http.ServeMux) {
	const repo = "/api/v3/repos/{owner}/{name}"
	for pattern, answer := range map[string]func(*http.Request) (int, any){
		"GET " + repo: s.getRepository,
		"GET " + repo + "/git/ref/heads/{branch...}":           s.getRef,
		"POST " + repo + "/git/refs":                           s.createRef,
		"PATCH " + repo + "/git/refs/heads/{branch...}":        s.updateRef,
		"DELETE " + repo + "/git/refs/heads/{branch...}":       s.deleteRef,
		"GET " + repo + "/git/trees/{ref}":                     s.getTree,
		"GET " + repo + "/contents/{path...}":                  s.getContents,
		"GET " + repo + "/compare/{spec}":                      s.compare,
		"GET " + repo + "/pulls":                               s.listPulls,
		"POST " + repo + "/pulls":                              s.createPull,
		"GET " + repo + "/pulls/{number}":                      s.pull(s.getPull),
		"PATCH " + repo + "/pulls/{number}":                    s.pull(s.editPull),
		"POST " + repo + "/pulls/{number}/requested_reviewers": s.pull(s.requestReviewers),
		"POST " + repo + "/issues/{number}/labels":             s.pull(s.addLabels),
		"POST " + repo + "/issues/{number}/assignees":          s.pull(s.addAssignees),
		"POST " + repo + "/issues/{number}/comments":           s.pull(s.addComment),
		"POST /api/graphql":                                    s.graphql,
		"POST /api/v3/app/installations/{id}/access_tokens":    s.createToken,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			status, body := answer(r)
			if next, ok := body.(paged); ok {
				w.Header().Set("Link", fmt.Sprintf(`<%s>; rel="next"`, next.next))
				body = next.body
			}
			write(w, status, body)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { write(w, http.StatusNotFound, failure("Not Found")) })
}

// paged is a body that has more pages.
type paged struct {
	body any
	next string
}

type object = map[string]any

// failure is the body of an error.
func failure(message string, errors ...object) object {
	body := object{"message": message, "documentation_url": "https://docs.github.com/rest"}
	if len(errors) > 0 {
		body["errors"] = errors
	}
	return body
}

func write(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	if body != nil {
		_ = json.NewEncoder(w).Encode(body)
	}
}

// guard checks limits, credentials and the repository's name, for one request at a time.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.repository.Lock()
		defer s.repository.Unlock()
		s.seen = append(s.seen, r.Method+" "+r.URL.Path)
		if strings.HasPrefix(r.URL.Path, "/api/v3/app/") {
			next.ServeHTTP(w, r)
			return
		}
		if !s.count(w) {
			write(w, http.StatusForbidden, failure("API rate limit exceeded for user ID 1."))
			return
		}
		login, known := s.login(r)
		switch path := strings.TrimPrefix(r.URL.Path, "/api/v3/repos/"); {
		case !known:
			write(w, http.StatusUnauthorized, failure("Bad credentials"))
		case login == "" && r.Method != http.MethodGet:
			write(w, http.StatusUnauthorized, failure("Requires authentication"))
		case path != r.URL.Path && (path + "/")[:min(len(path)+1, len(Owner+"/"+Name+"/"))] != Owner+"/"+Name+"/",
			login == "" && !s.repository.Public:
			write(w, http.StatusNotFound, failure("Not Found"))
		case r.Method != http.MethodGet && s.repository.Archived:
			write(w, http.StatusForbidden, failure("Repository was archived so is read-only."))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// count counts a request, and reports whether the limit admits it.
func (s *Server) count(w http.ResponseWriter) bool {
	now := s.options.Now()
	if !now.Before(s.reset) {
		s.used, s.reset = 0, now.Add(time.Hour)
	}
	s.used++
	w.Header().Set("X-RateLimit-Limit", strconv.Itoa(s.options.Limit))
	w.Header().Set("X-RateLimit-Remaining", strconv.Itoa(max(0, s.options.Limit-s.used)))
	w.Header().Set("X-RateLimit-Reset", strconv.FormatInt(s.reset.Unix(), 10))
	w.Header().Set("X-RateLimit-Resource", "core")
	return s.used <= s.options.Limit
}

// login returns whose token a request has, and whether it is good. Without a token, it is nobody's.
func (s *Server) login(r *http.Request) (string, bool) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return "", true
	}
	_, token, _ := strings.Cut(header, " ")
	a, known := s.tokens[token]
	return a.login, known && (a.expires.IsZero() || s.options.Now().Before(a.expires))
}

// SecondaryLimit is the answer of a secondary rate limit. Without after, in seconds, it does not say how long to wait.
func SecondaryLimit(after string) fault.Fault {
	f := fault.Fault{Status: http.StatusForbidden, Header: http.Header{"Content-Type": {"application/json"}}, Body: `{
		"message": "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.",
		"documentation_url": "https://docs.github.com/rest/using-the-rest-api/rate-limits-for-the-rest-api#about-secondary-rate-limits"}`}
	if after != "" {
		f.Header.Set("Retry-After", after)
	}
	return f
}
