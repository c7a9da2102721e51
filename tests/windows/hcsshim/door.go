//go:build windows

package main

import (
	"encoding/json"
	"syscall"
	"unsafe"
)

var (
	hnsCallProcedure = syscall.NewLazyDLL("vmcompute.dll").NewProc("HNSCall")
	freeProcedure    = syscall.NewLazyDLL("ole32.dll").NewProc("CoTaskMemFree")
)

// answer is what the older door says.
type answer struct {
	Success   bool
	Error     string
	ErrorCode uint32
	Output    json.RawMessage
}

// hnsCall calls the older door as hcsshim does, for paths that hcsshim has no function for.
func hnsCall(method, path, body string) answer {
	var response *uint16
	methodText := got(syscall.UTF16PtrFromString(method))
	pathText := got(syscall.UTF16PtrFromString(path))
	bodyText := got(syscall.UTF16PtrFromString(body))
	code, _, _ := hnsCallProcedure.Call(
		uintptr(unsafe.Pointer(methodText)), uintptr(unsafe.Pointer(pathText)),
		uintptr(unsafe.Pointer(bodyText)), uintptr(unsafe.Pointer(&response)))
	expect(int32(code) >= 0, "HNSCall %s %s: 0x%08X", method, path, uint32(code))
	expect(response != nil, "HNSCall %s %s gave no response", method, path)
	var units []uint16
	for at := response; *at != 0; at = (*uint16)(unsafe.Add(unsafe.Pointer(at), 2)) {
		units = append(units, *at)
	}
	freeProcedure.Call(uintptr(unsafe.Pointer(response)))
	var said answer
	must(json.Unmarshal([]byte(syscall.UTF16ToString(units)), &said))
	return said
}

// steer posts to a path below /emulator/, which no real HNS has.
func steer(path, body string) {
	said := hnsCall("POST", "/emulator/"+path, body)
	expect(said.Success, "%s: %s", path, said.Error)
}

// fresh makes HNS anew, as the Setup document says.
func fresh(setup string) {
	steer("reset", setup)
}
