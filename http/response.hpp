// A response as the client gets it: the head is there, the body comes when it is asked for.
#pragma once

#include <rondo/http/client/pool.hpp>
#include <rondo/http/headers.hpp>
#include <rondo/http/message.hpp>
#include <rondo/http/url.hpp>
#include <rondo/runtime/core/frame_pool.hpp>
#include <rondo/runtime/task.hpp>

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace rondo::detail {
class span;
}

namespace rondo::http {

class tracer;

namespace detail {
class body_decoder;
class exchange;
}  // namespace detail

// A response that was a redirect, and the request it answered.
struct past_response {
  std::string method;
  http::url url;
  int status = 0;
  http::headers headers;
};

namespace detail {

// All that a response holds, in one place of the pool's memory, so that moving a response moves a
// pointer.
struct incoming_response : rondo::detail::pooled {
  incoming_response(response_head h, http::url u);
  incoming_response(const incoming_response&) = delete;
  incoming_response& operator=(const incoming_response&) = delete;
  ~incoming_response();

  response_head head;
  http::url url;
  std::vector<past_response> history;

  // The body still to come, and the connection it comes on.
  lease from;                        // empty once the message has ended, or a read of it has failed
  bool ended = false;                // all of the message has come
  std::span<const std::byte> ahead;  // of a piece that was read only in part
  rondo::detail::time_point deadline = rondo::detail::never;  // of the whole exchange
  rondo::detail::nanoseconds between_reads{};                 // zero: no limit
  std::uint64_t limit = 0;                                    // for text() and bytes()
  std::optional<std::uint64_t> max_decoded;                   // nullopt: not set
  std::uint32_t made_in_a_row = 0;                            // decoded pieces
  http::headers trailers;
  std::vector<std::string> codings;       // to be taken off the body
  std::shared_ptr<tracer> trace;          // null: nobody looks
  std::uint64_t number = 0;               // of the exchange, for it
  std::unique_ptr<body_decoder> decoder;  // made at the first read
  std::unique_ptr<rondo::detail::span>
      span;  // of the exchange; null: nobody looks, or it has ended
};

}  // namespace detail

// Movable; one that was moved from can only be assigned to. Dropped before its body has been read,
// it closes its connection. A body is read by one task.
class response {
 public:
  int status() const noexcept { return in_->head.status; }
  const std::string& reason() const noexcept { return in_->head.reason; }
  http::version version() const noexcept { return in_->head.version; }
  const http::headers& headers() const noexcept { return in_->head.headers; }
  // What was asked for last, after redirects.
  const http::url& url() const noexcept { return in_->url; }
  // The redirects that led here, the first one first.
  const std::vector<past_response>& history() const noexcept { return in_->history; }
  // 2xx.
  bool ok() const noexcept { return status() >= 200 && status() < 300; }
  // Throws status_error for 400 and above.
  void raise_for_status() const;

  // The body without its content codings, unless the request says otherwise. The whole of it:
  // throws body_error (truncated; bad_coding; too_large past max_body or, decoded, past
  // max_decoded, which is 64 MiB here when nobody has set it), timeout_error (total, also while it
  // is decoded, or read), protocol_error. Cancelled: the connection is closed. Every read after one
  // that has thrown or was cancelled throws body_error (truncated).
  task<std::string> text();
  task<std::vector<std::byte>> bytes();
  // Some bytes of the body, at least one; 0 at its end. Throws as text(), but has no limit of its
  // own to what is decoded. Cancelled as text().
  task<std::size_t> read_some(std::span<std::byte> buffer);
  // The next piece of the body where it lies, until the next call; empty at its end. Throws as
  // read_some(). Cancelled as text().
  task<std::span<const std::byte>> next_chunk();
  // After the body's end: the fields that followed it (RFC 9112, section 7.1.2).
  const http::headers& trailers() const noexcept { return in_->trailers; }

 private:
  friend class detail::exchange;
  explicit response(std::unique_ptr<detail::incoming_response> in) noexcept : in_(std::move(in)) {}

  // What has been read already of the body, or its end (empty); nullopt when there is nothing of
  // either.
  std::optional<std::span<const std::byte>> at_hand();
  std::span<const std::byte> piece_or_end(detail::lease held, const parse_step& step);
  template <class Bytes>
  task<Bytes> read_all();
  [[noreturn]] void throw_too_large(std::uint64_t most, const char* option);
  task<std::span<const std::byte>> receive();
  task<std::span<const std::byte>> receive_in_time();
  task<std::span<const std::byte>> receive_decoded();
  void tell_end() const;
  // Keeps the connection of a response whose body nobody wants, when what has come makes all of it.
  void finish_if_at_hand();

  std::unique_ptr<detail::incoming_response> in_;
};

namespace detail {

// What reads a response while its request is still being sent, with its type erased.
class response_reader {
 public:
  response_reader() = default;
  response_reader(const response_reader&) = delete;
  response_reader& operator=(const response_reader&) = delete;
  virtual ~response_reader() = default;
  virtual task<> read(response& r) = 0;
};

}  // namespace detail

}  // namespace rondo::http
