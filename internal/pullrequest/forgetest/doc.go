// Package forgetest is the one suite of tests that each pullrequest.Forge has to
// pass. In come a forge with a new repository, and the hands of a person there;
// out come test failures. It asks only for what every forge can do, so that it
// runs on real servers and on test servers alike.
package forgetest
