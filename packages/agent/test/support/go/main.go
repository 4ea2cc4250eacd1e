// A server and a client of Go's net/http. Both read and write a connection in goroutines of their own, so that the kernel sees
// one end's calls in an order that is not that of its messages: the server already waits for the next request's first byte
// while it writes a response, the client for a response while it writes the request.
//
//	program serve                         prints its port, and after each line of stdin how many requests it was asked
//	program send PORT COUNT CONNECTIONS   sends requests to /fast, each twentieth to /slow; with COUNT 0 until its stdin ends;
//	                                      says how many it sent, and how many were rightly answered
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

const slow = 20 * time.Millisecond

func main() {
	if os.Args[1] == "serve" {
		serve()
	} else {
		send(os.Args[2], number(os.Args[3]), number(os.Args[4]))
	}
}

func number(text string) int {
	n, err := strconv.Atoi(text)
	check(err)
	return n
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve() {
	var asked int64
	http.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		atomic.AddInt64(&asked, 1)
		_, err := io.Copy(io.Discard, r.Body)
		check(err)
		if r.URL.Path == "/slow" {
			time.Sleep(slow)
		}
		fmt.Fprint(w, r.URL.Query().Get("n"))
	})
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	check(err)
	go func() { check(http.Serve(listener, nil)) }()
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(atomic.LoadInt64(&asked))
	}
}

func send(port string, count, connections int) {
	client := http.Client{Transport: &http.Transport{MaxConnsPerHost: connections, MaxIdleConnsPerHost: connections}}
	var next, sent, answered int64
	var ended atomic.Value
	var all sync.WaitGroup
	ended.Store(false)
	if count == 0 {
		go func() {
			_, err := io.Copy(io.Discard, os.Stdin)
			check(err)
			ended.Store(true)
		}()
	}
	more := func(n int64) bool {
		return n <= int64(count) || count == 0 && !ended.Load().(bool)
	}
	for i := 0; i < connections; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for n := atomic.AddInt64(&next, 1); more(n); n = atomic.AddInt64(&next, 1) {
				atomic.AddInt64(&sent, 1)
				path := "fast"
				if n%20 == 0 {
					path = "slow"
				}
				response, err := client.Get(fmt.Sprintf("http://127.0.0.1:%s/%s?n=%d", port, path, n))
				check(err)
				body, err := io.ReadAll(response.Body)
				check(err)
				if string(body) == strconv.FormatInt(n, 10) {
					atomic.AddInt64(&answered, 1)
				}
			}
		}()
	}
	all.Wait()
	client.CloseIdleConnections()
	fmt.Println(sent, answered)
}
