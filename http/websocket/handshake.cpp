#include <rondo/http/errors.hpp>
#include <rondo/http/parts/base64.hpp>
#include <rondo/http/parts/random_bytes.hpp>
#include <rondo/http/url.hpp>
#include <rondo/http/websocket/handshake.hpp>
#include <rondo/http/websocket/sha1.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <array>
#include <vector>

namespace rondo::http::detail {
namespace {

constexpr std::string_view key_suffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::size_t key_bytes = 16;
constexpr std::string_view deflate_name = "permessage-deflate";

// An extension as a list names it: a token, and parameters with or without a value.
struct extension {
  struct parameter {
    std::string_view name;
    std::string_view value;  // without its quotes
    bool has_value = false;
  };
  std::string_view name;
  std::vector<parameter> parameters;
};

// nullopt for what is not "token *( ; token [ = ( token | quoted-string ) ] )".
std::optional<extension> read_extension(std::string_view text) {
  extension out;
  for (bool first = true; first || !text.empty(); first = false) {
    const std::size_t end = std::min(text.find(';'), text.size());
    std::string_view part = trim_ows(text.substr(0, end));
    const bool more = end < text.size();
    text.remove_prefix(std::min(end + 1, text.size()));
    if (more && trim_ows(text).empty()) return std::nullopt;
    const std::size_t equals = part.find('=');
    const std::string_view name = trim_ows(part.substr(0, equals));
    if (!is_token(name)) return std::nullopt;
    if (first) {
      if (equals != std::string_view::npos) return std::nullopt;
      out.name = name;
      continue;
    }
    extension::parameter p{name, {}, equals != std::string_view::npos};
    if (p.has_value) {
      p.value = trim_ows(part.substr(equals + 1));
      if (p.value.size() >= 2 && p.value.front() == '"' && p.value.back() == '"')
        p.value = p.value.substr(1, p.value.size() - 2);
      if (!is_token(p.value)) return std::nullopt;
    }
    out.parameters.push_back(p);
  }
  return out;
}

std::vector<std::optional<extension>> extensions_of(const headers& fields) {
  std::vector<std::optional<extension>> all;
  for (const std::string_view list : fields.get_all("Sec-WebSocket-Extensions")) {
    std::size_t at = 0;
    for (std::string_view member; headers_access::next_in_list(list, at, member);)
      if (!trim_ows(member).empty()) all.push_back(read_extension(member));
  }
  return all;
}

// 8 to 15, without a leading zero (RFC 7692, section 7.1.2).
std::optional<int> window_bits(std::string_view text) noexcept {
  if (text.size() == 1 && (text[0] == '8' || text[0] == '9')) return text[0] - '0';
  if (text.size() == 2 && text[0] == '1' && text[1] >= '0' && text[1] <= '5')
    return 10 + text[1] - '0';
  return std::nullopt;
}

// The parameters of permessage-deflate; each once.
struct deflate_parameters {
  bool server_no_takeover = false;
  bool client_no_takeover = false;
  std::optional<int> server_bits;
  std::optional<int> client_bits;
  bool client_bits_without_value = false;
};

std::optional<deflate_parameters> read_deflate(const extension& e) {
  deflate_parameters out;
  std::array<bool, 4> seen{};
  const auto once = [&seen](std::size_t i) { return !std::exchange(seen.at(i), true); };
  for (const extension::parameter& p : e.parameters) {
    if (p.name == "server_no_context_takeover") {
      if (p.has_value || !once(0)) return std::nullopt;
      out.server_no_takeover = true;
    } else if (p.name == "client_no_context_takeover") {
      if (p.has_value || !once(1)) return std::nullopt;
      out.client_no_takeover = true;
    } else if (p.name == "server_max_window_bits") {
      out.server_bits = window_bits(p.value);
      if (!out.server_bits || !once(2)) return std::nullopt;
    } else if (p.name == "client_max_window_bits") {
      if (!once(3)) return std::nullopt;
      if (p.has_value) {
        out.client_bits = window_bits(p.value);
        if (!out.client_bits) return std::nullopt;
      } else {
        out.client_bits_without_value = true;
      }
    } else {
      return std::nullopt;
    }
  }
  return out;
}

// What a deflater of ours uses when the other side leaves it to us: with a context it is kept for
// each connection.
int window_we_like(const websocket_options& o) noexcept { return o.context_ ? 12 : 15; }

bool is_same_origin(std::string_view origin, std::string_view host) {
  try {
    const http::url from = http::url::parse(origin);
    const http::url to = http::url::parse(std::string(from.scheme()) + "://" + std::string(host));
    return from.host() == to.host() && from.port() == to.port();
  } catch (const url_error&) {
    return false;  // "null", and what is no origin
  }
}

}  // namespace

std::string make_websocket_key() {
  std::array<std::byte, key_bytes> raw;
  fill_random(raw);
  return base64({reinterpret_cast<const char*>(raw.data()), raw.size()});
}

bool is_websocket_key(std::string_view key) noexcept {
  try {
    const auto raw = from_base64(key);
    return raw && raw->size() == key_bytes;
  } catch (const std::bad_alloc&) {
    return false;
  }
}

std::string websocket_accept(std::string_view key) {
  std::string both(key);
  both += key_suffix;
  const auto digest = sha1(both);
  return base64({digest.data(), digest.size()});
}

websocket_refusal check_websocket_request(const headers& fields, const websocket_options& o,
                                          version v) {
  if (fields.get("Sec-WebSocket-Version") != "13")
    return {426, "WebSockets of version 13 are spoken here"};
  const auto key = fields.get("Sec-WebSocket-Key");
  if (v != version::http_2 && (fields.count("Sec-WebSocket-Key") != 1 || !is_websocket_key(*key)))
    return {400, "Sec-WebSocket-Key is not sixteen bytes in base64"};
  const auto origin = fields.get("Origin");
  if (!origin || o.any_origin_) return {};
  const bool may = fields.count("Origin") == 1 &&
                   (o.origins_ ? std::ranges::find(*o.origins_, *origin) != o.origins_->end()
                               : is_same_origin(*origin, fields.get("Host").value_or("")));
  return may ? websocket_refusal{} : websocket_refusal{403, "not from this page"};
}

std::string choose_protocol(const headers& fields, const websocket_options& o) {
  for (const std::string_view list : fields.get_all("Sec-WebSocket-Protocol")) {
    std::size_t at = 0;
    for (std::string_view member; headers_access::next_in_list(list, at, member);)
      for (const std::string& ours : o.protocols_)
        if (ours == member) return ours;
  }
  return {};
}

std::optional<agreed_deflate> choose_deflate(const headers& fields, const websocket_options& o) {
  if (!o.compress_ || !has_deflate()) return std::nullopt;
  for (const std::optional<extension>& offer : extensions_of(fields)) {
    if (!offer || offer->name != deflate_name) continue;
    const std::optional<deflate_parameters> asked = read_deflate(*offer);
    // zlib does not make a raw stream with a window of 8 bits.
    if (!asked || asked->server_bits == 8) continue;
    agreed_deflate out{.terms = {}, .answer = std::string(deflate_name)};
    out.terms.send_takeover = o.context_ && !asked->server_no_takeover;
    out.terms.receive_takeover = o.context_;
    if (!out.terms.send_takeover) out.answer += "; server_no_context_takeover";
    if (!out.terms.receive_takeover) out.answer += "; client_no_context_takeover";
    out.terms.send_bits = std::min(asked->server_bits.value_or(15), window_we_like(o));
    if (asked->server_bits || out.terms.send_bits < 15)
      out.answer += "; server_max_window_bits=" + std::to_string(out.terms.send_bits);
    // Only who has said that he can may be told.
    if (asked->client_bits || asked->client_bits_without_value) {
      out.terms.receive_bits = std::min(asked->client_bits.value_or(15), window_we_like(o));
      if (out.terms.receive_bits < 15)
        out.answer += "; client_max_window_bits=" + std::to_string(out.terms.receive_bits);
    }
    return out;
  }
  return std::nullopt;
}

void add_websocket_fields(headers& fields, const std::string& key, const websocket_options& o) {
  fields.set("Sec-WebSocket-Version", "13");
  fields.set("Sec-WebSocket-Key", key);
  if (!o.protocols_.empty()) {
    std::string list;
    for (const std::string& p : o.protocols_) list += (list.empty() ? "" : ", ") + p;
    fields.set("Sec-WebSocket-Protocol", list);
  }
  if (!o.compress_ || !has_deflate()) return;
  std::string offer(deflate_name);
  offer += "; client_max_window_bits";
  if (!o.context_) offer += "; client_no_context_takeover; server_no_context_takeover";
  fields.set("Sec-WebSocket-Extensions", offer);
}

void check_websocket_answer(const headers& fields, std::string_view key) {
  if (!fields.has_token("Connection", "upgrade") ||
      !iequals(fields.get("Upgrade").value_or(""), "websocket"))
    throw protocol_error("the server switches protocols (101), and not to websocket", 502);
  if (fields.count("Sec-WebSocket-Accept") != 1 ||
      *fields.get("Sec-WebSocket-Accept") != websocket_accept(key))
    throw protocol_error("the server's Sec-WebSocket-Accept does not answer our key", 502);
}

websocket_agreement read_websocket_answer(const headers& fields, const websocket_options& o) {
  const auto refuse = [](const std::string& why) -> void { throw protocol_error(why, 502); };
  websocket_agreement out;
  if (const auto protocol = fields.get("Sec-WebSocket-Protocol")) {
    if (fields.count("Sec-WebSocket-Protocol") != 1 ||
        std::ranges::find(o.protocols_, *protocol) == o.protocols_.end())
      refuse("the server speaks \"" + std::string(*protocol) + "\", which was not offered");
    out.protocol = *protocol;
  }
  for (const std::optional<extension>& e : extensions_of(fields)) {
    const std::optional<deflate_parameters> said =
        e && e->name == deflate_name ? read_deflate(*e) : std::nullopt;
    const bool offered = o.compress_ && has_deflate() && !out.deflate;
    if (!said || !offered || said->client_bits_without_value || said->client_bits == 8)
      refuse("the server uses an extension that was not offered: \"" +
             std::string(*fields.get("Sec-WebSocket-Extensions")) + '"');
    if (!o.context_ && !said->server_no_takeover)
      refuse("the server keeps a compression context, which was not offered");
    out.deflate.emplace();
    out.deflate->send_takeover = o.context_ && !said->client_no_takeover;
    out.deflate->receive_takeover = !said->server_no_takeover;
    out.deflate->send_bits = std::min(said->client_bits.value_or(15), window_we_like(o));
    out.deflate->receive_bits = said->server_bits.value_or(15);
  }
  return out;
}

}  // namespace rondo::http::detail
