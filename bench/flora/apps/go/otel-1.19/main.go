// The server with OpenTelemetry's SDK of early 2023, the last that is built with Go 1.19 and had spans only.
package main

import (
	"context"
	"log"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.17.0"

	"skep/bench/flora/handler"
)

func main() {
	spans, err := otlptracehttp.New(context.Background(), otlptracehttp.WithInsecure())
	if err != nil {
		log.Fatal(err)
	}
	name := resource.NewSchemaless(semconv.ServiceName("flora"))
	traces := trace.NewTracerProvider(trace.WithBatcher(spans), trace.WithResource(name))
	otel.SetTracerProvider(traces)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	handler.Serve(otelhttp.NewHandler(http.HandlerFunc(handler.API), "/api"), func(ctx context.Context) {
		_ = traces.Shutdown(ctx)
	})
}
