// A Go program of known stacks: main.(*Worker).Run calls main.leaf, which prints where each returns to. It imports
// little, so that it is built soon.
package main

import (
	"runtime"
	"syscall"
)

type Worker struct{}

//go:noinline
func leaf() int {
	var pcs [8]uintptr
	for _, pc := range pcs[:runtime.Callers(1, pcs[:])] {
		line := []byte{'\n'}
		for ; pc > 0; pc >>= 4 {
			line = append([]byte{"0123456789abcdef"[pc&15]}, line...)
		}
		syscall.Write(1, line)
	}
	syscall.Write(1, []byte("end\n"))
	var one [1]byte
	n, _ := syscall.Read(0, one[:])
	return n
}

//go:noinline
func (w *Worker) Run() int { return leaf() + 1 }

func main() { syscall.Exit((&Worker{}).Run() - 1) }
