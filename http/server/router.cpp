#include <rondo/http/server/router.hpp>
#include <rondo/http/url.hpp>
#include <rondo/http/wire/ascii.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace rondo::http {
namespace {

// What is between a path's slashes; as many as most paths have take no allocation.
class path_segments {
 public:
  explicit path_segments(std::string_view path) {
    path.remove_prefix(1);
    for (;;) {
      const std::size_t slash = path.find('/');
      add(path.substr(0, slash));
      if (slash == std::string_view::npos) return;
      path.remove_prefix(slash + 1);
    }
  }
  path_segments(const path_segments&) = delete;
  path_segments& operator=(const path_segments&) = delete;
  ~path_segments() = default;

  std::span<std::string_view> all() noexcept {
    return many_.empty() ? std::span(few_).first(count_) : std::span(many_);
  }

 private:
  void add(std::string_view segment) {
    if (many_.empty() && count_ < few_.size()) {
      few_[count_++] = segment;
      return;
    }
    if (many_.empty()) many_.assign(few_.begin(), few_.end());
    many_.push_back(segment);
  }

  std::array<std::string_view, 8> few_;
  std::size_t count_ = 0;
  std::vector<std::string_view> many_;  // all of them, when there are more
};

// Of a first segment that is no literal, and so may be any.
constexpr std::uint64_t any_beginning = 0;

// The length and the first seven bytes of a literal: where these differ, it need not be looked at.
std::uint64_t beginning_of(std::string_view text) noexcept {
  std::uint64_t bytes = 0;
  for (const char c : text.substr(0, 7)) bytes = bytes << 8 | static_cast<unsigned char>(c);
  return (std::min<std::uint64_t>(text.size(), 254) + 1) << 56 | bytes;
}

// Each "%" has its two hexadecimal digits.
bool well_encoded(std::string_view text) noexcept {
  for (std::size_t at = 0; (at = text.find('%', at)) != std::string_view::npos; at += 3) {
    if (at + 2 >= text.size() || detail::hex_value(text[at + 1]) < 0 ||
        detail::hex_value(text[at + 2]) < 0)
      return false;
  }
  return true;
}

// What Allow says of a resource that has these methods: also what answers HEAD and OPTIONS unasked.
std::string allow_field(std::vector<std::string_view> methods) {
  const auto add_behind = [&methods](std::string_view method, std::size_t at) {
    if (std::ranges::find(methods, method) == methods.end())
      methods.insert(methods.begin() + static_cast<std::ptrdiff_t>(at), method);
  };
  const auto get = std::ranges::find(methods, "GET");
  if (get != methods.end()) add_behind("HEAD", static_cast<std::size_t>(get - methods.begin()) + 1);
  add_behind("OPTIONS", methods.size());
  std::string out;
  for (const std::string_view m : methods) out.append(out.empty() ? "" : ", ").append(m);
  return out;
}

bool is_name(std::string_view text) noexcept {
  return !text.empty() && std::ranges::all_of(text, [](char c) {
    return detail::is_alpha(c) || detail::is_digit(c) || c == '_' || c == '-';
  });
}

}  // namespace

// Throws what is wrong with it, for add() to say of which pattern.
router::segment router::parse_segment(std::string_view text) {
  static constexpr std::string_view dots = "...";
  if (text.find_first_of("{}") == std::string_view::npos) {
    if (text.find_first_of("?#") != std::string_view::npos)
      throw std::invalid_argument("holds \"?\" or \"#\", which no path does");
    if (!well_encoded(text))
      throw std::invalid_argument(
          "has a \"%\" without two hexadecimal digits; \"%25\" is the sign");
    return {percent_decode(text), kind::literal};
  }
  if (text.size() < 2 || text.front() != '{' || text.back() != '}')
    throw std::invalid_argument(
        "has a brace within a segment: a parameter is a whole one, and \"%7B\" is the brace "
        "itself");
  text = text.substr(1, text.size() - 2);
  const bool rest = text.ends_with(dots);
  if (rest) text.remove_suffix(dots.size());
  if (!is_name(text))
    throw std::invalid_argument(
        "has a parameter without a name of letters, digits, \"_\" and \"-\"");
  return {std::string(text), rest ? kind::rest : kind::param};
}

void router::add(std::string_view method, std::string_view pattern, std::size_t handler) {
  const auto refuse = [pattern](const std::string& why) {
    throw std::invalid_argument("a route's pattern " + why + ": \"" + std::string(pattern) + '"');
  };
  if (!detail::is_token(method))
    throw std::invalid_argument("a route's method must be a token, like GET: \"" +
                                std::string(method) + '"');
  if (method == "CONNECT")
    throw std::invalid_argument("CONNECT has no path that a route could match");
  if (!pattern.starts_with('/')) refuse("must begin with \"/\"");
  route r{std::string(method), {}, handler};
  path_segments split(pattern);
  for (const std::string_view s : split.all()) {
    if (!r.segments.empty() && r.segments.back().what == kind::rest)
      refuse("goes on behind {" + r.segments.back().text + "...}, which takes all that follows");
    segment part;
    try {
      part = parse_segment(s);
    } catch (const std::invalid_argument& e) {
      refuse(e.what());
    }
    for (const segment& before : r.segments)
      if (part.what != kind::literal && before.what != kind::literal && before.text == part.text)
        refuse("names {" + part.text + "} twice");
    r.segments.push_back(std::move(part));
  }
  const auto alike = [](const segment& a, const segment& b) {
    return a.what == b.what && (a.what != kind::literal || a.text == b.text);
  };
  for (const route& other : routes_)  // a parameter's name tells no paths apart
    if (other.method == r.method && std::ranges::equal(other.segments, r.segments, alike))
      throw std::invalid_argument("a route is there already: " + r.method + ' ' +
                                  std::string(pattern));
  const segment& first = r.segments.front();
  const place here(first.what == kind::literal ? beginning_of(first.text) : any_beginning,
                   routes_.size());
  by_beginning_.reserve(by_beginning_.size() + 1);  // so that nothing is added by halves
  routes_.push_back(std::move(r));
  by_beginning_.insert(std::ranges::upper_bound(by_beginning_, here), here);
}

bool router::matches(const route& r, std::span<const std::string_view> path) noexcept {
  const bool open_ended = r.segments.back().what == kind::rest;
  if (open_ended ? path.size() < r.segments.size() : path.size() != r.segments.size()) return false;
  for (std::size_t i = 0; i < r.segments.size(); ++i) {
    const segment& s = r.segments[i];
    if (s.what == kind::literal && s.text != path[i]) return false;
    if (s.what == kind::param && path[i].empty()) return false;
  }
  return true;
}

// Of two that match the same path: so where both have literals, these are equal.
bool router::more_literal(const route& a, const route& b) noexcept {
  const std::size_t both = std::min(a.segments.size(), b.segments.size());
  for (std::size_t i = 0; i < both; ++i)
    if (a.segments[i].what != b.segments[i].what) return a.segments[i].what < b.segments[i].what;
  return false;
}

router::match router::find(std::string_view method, std::string_view path) const {
  match result;
  std::vector<std::string_view> allowed;
  if (!path.starts_with('/')) return result;
  path_segments split(path);
  const std::span<std::string_view> segments = split.all();
  std::string decoded;  // of the segments that need it
  if (path.find('%') != std::string_view::npos) {
    result.malformed = !well_encoded(path);
    if (result.malformed) return result;
    decoded.reserve(path.size());  // which is enough for all: the views into it stay
    for (std::string_view& s : segments) {
      const std::size_t begin = decoded.size();
      decoded += percent_decode(s);
      s = std::string_view(decoded).substr(begin);
    }
  }
  const route* best = nullptr;
  std::size_t nearest = 0;
  const auto consider = [&](std::size_t at) {
    const route& r = routes_[at];
    if (!matches(r, segments)) return;
    const bool serves = r.method == method || (method == "HEAD" && r.method == "GET");
    if (!serves) {
      if (!result.nearest || more_literal(r, routes_[nearest])) {
        nearest = at;
        result.nearest = r.handler;
      }
      if (std::ranges::find(allowed, r.method) == allowed.end()) allowed.push_back(r.method);
      return;
    }
    const bool exact = r.method == method;
    if (!best || more_literal(r, *best) ||
        (exact && best->method != method && !more_literal(*best, r)))
      best = &r;
  };
  const auto those_of = [this](std::uint64_t beginning) {
    return std::ranges::equal_range(by_beginning_, beginning, {}, &place::first);
  };
  auto same = those_of(beginning_of(segments.front()));
  auto any = those_of(any_beginning);
  while (!same.empty() || !any.empty()) {  // in the order in which they were added
    auto& next =
        any.empty() || (!same.empty() && same.front().second < any.front().second) ? same : any;
    consider(next.front().second);
    next.advance(1);
  }
  if (!best) {
    if (!allowed.empty()) result.allowed = allow_field(std::move(allowed));
    return result;
  }
  result.nearest.reset();
  result.handler = best->handler;
  for (std::size_t i = 0; i < best->segments.size(); ++i) {
    const segment& s = best->segments[i];
    if (s.what == kind::literal) continue;
    std::string value(segments[i]);
    if (s.what == kind::rest)
      for (std::size_t next = i + 1; next < segments.size(); ++next)
        value.append(1, '/').append(segments[next]);
    result.params.emplace_back(s.text, std::move(value));
  }
  return result;
}

std::string router::all_methods() const {
  std::vector<std::string_view> out;
  for (const route& r : routes_)
    if (std::ranges::find(out, r.method) == out.end()) out.push_back(r.method);
  return allow_field(std::move(out));
}

bool router::has_method(std::string_view method) const noexcept {
  return std::ranges::any_of(routes_, [&](const route& r) { return r.method == method; });
}

}  // namespace rondo::http
