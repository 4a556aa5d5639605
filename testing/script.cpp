#include <rondo/net/stream.hpp>
#include <rondo/runtime/sleep.hpp>
#include <rondo/testing/failure.hpp>
#include <rondo/testing/script.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>

namespace rondo::test {
namespace {

constexpr std::size_t most_up_to = std::size_t{1} << 20;
constexpr std::size_t most_quoted = 120;

// "GET / HTTP/1.1\r\n", with escapes as in C, cut when it is long.
std::string in_quotes(std::string_view bytes) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string text = "\"";
  for (const char c : bytes.substr(0, most_quoted)) {
    const auto u = static_cast<unsigned char>(c);
    switch (c) {
      case '\r': text += "\\r"; break;
      case '\n': text += "\\n"; break;
      case '\t': text += "\\t"; break;
      case '"': text += "\\\""; break;
      case '\\': text += "\\\\"; break;
      default:
        if (u >= 0x20 && u != 0x7f)
          text += c;
        else
          text += {'\\', 'x', hex[u >> 4], hex[u & 15]};
    }
  }
  text += bytes.size() > most_quoted ? "…\"" : "\"";
  return text;
}

}  // namespace

// What has been received and not yet expected stands in `received_`.
class script_player {
 public:
  script_player(script steps, net::any_stream peer) noexcept
      : script_(std::move(steps)), peer_(std::move(peer)) {}

  task<> play() {
    for (const script::step& s : script_.steps_) {
      ++number_;
      co_await play_step(s);
    }
    peer_.close();
  }

 private:
  using kind = script::step::kind;

  task<> play_step(const script::step& s) {
    switch (s.what) {
      case kind::expects: co_await expect_bytes(s.bytes); break;
      case kind::expects_up_to: co_await expect_up_to(s.bytes); break;
      case kind::expects_end: co_await expect_end(); break;
      case kind::sends: co_await send(s); break;
      case kind::pauses: co_await sleep_for(s.time); break;
      case kind::half_closes: co_await peer_.shutdown_write(); break;
      case kind::closes: peer_.close(); break;
    }
  }

  [[noreturn]] void fail(const std::string& sentence) const {
    throw failure("script, step " + std::to_string(number_) + ": " + sentence);
  }

  // More, into received_. False: the other side has ended.
  task<bool> receive() {
    std::array<std::byte, 4096> buffer;
    const std::size_t n = co_await peer_.read_some(buffer);
    received_.append(reinterpret_cast<const char*>(buffer.data()), n);
    co_return n != 0;
  }

  task<> expect_bytes(const std::string& bytes) {
    for (;;) {
      const std::size_t n = std::min(received_.size(), bytes.size());
      if (std::string_view(received_).substr(0, n) != std::string_view(bytes).substr(0, n))
        fail("expected " + in_quotes(bytes) + ", got " + in_quotes(received_));
      if (n == bytes.size()) break;
      if (!co_await receive())
        fail("expected " + in_quotes(bytes) + ", got " + in_quotes(received_) + " and the end");
    }
    received_.erase(0, bytes.size());
  }

  task<> expect_up_to(const std::string& end) {
    if (end.empty()) fail("expects_up_to wants to know up to what");
    std::size_t looked = 0;
    for (;;) {
      const std::size_t at = received_.find(end, looked);
      if (at != std::string::npos) {
        received_.erase(0, at + end.size());
        co_return;
      }
      if (received_.size() >= most_up_to)
        fail("expected " + in_quotes(end) + ", got " + std::to_string(received_.size()) +
             " bytes without it");
      looked = received_.size() - std::min(received_.size(), end.size() - 1);
      if (!co_await receive())
        fail("expected " + in_quotes(end) + ", got " + in_quotes(received_) + " and the end");
    }
  }

  task<> expect_end() {
    if (received_.empty() && !co_await receive()) co_return;
    fail("expected the end, got " + in_quotes(received_));
  }

  task<> send(const script::step& s) {
    const std::span<const std::byte> all = std::as_bytes(std::span(s.bytes));
    const std::size_t piece = s.piece == 0 ? std::max<std::size_t>(all.size(), 1) : s.piece;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      if (at != 0) co_await sleep_for(s.time);
      co_await peer_.write_all(all.subspan(at, std::min(piece, all.size() - at)));
    }
  }

  script script_;
  net::any_stream peer_;
  std::string received_;
  std::size_t number_ = 0;
};

task<> play(script steps, net::any_stream peer) {
  script_player player(std::move(steps), std::move(peer));
  co_await player.play();
}

}  // namespace rondo::test
