// Package controllers joins the stages: thin reconcilers that gather facts,
// let the stages judge, and write the outcome. Pods and policies come in from
// the API server; ImageReports, and the status of the other kinds, go out. It
// holds no rule of its own about what is vulnerable or allowed.
package controllers
