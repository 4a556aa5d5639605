#include <rondo/http/errors.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/llhttp_check.hpp>

#include <llhttp.h>

#include <optional>
#include <string>

namespace rondo::http::detail {
namespace {

// The method that llhttp is shown for one that it does not know: one that changes nothing of how it
// reads the rest.
constexpr std::string_view stand_in = "POST";

// Of those that llhttp takes in HTTP/1. RTSP's are not, and PRI is the beginning of HTTP/2.
bool llhttp_knows(std::string_view method) noexcept {
#define RONDO_IS_METHOD(number, name, string) \
  if (method == #string) return true;
  HTTP_METHOD_MAP(RONDO_IS_METHOD)
#undef RONDO_IS_METHOD
  return false;
}

// A span as llhttp reports it: in one or more pieces that touch, all within the head.
class span {
 public:
  void add(const char* at, std::size_t size) {
    if (size_ == 0) {
      begin_ = at;
    } else if (begin_ + size_ != at) {
      torn_ = true;
    }
    size_ += size;
  }
  [[nodiscard]] std::string_view text() const { return {begin_, size_}; }
  [[nodiscard]] bool torn() const { return torn_; }
  void clear() { *this = span(); }

 private:
  const char* begin_ = "";
  std::size_t size_ = 0;
  bool torn_ = false;
};

// Equal when every run of spaces and tabs is taken for one space: folded lines leave such runs.
bool equal_but_for_runs(std::string_view a, std::string_view b) {
  while (!a.empty() && !b.empty()) {
    if (is_ows(a.front()) != is_ows(b.front())) return false;
    if (!is_ows(a.front())) {
      if (a.front() != b.front()) return false;
      a.remove_prefix(1);
      b.remove_prefix(1);
      continue;
    }
    while (!a.empty() && is_ows(a.front())) a.remove_prefix(1);
    while (!b.empty() && is_ows(b.front())) b.remove_prefix(1);
  }
  return a.empty() && b.empty();
}

struct comparison {
  const head_scan& ours;
  span start;  // the target or the reason
  span name;
  span value;
  std::size_t fields = 0;
  const char* difference = nullptr;
  bool complete = false;
  bool stands_in = false;  // llhttp is shown `stand_in` in place of the method

  void begin_again() {
    start.clear();
    name.clear();
    value.clear();
    fields = 0;
    difference = nullptr;
    complete = false;
  }

  void differ(const char* what) {
    if (difference == nullptr) difference = what;
  }

  void end_field() {
    const std::string_view theirs = trim_ows(value.text());
    if (fields >= ours.fields.size() || name.torn() || value.torn()) {
      differ("its fields");
    } else {
      const headers::field mine = ours.fields[fields];
      if (mine.name != name.text()) differ("the name of a field");
      const bool same = ours.folded ? equal_but_for_runs(mine.value, theirs) : mine.value == theirs;
      if (!same) differ("the value of a field");
    }
    ++fields;
    name.clear();
    value.clear();
  }
};

comparison& of(llhttp_t* parser) { return *static_cast<comparison*>(parser->data); }

const llhttp_settings_t& callbacks() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    const auto start = [](llhttp_t* p, const char* at, std::size_t n) {
      of(p).start.add(at, n);
      return 0;
    };
    s.on_url = start;
    s.on_status = start;
    s.on_header_field = [](llhttp_t* p, const char* at, std::size_t n) {
      of(p).name.add(at, n);
      return 0;
    };
    s.on_header_value = [](llhttp_t* p, const char* at, std::size_t n) {
      of(p).value.add(at, n);
      return 0;
    };
    s.on_header_value_complete = [](llhttp_t* p) {
      of(p).end_field();
      return 0;
    };
    // The head is all that llhttp gets to see.
    s.on_headers_complete = [](llhttp_t* p) {
      of(p).complete = true;
      return static_cast<int>(HPE_PAUSED);
    };
    return s;
  }();
  return settings;
}

// What llhttp is shown in place of a head that holds what it does not take, or not in all of its
// versions: folded lines are joined by spaces, and a repeated Content-Length is left out.
std::string without_oddities(std::string_view head) {
  std::string out;
  out.reserve(head.size());
  bool length_seen = false;
  while (!head.empty()) {
    const std::size_t end = head.find('\n') + 1;
    const std::string_view line = head.substr(0, end);
    head.remove_prefix(end);
    if (is_ows(line.front())) out.replace(out.size() - 2, 2, "  ");
    if (iequals(line.substr(0, line.find(':')), "content-length")) {
      if (length_seen) continue;
      length_seen = true;
    }
    out += line;
  }
  return out;
}

void compare_start_line(comparison& c, const llhttp_t& parser) {
  const head_scan& ours = c.ours;
  const int minor = ours.version == version::http_1_1 ? 1 : 0;
  if (parser.http_major != 1 || parser.http_minor != minor) c.differ("its version");
  if (c.start.torn()) c.differ("its start line");
  if (ours.kind() == scan_kind::request) {
    const auto method = static_cast<llhttp_method_t>(parser.method);
    if (llhttp_method_name(method) != (c.stands_in ? stand_in : ours.method))
      c.differ("its method");
    if (c.start.text() != ours.target) c.differ("its target");
  } else {
    if (parser.status_code != ours.status) c.differ("its status");
    if (c.start.text() != ours.reason) c.differ("its reason phrase");
  }
}

void compare_framing(comparison& c, const llhttp_t& parser, const framing_fields& framing) {
  const bool length = (parser.flags & F_CONTENT_LENGTH) != 0;
  if (length != framing.content_length.has_value()) c.differ("whether it has a length");
  if (length && parser.content_length != framing.content_length) c.differ("its length");
  if (((parser.flags & F_CHUNKED) != 0) != framing.chunked) c.differ("whether it is chunked");
}

}  // namespace

namespace {

// What llhttp says of a head, compared with what we read in it.
llhttp_errno_t run_llhttp(llhttp_t& parser, comparison& c, std::string_view head) {
  const bool request = c.ours.kind() == scan_kind::request;
  llhttp_init(&parser, request ? HTTP_REQUEST : HTTP_RESPONSE, &callbacks());
  parser.data = &c;
  return llhttp_execute(&parser, head.data(), head.size());
}

}  // namespace

void check_with_llhttp(std::string_view head, const head_scan& ours,
                       const framing_fields& framing) {
  const bool request = ours.kind() == scan_kind::request;
  comparison c{.ours = ours, .start = {}, .name = {}, .value = {}};
  std::string rewritten;
  if (ours.folded || framing.repeated_content_length) {
    rewritten = without_oddities(head);
    head = rewritten;
  }
  llhttp_t parser;
  llhttp_errno_t result = run_llhttp(parser, c, head);
  if (result != HPE_PAUSED && request && !llhttp_knows(ours.method)) {
    // Our own scan has taken the method for a token with one space behind it. All else is still
    // compared.
    rewritten.assign(stand_in).append(head.substr(ours.method.size()));
    head = rewritten;
    c.begin_again();
    c.stands_in = true;
    result = run_llhttp(parser, c, head);
  }

  const char* const kind = request ? "bad request: " : "bad response: ";
  if (result != HPE_PAUSED) {
    const char* reason = llhttp_get_error_reason(&parser);
    throw protocol_error(std::string(kind) + (reason != nullptr ? reason : "no end of the head"),
                         request ? 400 : 502);
  }
  if (!c.complete || llhttp_get_error_pos(&parser) != head.data() + head.size()) {
    c.differ("where the head ends");
  }
  if (c.fields != ours.fields.size()) c.differ("its fields");
  compare_start_line(c, parser);
  compare_framing(c, parser, framing);
  if (c.difference != nullptr) {
    throw protocol_error(std::string(kind) + "two readings of the head differ in " + c.difference,
                         request ? 400 : 502);
  }
}

bool llhttp_is_strict() {
  constexpr std::string_view smuggled = "GET / HTTP/1.1\r\nHost: a\r\n\rX";
  llhttp_settings_t no_callbacks;
  llhttp_settings_init(&no_callbacks);
  llhttp_t parser;
  llhttp_init(&parser, HTTP_REQUEST, &no_callbacks);
  return llhttp_execute(&parser, smuggled.data(), smuggled.size()) != HPE_OK;
}

}  // namespace rondo::http::detail
