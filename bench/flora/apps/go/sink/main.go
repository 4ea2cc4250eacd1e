// The sink: where instrumented servers send what they have. OTLP/HTTP with protobuf on :4318, Datadog's agent on :8126
// and :8125 (dogstatsd), all on loopback unless HOST says otherwise. It stands in for collectors and vendors that cannot be had here, and answers
// as they would when they keep everything: sampling rate 1.
//
// GET :4319/count tells what came: {"spans":…,"metrics":…,"logs":…,"requests":…,"bytes":…,"profiles":…,"statsd":…,"broken":…}
package main

import (
	"compress/gzip"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
)

var spans, metrics, logs, requests, volume, profiles, statsd, broken int64

// What was sent, decompressed.
func body(r *http.Request) []byte {
	atomic.AddInt64(&requests, 1)
	from := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			atomic.AddInt64(&broken, 1)
			return nil
		}
		from = z
	}
	b, err := io.ReadAll(from)
	if err != nil {
		atomic.AddInt64(&broken, 1)
	}
	atomic.AddInt64(&volume, int64(len(b)))
	return b
}

func add(counter *int64, n int, err error) {
	atomic.AddInt64(counter, int64(n))
	if err != nil {
		atomic.AddInt64(&broken, 1)
	}
}

// Traces, metrics and logs have the same frame: resource (1), scope (2), item (2).
func otlp(counter *int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := countNested(body(r), 1, 2, 2)
		add(counter, n, err)
		w.Header().Set("Content-Type", "application/x-protobuf")
	}
}

// Datadog's traces: a list of traces, each a list of spans; 0.5 has a list of texts before it.
func datadog(behind int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		n, err := countSpans(body(r), behind)
		add(&spans, n, err)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"rate_by_service":{"service:,env:":1}}`)
	}
}

func info(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, `{"version":"7.60.0","endpoints":["/v0.4/traces","/v0.5/traces","/profiling/v1/input","/telemetry/proxy/"],"client_drop_p0s":false,"config":{"statsd_port":8125}}`)
}

func other(w http.ResponseWriter, r *http.Request) {
	body(r)
	if strings.HasPrefix(r.URL.Path, "/profiling") {
		atomic.AddInt64(&profiles, 1)
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{}")
}

func count(w http.ResponseWriter, _ *http.Request) {
	all := map[string]int64{}
	for name, at := range map[string]*int64{"spans": &spans, "metrics": &metrics, "logs": &logs, "requests": &requests,
		"bytes": &volume, "profiles": &profiles, "statsd": &statsd, "broken": &broken} {
		all[name] = atomic.LoadInt64(at)
	}
	_ = json.NewEncoder(w).Encode(all)
}

func serve(address string, routes map[string]http.HandlerFunc) {
	mux := http.NewServeMux()
	for path, handler := range routes {
		mux.HandleFunc(path, handler)
	}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	go func() { log.Fatal(http.Serve(listener, mux)) }()
}

func main() {
	host := os.Getenv("HOST")
	if host == "" {
		host = "127.0.0.1"
	}
	serve(host+":4318", map[string]http.HandlerFunc{"/v1/traces": otlp(&spans), "/v1/metrics": otlp(&metrics), "/v1/logs": otlp(&logs)})
	serve(host+":8126", map[string]http.HandlerFunc{"/v0.4/traces": datadog(0), "/v0.5/traces": datadog(1), "/info": info, "/": other})
	serve(host+":4319", map[string]http.HandlerFunc{"/count": count})
	packets, err := net.ListenPacket("udp", host+":8125")
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		buffer := make([]byte, 65536)
		for {
			n, _, err := packets.ReadFrom(buffer)
			if err != nil {
				log.Fatal(err)
			}
			atomic.AddInt64(&statsd, int64(strings.Count(strings.TrimRight(string(buffer[:n]), "\n"), "\n")+1))
		}
	}()
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	<-ended
}
