// Package forge runs a real Gitea on this machine, and plays the people that work with it.
//
// In: Options. Out: a Gitea with two accounts, a person who is its administrator and owns the repositories, and a bot that may write to
// them, with a token for each. It must never listen on anything but the loopback address, or leave a process behind after
// Stop, unless it is to be detached. It is for tests and the demo alone: its passwords and tokens are thrown away with it.
package forge
