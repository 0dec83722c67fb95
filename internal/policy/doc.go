// Package policy judges images. In come the facts of one image as one namespace
// runs it, the policies that may select it, the ledger of when its findings
// were first seen, and the time; out come a verdict, the violations and the
// instant at which time alone changes them. It is pure: it never does I/O,
// never reads a clock, and never passes what it could not judge.
//
// An ImagePolicySpec that names sources of VEX documents is refused by the API;
// here they take no findings out.
package policy
