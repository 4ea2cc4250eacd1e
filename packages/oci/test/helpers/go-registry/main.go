// go-containerregistry's registry with its Referrers API, which `crane registry serve` leaves switched off.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	quiet := log.New(os.Stderr, "", 0)
	handler := registry.New(registry.WithReferrersSupport(true), registry.Logger(quiet))
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], handler))
}
