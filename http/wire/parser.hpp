// Parsers for HTTP/1.1 messages: bytes are pushed in, events come out. No I/O happens here.
//
//     http::request_parser p;
//     while (true) {
//       auto step = p.next(input);                  // input: the bytes read and not yet consumed
//       input = input.subspan(step.consumed);
//       if (step.event == http::parse_event::head) handle(p.take_head());
//       if (step.event == http::parse_event::body) store(step.body);    // points into input
//       if (step.event == http::parse_event::end) break;            // the rest is the next one's
//       if (step.event == http::parse_event::need_more) input = read_more();
//     }
//
// Strict, and of one opinion. A head is collected until it is whole and read by our own scan
// (head_scan.hpp), then by llhttp, and refused unless both read the same (llhttp_check.hpp). Bodies
// are framed by our own code alone (chunked.hpp). The verdict on a stream of bytes is the same
// however it is split.
//
// A parser that has thrown protocol_error or body_error is done: every later call throws.
#pragma once

#include <rondo/http/limits.hpp>
#include <rondo/http/message.hpp>
#include <rondo/http/wire/chunked.hpp>
#include <rondo/http/wire/framing.hpp>
#include <rondo/http/wire/head_scan.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace rondo::http {

enum class parse_event : std::uint8_t {
  need_more,  // the input is used up
  head,       // head() is there
  body,       // some bytes of the body
  end,        // the message is complete, trailers() are there
};

struct parse_step {
  parse_event event;
  std::size_t consumed;             // bytes taken from the front of the input
  std::span<const std::byte> body;  // for parse_event::body: not empty, part of the input
};

namespace detail {

// What both directions share.
class message_parser {
 public:
  // The transport has ended in good order. Returns `end` when that, or what was consumed before,
  // completes a message; need_more when none was under way. Throws protocol_error when it breaks
  // off a head, body_error (truncated) when it breaks off a body.
  parse_event finish();

  // Fields that came after a chunked body; kept until the next message begins. Nothing in them
  // changes what the head said.
  [[nodiscard]] const headers& trailers() const noexcept { return trailers_; }

  // The following are about the message whose head came last.
  [[nodiscard]] body_framing framing() const noexcept { return body_; }
  // What Content-Length says, also where there is no body (HEAD, 304).
  [[nodiscard]] std::optional<std::uint64_t> content_length() const noexcept {
    return fields_.content_length;
  }
  // Whether the connection may carry another message after this one.
  [[nodiscard]] bool keep_alive() const noexcept { return keep_alive_; }
  // What a response says of how long its connection is kept.
  [[nodiscard]] const keep_alive_hint& keep_alive_said() const noexcept { return fields_.hint; }
  // The head asks for (or, with 101, grants) another protocol: Connection: upgrade.
  [[nodiscard]] bool upgrade() const noexcept { return fields_.upgrade; }

  // No byte of a message has come since the last one ended.
  [[nodiscard]] bool idle() const noexcept;
  // Bytes the scan of heads and trailers has looked at, since the beginning; for tests of its cost.
  [[nodiscard]] std::uint64_t scan_work() const noexcept { return scan_.work(); }

 protected:
  message_parser(scan_kind kind, const parser_limits& limits);
  ~message_parser() = default;
  message_parser(message_parser&&) = default;
  message_parser& operator=(message_parser&&) = default;

  parse_step step(std::span<const std::byte> input);

  scan_kind kind_;
  head_scan scan_;
  std::string method_;    // response: of the request that it answers
  bool expected_ = true;  // response: a request waits for it
  bool hands_over_ = false;

 private:
  enum class state : std::uint8_t {
    idle,         // before a message
    blank_line,   // request: a CR came before the request line
    head,         // collecting the head
    length,       // left_ bytes of body to come
    chunked,      // in the chunks of a body
    trailers,     // collecting what follows them
    until_close,  // all that comes is body
    ended,        // all has come, `end` is still to be told
    handed_over,  // what follows is another protocol's
    closed,       // request: the client said that nothing would follow
    failed,
  };

  parse_step advance(std::string_view input);
  std::optional<std::size_t> collect(std::string_view input);
  void begin_message();
  void complete_head(std::string_view head);
  void drop_repeated_length();
  parse_event end_message();

  state state_ = state::idle;
  body_framing body_ = body_framing::none;
  int blank_lines_ = 0;  // before this request
  bool keep_alive_ = true;
  bool interim_ = false;  // response: 1xx, so that another follows
  std::uint64_t left_ = 0;
  std::uint64_t seen_ = 0;  // bytes of an until-close body
  framing_fields fields_;
  chunk_decoder chunks_;
  headers trailers_;
  // The beginning of a head that came in more than one piece; empty otherwise.
  std::string buffer_;
};

}  // namespace detail

// The server's side: any number of requests, one after another. Up to four empty lines before a
// request are skipped (RFC 9112, section 2.2). After a request with keep_alive() false further
// bytes are swallowed (section 9.6).
class request_parser : public detail::message_parser {
 public:
  explicit request_parser(const parser_limits& limits = {});

  // Consumes from the front of `input` up to the next event, and returns that. To be called again
  // with what is left, even when that is nothing, until it returns need_more: `end` may need no
  // further byte. Throws protocol_error or body_error.
  parse_step next(std::span<const std::byte> input);

  [[nodiscard]] const request_head& head() const noexcept { return head_; }
  [[nodiscard]] request_head take_head() noexcept { return std::move(head_); }

 private:
  request_head head_;
};

// The client's side. expect() says which request is answered; interim responses (1xx) come as
// messages of their own, a head and an end, before the one that is waited for. Bytes that no
// request asked for are a protocol_error.
class response_parser : public detail::message_parser {
 public:
  explicit response_parser(const parser_limits& limits = {});
  // `method` is that of the request that has been sent; HEAD and CONNECT have no body in response.
  void expect(std::string_view method);
  // As request_parser::next; std::logic_error when hands_over() is true and the message has ended.
  parse_step next(std::span<const std::byte> input);

  [[nodiscard]] const response_head& head() const noexcept { return head_; }
  [[nodiscard]] response_head take_head() noexcept { return std::move(head_); }

  // After 101, and after a 2xx to CONNECT, the bytes that follow `end` are not HTTP: next() must
  // not be called with them.
  [[nodiscard]] bool hands_over() const noexcept { return hands_over_; }

 private:
  response_head head_;
};

}  // namespace rondo::http
