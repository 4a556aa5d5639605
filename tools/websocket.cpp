#include "websocket.hpp"

#include "fetch_report.hpp"
#include "fetch_trace.hpp"

#include <rondo/http.hpp>
#include <rondo/net.hpp>
#include <rondo/runtime.hpp>

#include <nlohmann/json.hpp>

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <stdexcept>
#include <system_error>

namespace rondo::tools {
namespace {

// Of a line, and of a message.
constexpr std::size_t longest_message = std::size_t{16} << 20;
constexpr auto time_to_leave = std::chrono::seconds(1);

enum exit_code : std::uint8_t {
  closed_well = 0,
  no_websocket = 1,
  closed_otherwise = 10,
  lost = 11
};

std::string hexadecimal(std::string_view bytes) {
  std::string out;
  out.reserve(2 * bytes.size());
  for (const char c : bytes) {
    out += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
    out += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
  }
  return out;
}

std::string bytes_of_digits(std::string_view digits) {
  const auto value = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  std::string out;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    const int high = value(digits[i]), low = value(digits[i + 1]);
    if (high < 0 || low < 0) break;
    out += static_cast<char>(high << 4 | low);
  }
  if (2 * out.size() != digits.size())
    throw std::invalid_argument("no pairs of hexadecimal digits: " + std::string(digits));
  return out;
}

http::websocket_message message_of_json(std::string_view line) {
  const auto said = nlohmann::json::parse(line, nullptr, false);
  if (said.is_object() && said.size() == 1) {
    const auto member = said.begin();
    const std::string& kind = member.key();
    const nlohmann::json& data = member.value();
    if (kind == "text" && data.is_string()) return {data.get<std::string>(), true};
    if (kind == "bytes" && data.is_string())
      return {bytes_of_digits(data.get_ref<const std::string&>()), false};
  }
  throw std::invalid_argument("neither {\"text\": \"…\"} nor {\"bytes\": \"0aff\"}: " +
                              std::string(line));
}

// Throws std::invalid_argument.
http::websocket_message message_of(std::string_view line, line_kind kind) {
  switch (kind) {
    case line_kind::plain: return {std::string(line), true};
    case line_kind::hexadecimal: return {bytes_of_digits(line), false};
    case line_kind::json: return message_of_json(line);
  }
  __builtin_unreachable();
}

std::string line_of(const http::websocket_message& m, line_kind kind) {
  if (kind == line_kind::json)
    return nlohmann::json{{m.is_text ? "text" : "bytes", m.is_text ? m.data : hexadecimal(m.data)}}
        .dump();
  return m.is_text ? m.data : hexadecimal(m.data);
}

// What would move a terminal's cursor, or do worse, is shown by its number.
std::string without_controls(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto n = static_cast<unsigned char>(c);
    if ((n >= 0x20 && n != 0x7F) || c == '\t' || c == '\n')
      out += c;
    else
      out += "\\x" + hexadecimal({&c, 1});
  }
  return out;
}

bool nobody_reads(const std::system_error& e) { return e.code() == std::errc::broken_pipe; }

// Lines typed at a terminal, or from a pipe or file.
class session {
 public:
  session(http::websocket ws, const websocket_session_options& o)
      : ws_(std::move(ws)),
        options_(o),
        at_a_terminal_(!o.listen && isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1) {}

  task<int> run() {
    if (at_a_terminal_) std::fputs("connected; Ctrl-D closes\n", stderr);
    co_await finally(talk(), [this] { return leave(); });
    const std::uint16_t code = ws_.close_code();
    const bool well = code == 1000 || code == 1005;
    if (!well || options_.verbose)
      std::fprintf(stderr, "%sclosed: %d %s\n", at_a_terminal_ ? "\r" : "", static_cast<int>(code),
                   without_controls(ws_.close_reason()).c_str());
    co_return well ? closed_well : code == 1006 ? lost : closed_otherwise;
  }

 private:
  task<> talk() {
    // NOLINTNEXTLINE(cppcoreguidelines-avoid-capturing-lambda-coroutines): with_task_group keeps it
    co_await with_task_group([this](task_group& g) -> task<> {
      std::optional<join_handle<void>> typing;
      if (!options_.listen) typing = g.spawn(send_lines());
      co_await print_messages();
      if (typing) typing->cancel();
    });
  }

  // However it ended, by Ctrl-C too: the other side is told.
  task<> leave() { (void)co_await try_for(time_to_leave, ws_.close(1001)); }

  task<> print_messages() {
    net::pipe_stream out = net::standard_output();
    while (const auto m = co_await ws_.receive()) {
      ++came_;
      std::string line = line_of(*m, options_.lines);
      if (at_a_terminal_)  // instead of the prompt, which comes again
        line = "\r\x1B[K< " + without_controls(line) + "\n> ";
      else
        line += '\n';
      const auto written = co_await as_result(out.write_all(net::bytes_of(line)));
      if (written.has_value()) continue;
      try {
        written.value();
      } catch (const std::system_error& e) {
        if (!nobody_reads(e)) throw;
      }
      co_return co_await ws_.close();
    }
  }

  task<> send_lines() {
    net::line_prompt input(longest_message);
    std::uint64_t number = 0;
    while (const auto line = co_await input.ask(at_a_terminal_ ? "> " : "")) {
      ++number;
      http::websocket_message m;
      try {
        m = message_of(*line, options_.lines);
      } catch (const std::invalid_argument& e) {
        const std::string why = "line " + std::to_string(number) + " has " + e.what();
        if (!at_a_terminal_) throw std::invalid_argument(why);
        std::fprintf(stderr, "%s\n", without_controls(why).c_str());
        continue;
      }
      try {
        co_await ws_.send(m);
      } catch (const http::websocket_error&) {
        co_return;  // whoever receives says why
      }
    }
    // Whoever was asked last may be answering still.
    for (std::uint64_t seen = came_ + 1; seen != came_;) {
      seen = came_;
      co_await sleep_for(std::chrono::duration<double>(options_.linger_s));
    }
    co_await ws_.close();
  }

  http::websocket ws_;
  const websocket_session_options& options_;
  bool at_a_terminal_;
  std::uint64_t came_ = 0;
};

task<http::websocket> open(http::client& client, const websocket_session_options& o) {
  http::request r("GET", o.url);
  add_fields(r, o);
  if (o.verbose) r.trace(std::make_shared<fetch_tracer>(true));
  return client.websocket(std::move(r), http::websocket_options()
                                            .protocols(o.protocols)
                                            .compress(o.compress)
                                            .max_message(longest_message));
}

}  // namespace

task<int> websocket_session(websocket_session_options o) {
  http::client_options how = client_options_of(o);
  if (o.http2) how.http2(http::http2::prior_knowledge);
  http::client client(std::move(how));
  const auto said = [](int code, const std::string& why) {
    std::fprintf(stderr, "rondo: %s\n", without_controls(why).c_str());
    return code;
  };
  try {
    session s(co_await open(client, o), o);
    co_return co_await s.run();
  } catch (const http::websocket_error& e) {
    co_return said(lost, e.what() + (" (" + std::to_string(e.code()) + ')'));
  } catch (const http::status_error& e) {
    co_return said(no_websocket, e.what());
  } catch (const http::error&) {
    const failure f = failure_of(std::current_exception());
    co_return said(f.code, f.message);
  }
}

}  // namespace rondo::tools
