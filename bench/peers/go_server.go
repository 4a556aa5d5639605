// Go's net/http server: 16 bytes for every request, or the files of a folder, if one is named.
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("{\"port\": %d}\n", listener.Addr().(*net.TCPAddr).Port)
	if len(os.Args) > 1 {
		log.Fatal(http.Serve(listener, http.FileServer(http.Dir(os.Args[1]))))
	}
	answer := []byte("0123456789abcde\n")
	log.Fatal(http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		w.Write(answer)
	})))
}
