// Package docs holds the documentation to the code. In: the pages and what they speak of. Out: test failures.
package docs
