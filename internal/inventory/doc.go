// Package inventory knows which image, by digest, every container of every pod
// runs, and who owns it. Pods come in, as the API server reports them; what
// goes out is, per namespace and image, the workloads that run it. It is an
// index in memory: it does no I/O and pulls nothing.
package inventory
