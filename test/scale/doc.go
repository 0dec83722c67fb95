// Package scale runs the operator on a cluster as large as a company's: with -pods=10000, 1,000 digests in 200
// namespaces and 2,000 reports. In: the number of pods, from which the rest follows. Out: what it took (times,
// memory, writes, etcd's growth), as a table; and failures where counts are wrong: reports, pulls, writes, bytes of memory.
// It never fails because a machine is slow.
package scale
