#include <rondo/http/server/file_body.hpp>

#include <algorithm>
#include <span>
#include <stdexcept>

namespace rondo::http::detail {

void throw_file_shrank() { throw std::runtime_error("a file became shorter while it was sent"); }

task<std::optional<std::string>> file_body::next() {
  constexpr std::uint64_t most = 64 * 1024;
  for (; at_ < pieces_.size(); ++at_, read_ = 0, begun_ = false) {
    piece& p = pieces_[at_];
    if (!begun_) {
      begun_ = true;
      if (!p.before.empty()) co_return std::move(p.before);
    }
    if (read_ == p.size) continue;
    std::string text(static_cast<std::size_t>(std::min(p.size - read_, most)), '\0');
    const std::size_t n = co_await file_.read_at(
        p.offset + read_, std::as_writable_bytes(std::span(text.data(), text.size())));
    if (n == 0) throw_file_shrank();
    read_ += n;
    text.resize(n);
    co_return text;
  }
  co_return std::nullopt;
}

}  // namespace rondo::http::detail
