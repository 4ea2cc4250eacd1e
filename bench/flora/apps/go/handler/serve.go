package handler

import (
	"context"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// Serve answers on ADDRESS until SIGTERM; api is API, instrumented or not. The counters have a port of their own
// (CONTROL), so that asking for them is no request to the service that is measured.
func Serve(api http.Handler, done func(context.Context)) {
	mux := http.NewServeMux()
	mux.Handle("/api", api)
	control := http.NewServeMux()
	control.HandleFunc("/count", Count)
	control.HandleFunc("/metrics", Metrics)
	server := &http.Server{Handler: mux}
	go func() { _ = http.Serve(listen("CONTROL", "127.0.0.1:8081"), control) }()

	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		<-ended
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(ctx)
	}()
	if err := server.Serve(listen("ADDRESS", "127.0.0.1:8080")); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	done(ctx)
}

func listen(name, otherwise string) net.Listener {
	address := os.Getenv(name)
	if address == "" {
		address = otherwise
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		log.Fatal(err)
	}
	return l
}
