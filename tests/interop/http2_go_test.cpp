// HTTP/2 with Go's net/http, both ways over TLS: it speaks it no other way. Where Go is not
// installed the tests skip by name.
#include "http/http_server_thread.hpp"
#include "support/child_process.hpp"
#include "support/conformance.hpp"

#include <rondo/http.hpp>
#include <rondo/patterns/gather.hpp>

using namespace rondo;
using namespace rondo_test;
using http::response;

namespace http2_go_test {
namespace {

// client URL: asks for everything twenty times at once. server CHAIN KEY: prints its port, gives
// /large, echoes what is posted, and answers /early before it has read.
constexpr const char* go_program = R"(
package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
)

func check(so bool, what string) {
	if !so {
		panic(what)
	}
}

func client(at string) {
	c := http.Client{Transport: &http.Transport{
		ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	read := func(a *http.Response, err error) []byte {
		check(err == nil, fmt.Sprint(err))
		defer a.Body.Close()
		check(a.ProtoMajor == 2, a.Proto)
		all, err := io.ReadAll(a.Body)
		check(err == nil, fmt.Sprint(err))
		return all
	}
	body := bytes.Repeat([]byte("go"), 150000)
	var all sync.WaitGroup
	for i := 0; i < 20; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			check(string(read(c.Get(at+"/hello"))) == "hello\n", "hello")
			once := io.MultiReader(bytes.NewReader(body))
			for _, from := range []io.Reader{bytes.NewReader(body), once} {
				check(bytes.Equal(read(c.Post(at+"/echo", "text/plain", from)), body), "echo")
			}
			given, err := c.Get(at + "/much")
			check(err == nil && given.StatusCode == 200, "much")
			io.ReadFull(given.Body, make([]byte, 1000))
			given.Body.Close()
		}()
	}
	all.Wait()
	fmt.Println("as sent")
}

func server(chain string, key string) {
	http.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) {
		w.Write(bytes.Repeat([]byte("go"), 1500000))
	})
	http.HandleFunc("/echo", func(w http.ResponseWriter, r *http.Request) { io.Copy(w, r.Body) })
	early := func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("early")) }
	http.HandleFunc("/early", early)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err == nil, fmt.Sprint(err))
	fmt.Println(l.Addr().(*net.TCPAddr).Port)
	panic(http.ServeTLS(l, nil, chain, key))
}

func main() {
	if os.Args[1] == "client" {
		client(os.Args[2])
	} else {
		server(os.Args[2], os.Args[3])
	}
}
)";

struct built_program {
  explicit built_program(const std::string& go) {
    const std::string source = folder.write("main.go", go_program);
    const finished built =
        run_command({find_program("env"), "GOCACHE=" + (folder / "cache"), "GO111MODULE=off", go,
                     "build", "-o", folder / "program", source});
    EXPECT_EQ(built.status, 0) << built.output;
  }
  std::string path() const { return folder / "program"; }
  temporary_folder folder;
};

// It compiles its library first: a minute of work, once for all tests.
#define NEEDS_GO                                                               \
  if (!long_run()) GTEST_SKIP() << "Go's compiler takes its time: a long run"; \
  const std::string go = find_program("go");                                   \
  if (go.empty()) GTEST_SKIP() << "go is not installed: nothing to talk with"; \
  NEEDS_CERTIFICATES;                                                          \
  static const built_program program(go);                                      \
  static_assert(true)

}  // namespace

ON_KERNEL_REACTORS(Go, SpeaksHttp2WithOurServer) {
  NEEDS_GO;
  const http_server_thread server(reactor, server_scheme::https, {"h2", "http/1.1"});
  EXPECT_EQ(run_command({program.path(), "client", server.origin()}).output, "as sent\n");
}

ON_KERNEL_REACTORS(Go, ServesOurClientOverHttp2) {
  NEEDS_GO;
  const child_process server(
      {program.path(), "server", certificate_path("ip-chain.pem"), certificate_path("ip.key")});
  const std::string port = server.read(true);
  ASSERT_FALSE(port.empty());
  run_on(reactor, [&]() -> task<> {
    http::client c(http::client_options()
                       .tls(tls_context::client(client_of_root()))
                       .base_url("https://127.0.0.1:" + std::to_string(std::stoi(port))));
    std::vector<task<std::string>> work;
    for (int i = 0; i < 20; ++i) work.push_back(get_text(c, "/large"));
    for (const std::string& text : co_await gather(std::move(work)))
      EXPECT_EQ(text.size(), 3'000'000U);
    {
      response dropped = co_await c.get("/large");
      EXPECT_EQ(dropped.version(), http::version::http_2);
      EXPECT_FALSE((co_await dropped.next_chunk()).empty());
    }
    const std::string body(1'000'000, 'b');
    response echo = co_await c.send(c.make("POST", "/echo").body(body));
    EXPECT_TRUE(co_await echo.text() == body);
    response early = co_await c.send(c.make("POST", "/early").body(std::string(10'000'000, 'e')));
    EXPECT_EQ(co_await early.text(), "early");
    EXPECT_EQ(c.open_connections(), 1U);
  });
}

}  // namespace http2_go_test
