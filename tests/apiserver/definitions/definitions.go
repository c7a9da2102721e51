// Package definitions describes the served kinds for OpenAPI.
//
// All of it is generated when the server is built (see README.md), so there is nothing here to keep in step.
package definitions
