// Package javadb finds out what Java archives are that do not say it themselves.
//
// In: a database in trivy-java-db's format, an index of Maven's archives (Fetch,
// Open), and the packages of an image, of which some have no group but evidence.
// Out: the packages under their true names (Resolve), by Trivy's rules.
//
// It must never write to a database, run what a database's schema holds, or give
// a package a name that the database does not know.
package javadb
