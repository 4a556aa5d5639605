// A response's body that stands in a file: all of it, a part, or several. The connection sends it
// with send_file; whoever reads it as a body source is given it in pieces. Internal.
#pragma once

#include <rondo/http/body.hpp>
#include <rondo/net/file.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace rondo::http::detail {

class file_body final : public body_source {
 public:
  // Text, and then bytes of the file.
  struct piece {
    std::string before;
    std::uint64_t offset = 0;
    std::uint64_t size = 0;
  };
  file_body(net::file f, std::vector<piece> pieces) noexcept
      : file_(std::move(f)), pieces_(std::move(pieces)) {}

  task<std::optional<std::string>> next() override;
  const net::file& file() const noexcept { return file_; }
  const std::vector<piece>& pieces() const noexcept { return pieces_; }

 private:
  net::file file_;
  std::vector<piece> pieces_;
  std::size_t at_ = 0;      // the piece that is read
  std::uint64_t read_ = 0;  // of its bytes
  bool begun_ = false;      // its text has been given
};

// The file has become shorter than it was when it was opened. What has gone cannot be taken back.
[[noreturn]] void throw_file_shrank();

}  // namespace rondo::http::detail
