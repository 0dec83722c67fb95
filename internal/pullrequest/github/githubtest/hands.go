package githubtest

import (
	"slices"

	"github.com/plimsoll-dev/plimsoll/internal/pullrequest/forgetest/repository"
)

// Push makes a person's commit on a branch, which is made from main where it is not there, and returns it.
func (s *Server) Push(branch string, files map[string]repository.File) string {
	s.repository.Lock()
	defer s.repository.Unlock()
	head, there := s.repository.Branches[branch]
	if !there {
		head = s.repository.Branches["main"]
	}
	c := s.repository.Add(head, "Change by hand", person, person, files)
	s.repository.Move(branch, c.SHA)
	return c.SHA
}

// Merge merges a pull request as a person.
func (s *Server) Merge(number int64) bool {
	s.repository.Lock()
	defer s.repository.Unlock()
	p, ok := s.repository.Pull(number)
	return ok && s.repository.Merge(p, person, web)
}

// ClosePull closes a pull request as a person.
func (s *Server) ClosePull(number int64) {
	s.repository.Lock()
	defer s.repository.Unlock()
	if p, ok := s.repository.Pull(number); ok {
		s.repository.ClosePull(p)
	}
}

// Fork adds a pull request from a branch of the same name in a fork of the same owner.
func (s *Server) Fork(branch string) {
	s.repository.Lock()
	defer s.repository.Unlock()
	s.repository.OpenPull(repository.Pull{Branch: branch, Target: "main", Title: "From a fork", Author: Person, Fork: true})
}

// Protect keeps everybody from pushing to a branch.
func (s *Server) Protect(branch string) {
	s.repository.Lock()
	defer s.repository.Unlock()
	s.repository.Protected[branch] = true
}

// Set changes whether the repository is public, and whether it is archived.
func (s *Server) Set(public, archived bool) {
	s.repository.Lock()
	defer s.repository.Unlock()
	s.repository.Public, s.repository.Archived = public, archived
}

// Truncate lets trees be listed in part only.
func (s *Server) Truncate() {
	s.repository.Lock()
	defer s.repository.Unlock()
	s.truncate = true
}

// Revoke makes all tokens but the bot's bad at once.
func (s *Server) Revoke() {
	s.repository.Lock()
	defer s.repository.Unlock()
	s.tokens = map[string]account{Token: {login: Bot}}
}

// Pull returns a copy of a pull request.
func (s *Server) Pull(number int64) repository.Pull {
	s.repository.Lock()
	defer s.repository.Unlock()
	p, _ := s.repository.Pull(number)
	return *p
}

// Branches lists the names of all branches.
func (s *Server) Branches() []string {
	s.repository.Lock()
	defer s.repository.Unlock()
	var names []string
	for name := range s.repository.Branches {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Seen lists methods and paths of all requests that were not answered by a fault.
func (s *Server) Seen() []string {
	s.repository.Lock()
	defer s.repository.Unlock()
	return slices.Clone(s.seen)
}
