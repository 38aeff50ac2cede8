// Package db is the generated access to the tables of package state. It knows
// one SQL text for each query and nothing of what the rows mean; only package
// state uses it.
package db
