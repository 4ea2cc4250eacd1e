// The server with OpenTelemetry's SDK as its documentation has it: otelhttp, every request a span, spans and metrics in
// batches over OTLP/HTTP. The ends come from the standard variables (OTEL_EXPORTER_OTLP_ENDPOINT, ...).
package main

import (
	"context"
	"log"
	"net/http"

	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	"go.opentelemetry.io/otel/sdk/trace"
	semconv "go.opentelemetry.io/otel/semconv/v1.26.0"

	"skep/bench/flora/handler"
)

func main() {
	ctx := context.Background()
	spans, err := otlptracehttp.New(ctx)
	if err != nil {
		log.Fatal(err)
	}
	numbers, err := otlpmetrichttp.New(ctx)
	if err != nil {
		log.Fatal(err)
	}
	name := resource.NewSchemaless(semconv.ServiceName("flora"))
	traces := trace.NewTracerProvider(trace.WithBatcher(spans), trace.WithResource(name))
	metrics := metric.NewMeterProvider(metric.WithReader(metric.NewPeriodicReader(numbers)), metric.WithResource(name))
	otel.SetTracerProvider(traces)
	otel.SetMeterProvider(metrics)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	handler.Serve(otelhttp.NewHandler(http.HandlerFunc(handler.API), "/api"), func(ctx context.Context) {
		_ = traces.Shutdown(ctx)
		_ = metrics.Shutdown(ctx)
	})
}
