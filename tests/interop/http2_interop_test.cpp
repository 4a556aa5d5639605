// The server over HTTP/2 with those that people run: nghttp, h2load, curl, Python's httpx and node,
// and with a peer of our own that says every frame by itself, good ones and bad ones
// (http2_peer.py). One that the machine does not have skips its test by name.
#include "http/http_server_thread.hpp"
#include "support/conformance.hpp"
#include "support/resources.hpp"
#include "support/source_root.hpp"

#include <cstdlib>

using namespace rondo;
using namespace rondo_test;

namespace http2_interop_test {
namespace {

const std::vector<std::string> both{"h2", "http/1.1"};

std::string port_of(const http_server_thread& s) {
  return s.origin().substr(s.origin().rfind(':') + 1);
}

// Debian's own, whose packages these are; another python3 may come first on the path.
std::string debians_python() {
  const std::string python = "/usr/bin/python3";
  return ::access(python.c_str(), X_OK) == 0 ? python : "";
}
bool python_has(const std::string& module) {
  return !debians_python().empty() &&
         run_command({debians_python(), "-c", "import " + module}).status == 0;
}

constexpr const char* httpx_client = R"(
import sys, httpx
with httpx.Client(http2=True, verify=False) as c:
    for _ in range(3):
        r = c.get(sys.argv[1] + "/hello")
        assert (r.http_version, r.status_code, r.text) == ("HTTP/2", 200, "hello\n"), r
    body = bytes(range(256)) * 2000
    r = c.post(sys.argv[1] + "/echo", content=body)
    assert r.content == body
    assert c.get(sys.argv[1] + "/nothing").status_code == 404
print("as it should be")
)";

constexpr const char* node_client = R"(
const http2 = require('http2');
const client = http2.connect(process.argv[1], {rejectUnauthorized: false});
const ask = (headers, body) => new Promise((done, failed) => {
  const s = client.request(headers, {endStream: body === undefined});
  let status, parts = [];
  s.on('response', h => { status = h[':status']; });
  s.on('data', d => parts.push(d));
  s.on('end', () => done([status, Buffer.concat(parts)]));
  s.on('error', failed);
  if (body !== undefined) s.end(body);
});
(async () => {
  const body = Buffer.alloc(500000, 'node');
  const all = await Promise.all([
    ...Array.from({length: 50}, () => ask({':path': '/hello'})),
    ask({':path': '/echo', ':method': 'POST'}, body)]);
  for (const [status, text] of all.slice(0, 50))
    if (status !== 200 || text.toString() !== 'hello\n') throw new Error('hello');
  if (!all[50][1].equals(body)) throw new Error('echo');
  // One that is cancelled is none of the others' affair.
  const much = client.request({':path': '/much'});
  await new Promise(r => much.once('data', r));
  much.close(http2.constants.NGHTTP2_CANCEL);
  if ((await ask({':path': '/hello'}))[0] !== 200) throw new Error('after');
  client.close();
  console.log('as it should be');
})().catch(e => { console.log(e); process.exit(1); });
)";

}  // namespace

ON_KERNEL_REACTORS(Http2Interop, EveryFrameOfTheHostilePeerIsAnsweredAsItShouldBe) {
  if (!python_has("hpack")) GTEST_SKIP() << "python3-hpack is not installed: nothing to talk with";
  const http_server_thread server(reactor, server_scheme::http);
  const finished peer =
      run_command({debians_python(), (source_root() / "tests/interop/http2_peer.py").string(),
                   "--seconds", long_run() ? "2" : "0", "127.0.0.1", port_of(server)});
  EXPECT_EQ(peer.status, 0) << peer.output;
  std::printf("%s", peer.output.c_str());
}

ON_KERNEL_REACTORS(Http2Interop, CurlSpeaksIt) {
  const std::string curl = find_program("curl");
  if (curl.empty()) GTEST_SKIP() << "curl is not installed: nothing to talk with";
  const http_server_thread plain(reactor, server_scheme::http);
  const http_server_thread secure(reactor, server_scheme::https, both);
  const std::string facts = "%{http_version} %{http_code} ";
  EXPECT_EQ(
      run_command({curl, "-s", "-w", facts, "--http2-prior-knowledge", plain.origin() + "/hello"})
          .output,
      "hello\n2 200 ");
  // Upgrade: h2c is ignored (RFC 9113, section 3.1).
  EXPECT_EQ(run_command({curl, "-s", "-w", facts, "--http2", plain.origin() + "/hello"}).output,
            "hello\n1.1 200 ");
  EXPECT_EQ(run_command({curl, "-sk", "-w", facts, secure.origin() + "/hello"}).output,
            "hello\n2 200 ");
  EXPECT_EQ(run_command({curl, "-sk", "--http1.1", "-w", facts, secure.origin() + "/hello"}).output,
            "hello\n1.1 200 ");
  const std::string body = secure.folder().write("up", std::string(3'000'000, 'u'));
  const finished refused = run_command({curl, "-sk", "--data-binary", "@" + body, "-o", "/dev/null",
                                        "-w", facts, secure.origin() + "/echo"});
  EXPECT_EQ(refused.output, "2 413 ");
  const std::string fits = secure.folder().write("fits", std::string(1'000'000, 'u'));
  EXPECT_EQ(run_command({curl, "-sk", "--data-binary", "@" + fits, "-o", "/dev/null", "-w",
                         facts + "%{size_download}", secure.origin() + "/echo"})
                .output,
            "2 200 1000000");
  EXPECT_EQ(run_command({curl, "-sk", "-o", "/dev/null", "-w", facts + "%{size_download}",
                         secure.origin() + "/files/up"})
                .output,
            "2 200 3000000");
}

ON_KERNEL_REACTORS(Http2Interop, NghttpAndH2loadSpeakIt) {
  const std::string nghttp = find_program("nghttp");
  const std::string h2load = find_program("h2load");
  if (nghttp.empty() || h2load.empty())
    GTEST_SKIP() << "nghttp2-client is not installed: nothing to talk with";
  const http_server_thread plain(reactor, server_scheme::http);
  const http_server_thread secure(reactor, server_scheme::https, both);
  for (const http_server_thread* s : {&plain, &secure}) {
    const finished one = run_command({nghttp, "-v", "--no-verify-peer", s->origin() + "/hello"});
    EXPECT_EQ(one.status, 0) << one.output;
    EXPECT_NE(one.output.find("hello\n"), std::string::npos) << one.output;
    EXPECT_NE(one.output.find(":status: 200"), std::string::npos) << one.output;
    const finished many = run_command({h2load, "-n2000", "-c4", "-m50", s->origin() + "/hello"});
    EXPECT_NE(many.output.find("2000 succeeded, 0 failed, 0 errored, 0 timeout"), std::string::npos)
        << many.output;
  }
}

ON_KERNEL_REACTORS(Http2Interop, HttpxSpeaksIt) {
  if (!python_has("httpx, h2"))
    GTEST_SKIP() << "python3-httpx or python3-h2 is not installed: nothing to talk with";
  const http_server_thread secure(reactor, server_scheme::https, both);
  const finished peer = run_command({debians_python(), "-c", httpx_client, secure.origin()});
  EXPECT_EQ(peer.output, "as it should be\n");
}

ON_KERNEL_REACTORS(Http2Interop, NodeSpeaksIt) {
  const std::string node = find_program("node");
  if (node.empty()) GTEST_SKIP() << "node is not installed: nothing to talk with";
  const http_server_thread plain(reactor, server_scheme::http);
  const http_server_thread secure(reactor, server_scheme::https, both);
  for (const http_server_thread* s : {&plain, &secure}) {
    const finished peer = run_command({node, "-e", node_client, s->origin()});
    EXPECT_EQ(peer.output, "as it should be\n");
  }
}

}  // namespace http2_interop_test
