// The server without any library that watches it.
package main

import (
	"context"
	"net/http"

	"skep/bench/flora/handler"
)

func main() {
	handler.Serve(http.HandlerFunc(handler.API), func(context.Context) {})
}
