package githubtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The App, its installation, and the account as which it acts.
const (
	AppID          = 4711
	InstallationID = 815
	AppLogin       = "plimsoll[bot]"
)

// createToken gives an installation's token, which is good for an hour, for an App's proof.
func (s *Server) createToken(r *http.Request) (int, any) {
	proof := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if why := s.refuseProof(proof); why != "" {
		return http.StatusUnauthorized, failure(why)
	}
	if r.PathValue("id") != strconv.Itoa(InstallationID) {
		return http.StatusNotFound, failure("Not Found")
	}
	var in struct{ Repositories []string }
	if json.NewDecoder(r.Body).Decode(&in) != nil {
		return http.StatusBadRequest, failure("Problems parsing JSON")
	}
	if !slices.Equal(in.Repositories, []string{Name}) {
		return http.StatusUnprocessableEntity, failure("There is at least one repository that does not exist or is not accessible to the parent installation.")
	}
	token := "ghs_" + rand.Text()
	expires := s.options.Now().Add(time.Hour)
	s.tokens[token] = account{login: AppLogin, expires: expires}
	return http.StatusCreated, object{"token": token, "expires_at": expires.UTC().Format(time.RFC3339)}
}

// refuseProof says why a JSON Web Token does not show who the App is, or nothing.
func (s *Server) refuseProof(proof string) string {
	parts := strings.Split(proof, ".")
	if len(parts) != 3 || s.options.AppKey == nil {
		return "A JSON web token could not be decoded"
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(s.options.AppKey, crypto.SHA256, digest[:], signature) != nil {
		return "A JSON web token could not be decoded"
	}
	var header struct{ Alg string }
	var claims struct {
		Iss      string
		Iat, Exp int64
	}
	if !decode(parts[0], &header) || !decode(parts[1], &claims) || header.Alg != "RS256" || claims.Iss != strconv.Itoa(AppID) {
		return "A JSON web token could not be decoded"
	}
	switch now := s.options.Now().Unix(); {
	case claims.Iat > now:
		return "'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued"
	case claims.Exp > now+600:
		return "'Expiration time' claim ('exp') is too far in the future"
	case claims.Exp <= now:
		return "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires"
	}
	return ""
}

func decode(part string, into any) bool {
	raw, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(raw, into) == nil
}
