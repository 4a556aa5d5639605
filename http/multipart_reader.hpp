// Reading multipart/form-data (RFC 7578), part after part, as it comes from the client.
//
//   http::multipart_reader parts(r);
//   while (co_await parts.next()) {
//     if (parts.filename()) use(co_await parts.spool());   // to disk when it is large
//     else use(parts.name(), co_await parts.text());
//   }
//
// Nothing is read ahead: a part that is not read is skipped by next(), and what the handler does
// not read at all is left to the connection. Whatever the client sends that is no such body, or
// passes a limit, is thrown as body_error and answered with 400, 413 or 415 if the handler lets it
// pass.
#pragma once

#include <rondo/http/server_messages.hpp>
#include <rondo/http/wire/multipart_scan.hpp>
#include <rondo/net/file.hpp>
#include <rondo/runtime/core/amount.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace rondo::http {

// The content of a part that was spooled: in memory while it is small, else in a file without a
// name, which goes with this object. Movable.
class spooled_part {
 public:
  std::uint64_t size() const noexcept { return size_; }
  bool in_memory() const noexcept { return !file_.is_open(); }
  // All of it when it is in memory, else nothing.
  const std::string& text() const noexcept { return text_; }
  // Completes with how many bytes were read at `offset`, 0 at the end. Throws std::system_error, as
  // net::file::read_at, also for the cancellation.
  task<std::size_t> read_at(std::uint64_t offset, std::span<std::byte> buffer);

 private:
  friend class multipart_reader;
  std::uint64_t size_ = 0;
  std::string text_;
  net::file file_;
};

class multipart_reader {
 public:
  // Of a request that outlives it, and of which nothing has been read. Throws body_error:
  // unsupported (415) for another Content-Type, malformed (400) for a boundary that cannot be.
  explicit multipart_reader(server_request& r, const multipart_limits& limits = {});

  // Goes to the next part, past what is left of this one; false when there is none. Throws
  // body_error (malformed, too_large), and as server_request::next_chunk. Cancelled: the request's
  // body cannot be read on.
  task<bool> next();

  // Of the part where it stands, until the next call of next(): its name; the last segment of what
  // the client calls its file, nullopt for a field that is none, and empty where it gave no name
  // that could be one; its Content-Type as it came, else "text/plain"; all fields of its head.
  const std::string& name() const noexcept { return scan_.part().name; }
  const std::optional<std::string>& filename() const noexcept { return scan_.part().filename; }
  const std::string& type() const noexcept { return scan_.part().type; }
  const http::headers& fields() const noexcept { return scan_.part().fields; }

  // The next piece of its content where it lies, until the next call; empty at its end. Throws as
  // next(). Cancelled as next().
  task<std::span<const std::byte>> next_chunk();
  // What is left of its content, up to multipart_limits::text_bytes. Throws as next(); too_large.
  // Cancelled as next().
  task<std::string> text();
  // What is left of its content, up to multipart_limits::part_bytes: what is beyond the first
  // `memory` bytes makes it a file in `folder`, opened under a random name that is removed at once.
  // An empty folder: TMPDIR, or "/tmp". Throws as next(), and std::system_error that names the
  // path. Cancelled: nothing of it is left.
  task<spooled_part> spool(rondo::detail::amount memory = std::size_t{64} * 1024,
                           std::string folder = {});

 private:
  task<detail::multipart_event> next_event();

  server_request& request_;
  multipart_limits limits_;
  detail::multipart_scan scan_;
  bool in_part_ = false;
};

}  // namespace rondo::http
