#include "net/tls_support.hpp"

#include "support/source_root.hpp"

#include <rondo/patterns/gather.hpp>

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>

namespace rondo_test {
namespace {

class folder {
 public:
  folder() : path_(testing::TempDir() + "rondo-tls-XXXXXX") {
    if (!::mkdtemp(path_.data())) throw std::system_error(errno, std::system_category(), path_);
    const std::string command = "'" + source_root().string() + "/tests/net/certificates.sh' '" +
                                path_ + "' </dev/null >'" + path_ + "/made' 2>&1";
    // NOLINTBEGIN(cert-env33-c): paths of the test's own
    if (std::system("command -v openssl >/dev/null") != 0) {
      remove();
    } else if (std::system(command.c_str()) != 0) {
      std::ifstream made(path_ + "/made");
      ADD_FAILURE() << "tests/net/certificates.sh failed: "
                    << std::string(std::istreambuf_iterator<char>(made), {});
      remove();
    }
    // NOLINTEND(cert-env33-c)
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;
  ~folder() { remove(); }
  const std::string& path() const { return path_; }

 private:
  void remove() {
    std::error_code ignored;
    if (!path_.empty()) std::filesystem::remove_all(path_, ignored);
    path_.clear();
  }
  std::string path_;
};

}  // namespace

const std::string& certificates() {
  static const folder made;
  return made.path();
}

std::string certificate_text(std::string_view file) {
  std::ifstream in(certificate_path(file));
  return {std::istreambuf_iterator<char>(in), {}};
}

rondo::task<tls_pair> tls_handshakes(tls_context client, tls_context server, std::string name) {
  stream_pair p = co_await connect_pair();
  auto [c, s] = co_await rondo::gather(
      rondo::return_exceptions,
      tls_tcp::connect(std::move(p.client), std::move(client), std::move(name)),
      tls_tcp::accept(std::move(p.server), std::move(server)));
  co_return tls_pair{std::move(c).value(), std::move(s).value()};
}

}  // namespace rondo_test
