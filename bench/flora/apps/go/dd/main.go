// The server with dd-trace-go, its agent where DD_AGENT_HOST says; with DD_PROFILING_ENABLED=true its CPU and heap
// profiler and runtime metrics too.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	httptrace "github.com/DataDog/dd-trace-go/contrib/net/http/v2"
	"github.com/DataDog/dd-trace-go/v2/ddtrace/tracer"
	"github.com/DataDog/dd-trace-go/v2/profiler"

	"skep/bench/flora/handler"
)

func main() {
	profiling := os.Getenv("DD_PROFILING_ENABLED") == "true"
	options := []tracer.StartOption{tracer.WithService("flora")}
	if profiling {
		options = append(options, tracer.WithRuntimeMetrics())
		if err := profiler.Start(profiler.WithService("flora"), profiler.WithProfileTypes(profiler.CPUProfile, profiler.HeapProfile)); err != nil {
			log.Fatal(err)
		}
	}
	if err := tracer.Start(options...); err != nil {
		log.Fatal(err)
	}
	handler.Serve(httptrace.WrapHandler(http.HandlerFunc(handler.API), "flora", "/api"), func(context.Context) {
		tracer.Stop()
		if profiling {
			profiler.Stop()
		}
	})
}
