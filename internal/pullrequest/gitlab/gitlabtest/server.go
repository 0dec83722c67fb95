package gitlabtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/fault"
	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/repository"
)

// Owner and Name of the project, and its accounts.
const (
	Owner  = "shop/platform"
	Name   = "deploy"
	Bot    = "plimsoll-bot"
	Person = "ada"
	// Token is the bot's.
	Token = "glpat-0123456789abcdefghij"
	// BotEmail is the author and committer of commits made for the bot.
	BotEmail = "plimsoll-bot@noreply.gitlab.example"
)

var (
	person = repository.Identity{Name: "Ada", Email: "Ada@example.com"}
	bot    = repository.Identity{Name: Bot, Email: BotEmail}
	// users by number.
	users = map[string]int64{Bot: 1, Person: 2}
)

// Options of Start.
type Options struct {
	Now func() time.Time
	// Prefix is the path below which the server is: "" or one such as /gitlab.
	Prefix string
	// Limit of requests in a minute. 0: 2,000.
	Limit int
}

// Server answers as GitLab does.
type Server struct {
	// URL is the base URL of the server, with its prefix.
	URL string
	// Faults to come.
	Faults fault.Faults

	options    Options
	repository *repository.Repository
	http       *httptest.Server
	used       int
	reset      time.Time
	pipeline   string
	seen       []string
}

// Start starts a server, which the caller closes.
func Start(o Options) *Server {
	if o.Limit == 0 {
		o.Limit = 2000
	}
	s := &Server{options: o, repository: repository.New(o.Now, person)}
	mux := http.NewServeMux()
	s.routes(mux)
	s.http = httptest.NewServer(s.Faults.Handler(s.guard(mux)))
	s.URL = s.http.URL + o.Prefix
	return s
}

// Close ends the server.
func (s *Server) Close() { s.http.Close() }

// reply to a request.
type reply struct {
	status int
	header http.Header
	body   any
}

func (s *Server) routes(mux *http.ServeMux) {
	api := s.options.Prefix + "/api/v4"
	project := api + "/projects/{id}"
	for pattern, answer := range map[string]func(*http.Request) reply{
		"GET " + project: s.getProject,
		"GET " + project + "/repository/branches/{branch}":    s.getBranch,
		"DELETE " + project + "/repository/branches/{branch}": s.deleteBranch,
		"GET " + project + "/repository/tree":                 s.getTree,
		"GET " + project + "/repository/files/{path}":         s.getFile,
		"GET " + project + "/repository/commits":              s.listCommits,
		"GET " + project + "/repository/commits/{ref}":        s.getCommit,
		"POST " + project + "/repository/commits":             s.createCommit,
		"GET " + project + "/merge_requests":                  s.listMerges,
		"POST " + project + "/merge_requests":                 s.createMerge,
		"GET " + project + "/merge_requests/{iid}":            s.merge(s.getMerge),
		"PUT " + project + "/merge_requests/{iid}":            s.merge(s.updateMerge),
		"PUT " + project + "/merge_requests/{iid}/merge":      s.merge(s.accept),
		"POST " + project + "/merge_requests/{iid}/notes":     s.merge(s.addNote),
		"GET " + api + "/users":                               s.listUsers,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { write(w, answer(r)) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		write(w, reply{status: http.StatusNotFound, body: object{"error": "404 Not Found"}})
	})
}

type object = map[string]any

// failure is a reply whose message begins with its status, as most do.
func failure(status int, what string) reply {
	message := fmt.Sprintf("%d %s", status, http.StatusText(status))
	if what != "" {
		message = what
	}
	return reply{status: status, body: object{"message": message}}
}

func write(w http.ResponseWriter, r reply) {
	w.Header().Set("Content-Type", "application/json")
	for name, values := range r.header {
		w.Header()[http.CanonicalHeaderKey(name)] = values
	}
	w.WriteHeader(r.status)
	if r.body != nil {
		_ = json.NewEncoder(w).Encode(r.body)
	}
}

// guard checks limits, credentials and the project's path, for one request at a time.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.repository.Lock()
		defer s.repository.Unlock()
		s.seen = append(s.seen, r.Method+" "+r.URL.EscapedPath())
		if !s.count(w) {
			w.Header().Set("Content-Type", "text/plain")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = w.Write([]byte("Retry later\n"))
			return
		}
		if refused := s.refuse(r); refused.status != 0 {
			write(w, refused)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuse is the reply to a request that its token or its project does not admit.
func (s *Server) refuse(r *http.Request) reply {
	token := r.Header.Get("Private-Token")
	path, _, _ := strings.Cut(strings.TrimPrefix(r.URL.EscapedPath(), s.options.Prefix+"/api/v4/projects/"), "/")
	project, _ := url.PathUnescape(path)
	writes := r.Method != http.MethodGet && r.Method != http.MethodHead
	switch {
	case token != Token && (token != "" || writes):
		return failure(http.StatusUnauthorized, "")
	case strings.Contains(r.URL.Path, "/projects/") && (project != Owner+"/"+Name || token == "" && !s.repository.Public):
		return failure(http.StatusNotFound, "404 Project Not Found")
	case s.repository.Archived && writes:
		return failure(http.StatusForbidden, "")
	}
	return reply{}
}

// count counts a request, and reports whether the limit admits it.
func (s *Server) count(w http.ResponseWriter) bool {
	now := s.options.Now()
	if !now.Before(s.reset) {
		s.used, s.reset = 0, now.Add(time.Minute)
	}
	s.used++
	w.Header().Set("RateLimit-Limit", strconv.Itoa(s.options.Limit))
	w.Header().Set("RateLimit-Observed", strconv.Itoa(s.used))
	w.Header().Set("RateLimit-Remaining", strconv.Itoa(max(0, s.options.Limit-s.used)))
	w.Header().Set("RateLimit-Reset", strconv.FormatInt(s.reset.Unix(), 10))
	if s.used <= s.options.Limit {
		return true
	}
	w.Header().Set("Retry-After", strconv.Itoa(int(s.reset.Sub(now).Seconds())))
	return false
}

func (s *Server) getProject(*http.Request) reply {
	visibility := "private"
	if s.repository.Public {
		visibility = "public"
	}
	return reply{status: http.StatusOK, body: object{
		"id": 1, "path_with_namespace": Owner + "/" + Name, "default_branch": s.repository.DefaultBranch,
		"visibility": visibility, "archived": s.repository.Archived,
	}}
}

func (s *Server) listUsers(r *http.Request) reply {
	found := []object{}
	for name, id := range users {
		if strings.EqualFold(name, r.URL.Query().Get("username")) {
			found = append(found, object{"id": id, "username": name})
		}
	}
	return reply{status: http.StatusOK, body: found}
}

// page cuts the page out of a list that the request asks for by its offset.
func page(r *http.Request, all []object) reply {
	query := r.URL.Query()
	size := min(number(query, "per_page", 20), 100)
	n := number(query, "page", 1)
	from := min((n-1)*size, len(all))
	to := min(from+size, len(all))
	header := http.Header{
		"X-Page": {strconv.Itoa(n)}, "X-Per-Page": {strconv.Itoa(size)}, "X-Total": {strconv.Itoa(len(all))},
		"X-Total-Pages": {strconv.Itoa((len(all) + size - 1) / size)}, "X-Next-Page": {""},
	}
	if to < len(all) {
		header.Set("X-Next-Page", strconv.Itoa(n+1))
		query.Set("page", strconv.Itoa(n+1))
		header.Set("Link", link(r, query))
	}
	return reply{status: http.StatusOK, header: header, body: all[from:to]}
}

// link to the next page.
func link(r *http.Request, query url.Values) string {
	return fmt.Sprintf(`<http://%s%s?%s>; rel="next"`, r.Host, r.URL.EscapedPath(), query.Encode())
}

func number(query url.Values, name string, standard int) int {
	if n, err := strconv.Atoi(query.Get(name)); err == nil && n > 0 {
		return n
	}
	return standard
}
