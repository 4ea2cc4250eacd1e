// The server with dd-trace-go of early 2023, as the published comparison must have used it.
package main

import (
	"context"
	"log"
	"net/http"
	"os"

	httptrace "gopkg.in/DataDog/dd-trace-go.v1/contrib/net/http"
	"gopkg.in/DataDog/dd-trace-go.v1/ddtrace/tracer"
	"gopkg.in/DataDog/dd-trace-go.v1/profiler"

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
	tracer.Start(options...)
	handler.Serve(httptrace.WrapHandler(http.HandlerFunc(handler.API), "flora", "/api"), func(context.Context) {
		tracer.Stop()
		if profiling {
			profiler.Stop()
		}
	})
}
