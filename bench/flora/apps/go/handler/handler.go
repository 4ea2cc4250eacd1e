// Package handler is the server of the published comparison: a request makes N random JSON objects and does M tasks of
// hashing; the answer is plain or compressed. Everything is asked for by query:
//
//	/api?objects=5&tasks=10&gzip=0
//
// /count tells how many /api requests were answered, and what the process looks like.
package handler

import (
	"compress/gzip"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math/rand"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
)

// Rounds of SHA-256 in one task, each hashing the last one's sum.
const rounds = 32

type object struct {
	ID     uint32   `json:"id"`
	Name   string   `json:"name"`
	Price  float64  `json:"price"`
	Tags   []string `json:"tags"`
	Active bool     `json:"active"`
}

type answer struct {
	Objects []object `json:"objects"`
	Sum     string   `json:"sum"`
}

var (
	answered int64
	writers  = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}
)

const letters = "abcdefghijklmnopqrstuvwxyz"

func word(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = letters[rand.Intn(len(letters))]
	}
	return string(b)
}

func work(objects, tasks int) answer {
	a := answer{Objects: make([]object, objects)}
	for i := range a.Objects {
		a.Objects[i] = object{rand.Uint32(), word(12), rand.Float64() * 100, []string{word(6), word(6)}, i%2 == 0}
	}
	sum := sha256.Sum256([]byte(strconv.Itoa(rand.Int())))
	for i := 0; i < tasks*rounds; i++ {
		sum = sha256.Sum256(sum[:])
	}
	a.Sum = fmt.Sprintf("%x", sum)
	return a
}

// A number of the query, 0 to most; what is none is 0.
func number(r *http.Request, name string, most int) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil || n < 0 {
		return 0
	}
	if n > most {
		return most
	}
	return n
}

// API answers /api.
func API(w http.ResponseWriter, r *http.Request) {
	body, err := json.Marshal(work(number(r, "objects", 10000), number(r, "tasks", 10000)))
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	atomic.AddInt64(&answered, 1)
	w.Header().Set("Content-Type", "application/json")
	if number(r, "gzip", 1) == 0 {
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body)
		return
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := writers.Get().(*gzip.Writer)
	z.Reset(w)
	_, _ = z.Write(body)
	_ = z.Close()
	writers.Put(z)
}

// Count answers /count, and /metrics the same for Prometheus: outside of what is measured or instrumented.
func Count(w http.ResponseWriter, _ *http.Request) {
	_ = json.NewEncoder(w).Encode(map[string]any{"answered": atomic.LoadInt64(&answered), "runtime": runtime.Version()})
}

func Metrics(w http.ResponseWriter, _ *http.Request) {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	seconds := float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
	var size, resident int
	if statm, err := os.ReadFile("/proc/self/statm"); err == nil {
		_, _ = fmt.Sscan(string(statm), &size, &resident)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4")
	fmt.Fprintf(w, "# TYPE app_requests_total counter\napp_requests_total %d\n", atomic.LoadInt64(&answered))
	fmt.Fprintf(w, "# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total %g\n", seconds)
	fmt.Fprintf(w, "# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %d\n", resident*os.Getpagesize())
}
