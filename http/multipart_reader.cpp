#include <rondo/http/errors.hpp>
#include <rondo/http/multipart_reader.hpp>
#include <rondo/http/parts/random_bytes.hpp>

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

namespace rondo::http {
namespace {

using detail::multipart_event;

// Refuses through the request, so that it is the client's fault.
detail::multipart_scan scan_of(server_request& r, const multipart_limits& limits) {
  try {
    return {detail::multipart_boundary(r.headers().get("Content-Type").value_or("")), limits};
  } catch (const body_error& e) {
    r.refuse_body(e);
  }
}

// Removes a path when it goes, whether anything is there or not.
class unlinked {
 public:
  explicit unlinked(std::string path) noexcept : path_(std::move(path)) {}
  unlinked(const unlinked&) = delete;
  unlinked& operator=(const unlinked&) = delete;
  ~unlinked() { ::unlink(path_.c_str()); }
  const std::string& path() const noexcept { return path_; }

 private:
  std::string path_;
};

// Nobody else can open it, and nothing is left of it when it is closed.
task<net::file> open_nameless(std::string folder) {
  if (folder.empty()) {
    const char* const set = std::getenv("TMPDIR");
    folder = set != nullptr && *set != '\0' ? set : "/tmp";
  }
  static constexpr std::size_t random_bytes = 16;
  const unlinked at(folder + "/rondo-" + detail::random_hex(random_bytes));
  co_return co_await net::file::open(at.path(), net::file_mode::create_new, 0600);
}

}  // namespace

task<std::size_t> spooled_part::read_at(std::uint64_t offset, std::span<std::byte> buffer) {
  if (!in_memory()) co_return co_await file_.read_at(offset, buffer);
  if (offset >= text_.size()) co_return 0;
  const std::size_t n = std::min(buffer.size(), text_.size() - static_cast<std::size_t>(offset));
  std::memcpy(buffer.data(), text_.data() + offset, n);
  co_return n;
}

multipart_reader::multipart_reader(server_request& r, const multipart_limits& limits)
    : request_(r), limits_(limits), scan_(scan_of(r, limits)) {}

task<detail::multipart_event> multipart_reader::next_event() {
  for (;;) {
    try {
      const multipart_event event = scan_.next();
      if (event != multipart_event::need_more) co_return event;
    } catch (const body_error& e) {
      request_.refuse_body(e);
    }
    const std::span<const std::byte> piece = co_await request_.next_chunk();
    try {
      if (piece.empty()) scan_.finish();
      scan_.give(piece);
    } catch (const body_error& e) {
      request_.refuse_body(e);
    }
  }
}

task<bool> multipart_reader::next() {
  for (;;) {
    const multipart_event event = co_await next_event();
    if (event == multipart_event::part) {
      in_part_ = true;
      co_return true;
    }
    in_part_ = false;
    if (event == multipart_event::end) co_return false;
  }
}

task<std::span<const std::byte>> multipart_reader::next_chunk() {
  if (in_part_ && co_await next_event() == multipart_event::data)
    co_return std::as_bytes(std::span(scan_.data()));
  in_part_ = false;
  co_return std::span<const std::byte>();
}

task<std::string> multipart_reader::text() {
  std::string all;
  for (;;) {
    const std::span<const std::byte> piece = co_await next_chunk();
    if (piece.empty()) co_return all;
    if (piece.size() > limits_.text_bytes - all.size())
      request_.refuse_body(body_error(body_error::reason::too_large,
                                      "a part of the multipart body is larger than " +
                                          std::to_string(limits_.text_bytes) + " bytes"));
    all.append(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
}

task<spooled_part> multipart_reader::spool(rondo::detail::amount memory, std::string folder) {
  const std::size_t most = memory;
  spooled_part out;
  for (;;) {
    const std::span<const std::byte> piece = co_await next_chunk();
    if (piece.empty()) co_return out;
    if (out.in_memory() && piece.size() <= most - out.text_.size()) {
      out.text_.append(reinterpret_cast<const char*>(piece.data()), piece.size());
      out.size_ += piece.size();
      continue;
    }
    if (out.in_memory()) {
      out.file_ = co_await open_nameless(folder);
      co_await out.file_.write_at(0, std::as_bytes(std::span(out.text_)));
      out.text_ = {};
    }
    co_await out.file_.write_at(out.size_, piece);
    out.size_ += piece.size();
  }
}

}  // namespace rondo::http
