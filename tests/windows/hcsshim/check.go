//go:build windows

package main

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

// A check has an id and a sentence, and panics with a failure when it does not hold.
type check struct {
	id   string
	what string
	run  func()
}

// failure is what a check that does not hold panics with.
type failure string

func fail(format string, values ...any) {
	panic(failure(fmt.Sprintf(format, values...)))
}

// expect fails unless something holds.
func expect(holds bool, format string, values ...any) {
	if !holds {
		fail(format, values...)
	}
}

// must fails when there is an error.
func must(err error) {
	if err != nil {
		fail("%v", err)
	}
}

// got gives a value that came without an error.
func got[Value any](value Value, err error) Value {
	must(err)
	return value
}

// guarded runs a part and says why it failed; the empty text when it did not.
func guarded(part func()) (why string) {
	defer func() {
		switch reason := recover().(type) {
		case nil:
		case failure:
			why = string(reason)
		default:
			// A missing export, among others, is a panic of Go's own.
			why = fmt.Sprintf("panic: %v: %s", reason, firstLines(string(debug.Stack())))
		}
	}()
	part()
	return ""
}

func firstLines(stack string) string {
	lines := strings.Split(stack, "\n")
	return strings.Join(lines[:min(len(lines), 16)], " ")
}

// patience is how long a check may take before it is taken to hang.
const patience = 4 * time.Minute

type line struct {
	ID     string `json:"id"`
	Status string `json:"status"`
	Detail string `json:"detail"`
}

// printLine writes one line of JSON.
func printLine(id, status, detail string) {
	text, err := json.Marshal(line{id, status, detail})
	if err != nil {
		text = []byte(`{"id":"` + id + `","status":"fail","detail":"it cannot be printed"}`)
	}
	fmt.Println(string(text))
}

// runOne runs a check on an HNS that has just been made.
func runOne(one check) bool {
	over := time.AfterFunc(patience, func() {
		printLine(one.id, "fail", "it hangs")
		os.Exit(1)
	})
	defer over.Stop()
	why := guarded(func() {
		fresh("{}")
		one.run()
	})
	if why != "" {
		printLine(one.id, "fail", why)
		return false
	}
	printLine(one.id, "pass", one.what)
	return true
}

func runAll(groups [][]check, only string) bool {
	good := true
	for _, group := range groups {
		for _, one := range group {
			if only == "" || strings.EqualFold(only, one.id) {
				good = runOne(one) && good
			}
		}
	}
	return good
}
