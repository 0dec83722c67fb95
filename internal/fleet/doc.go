// Package fleet is the inverted index from what is judged to the images that
// hold it. What comes in: the components of each running image, and one
// database after another. What goes out: the findings of each image and, for a
// new database, the images whose findings it changes, worst first.
//
// Every distinct subject is judged once however many images share it, and
// again only where a new database says something else under its key. So a
// database's news costs in proportion to the news and not to the images.
//
// It never pulls, reads no clock and writes nothing; it can be rebuilt at any
// time from the store. Before the first database the findings of an image are
// unknown, which is not the same as none.
package fleet
