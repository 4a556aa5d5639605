#include <rondo/http/cookies.hpp>
#include <rondo/http/wire/ascii.hpp>
#include <rondo/http/wire/http_date.hpp>

#include <algorithm>
#include <charconv>
#include <stdexcept>

#ifdef RONDO_HAVE_PSL
#include <libpsl.h>
#endif

namespace rondo::http {
namespace {

bool expired(const cookie& c, std::chrono::sys_seconds now) noexcept {
  return c.expires && *c.expires <= now;
}

// What may stand in a Cookie field without being taken for something else.
bool can_be_sent(std::string_view text, bool is_name) noexcept {
  return std::ranges::none_of(text, [&](char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == ';' || (is_name && c == '=');
  });
}

// RFC 6265bis, section 5.7, steps 20 to 22.
bool keeps_its_prefix(const cookie& c, bool path_is_root) noexcept {
  if (c.name.empty() &&
      (detail::istarts_with(c.value, "__secure-") || detail::istarts_with(c.value, "__host-")))
    return false;
  if (detail::istarts_with(c.name, "__secure-")) return c.secure;
  if (detail::istarts_with(c.name, "__host-")) return c.secure && c.host_only && path_is_root;
  return true;
}

}  // namespace

cookie_jar::cookie_jar(cookie_limits limits) : limits_(limits) {}

bool cookie_jar::store(const http::url& from, std::string_view set_cookie) {
  const std::chrono::sys_seconds now = detail::wall_clock_now();
  std::optional<detail::parsed_cookie> parsed = detail::parse_set_cookie(set_cookie, now);
  if (!parsed) return false;
  cookie& c = parsed->c;
  const std::string host(from.host());
  if (!c.domain.empty() && detail::is_public_suffix(c.domain)) {
    if (c.domain != host) return false;
    c.domain.clear();  // a host that is a suffix itself sets cookies for itself alone
  }
  c.host_only = c.domain.empty();
  if (!c.host_only && !detail::domain_matches(host, c.domain)) return false;
  if (c.host_only) c.domain = host;
  const bool path_is_root = parsed->path_is_given && c.path == "/";
  if (!parsed->path_is_given) c.path = detail::default_path(from.path());
  if (c.secure && !from.is_secure()) return false;
  if (!from.is_secure() && shadows_a_secure_one(c, host)) return false;
  if (c.same_site == same_site::none && !c.secure) return false;
  if (!keeps_its_prefix(c, path_is_root)) return false;
  // Without a name and with "=" in its value it would come back as another one.
  if (c.name.empty() && c.value.find('=') != std::string::npos) return false;
  put(std::move(c));
  return true;
}

void cookie_jar::store_all(const http::url& from, const headers& response) {
  for (const auto& [name, value] : response)
    if (detail::iequals(name, "set-cookie")) store(from, value);
}

void cookie_jar::set(cookie c) {
  for (char& ch : c.domain) ch = detail::to_lower(ch);
  if (c.domain.empty()) throw std::invalid_argument("a cookie has no domain");
  if (!c.path.starts_with('/'))
    throw std::invalid_argument("a cookie's path does not begin with /");
  if (!can_be_sent(c.name, true) || !can_be_sent(c.value, false) || !can_be_sent(c.path, false) ||
      !can_be_sent(c.domain, false) || (c.name.empty() && c.value.find('=') != std::string::npos))
    throw std::invalid_argument("the cookie " + c.name + " holds a byte that cannot be sent");
  put(std::move(c));
}

// A cookie set over http must not hide one that only https may see (RFC 6265bis, section 5.7, step
// 16).
bool cookie_jar::shadows_a_secure_one(const cookie& c, std::string_view host) const {
  for (const auto& [domain, of] : domains_) {
    if (!detail::domain_matches(domain, c.domain) && !detail::domain_matches(host, domain))
      continue;
    for (const entry& e : of)
      if (e.c.secure && e.c.name == c.name && detail::path_matches(c.path, e.c.path)) return true;
  }
  return false;
}

void cookie_jar::put(cookie c) {
  const std::string domain = c.domain;
  entries& of = domains_[domain];
  const auto same = std::ranges::find_if(of, [&](const entry& e) {
    return e.c.name == c.name && e.c.host_only == c.host_only && e.c.path == c.path;
  });
  const bool gone = expired(c, detail::wall_clock_now());
  if (same != of.end() && gone) {
    remove(domain, &*same);
  } else if (same != of.end()) {
    same->c = std::move(c);  // it keeps its age
  } else if (!gone) {
    const std::uint64_t at = ++clock_;
    of.push_back({std::move(c), at, at});
    ++size_;
    make_room(domain);
  } else if (of.empty()) {
    domains_.erase(domain);
  }
}

void cookie_jar::remove(const std::string& domain, const entry* which) {
  const auto at = domains_.find(domain);
  at->second.erase(at->second.begin() + (which - at->second.data()));
  --size_;
  if (at->second.empty()) domains_.erase(at);
}

// What goes first: what is not secure, then what was used longest ago.
const cookie_jar::entry* cookie_jar::least_wanted(const entries& of) noexcept {
  const auto less = [](const entry& a, const entry& b) {
    return a.c.secure != b.c.secure ? !a.c.secure : a.used < b.used;
  };
  return of.empty() ? nullptr : &*std::ranges::min_element(of, less);
}

void cookie_jar::make_room(const std::string& domain) {
  if (domains_[domain].size() <= limits_.per_domain && size_ <= limits_.total) return;
  drop_expired();
  while (domains_.contains(domain) && domains_[domain].size() > limits_.per_domain)
    remove(domain, least_wanted(domains_[domain]));
  while (size_ > limits_.total) {
    const std::string* from = nullptr;
    const entry* which = nullptr;
    for (const auto& [name, of] : domains_) {
      const entry* e = least_wanted(of);
      if (which && e->used >= which->used) continue;
      from = &name;
      which = e;
    }
    remove(std::string(*from), which);
  }
}

void cookie_jar::drop_expired() {
  const std::chrono::sys_seconds now = detail::wall_clock_now();
  for (auto at = domains_.begin(); at != domains_.end();) {
    size_ -= std::erase_if(at->second, [&](const entry& e) { return expired(e.c, now); });
    at = at->second.empty() ? domains_.erase(at) : std::next(at);
  }
}

namespace {

// As it stands in the field.
std::size_t sent_size(const cookie& c) noexcept {
  return c.value.size() + (c.name.empty() ? 0 : c.name.size() + 1);
}
constexpr std::size_t separator_size = 2;   // "; "
constexpr std::size_t field_name_size = 8;  // "Cookie: "

}  // namespace

// The newest are kept, as far as they fit; a large one does not push out the small ones before it.
void cookie_jar::keep_what_fits(std::vector<entry*>& wanted, std::size_t taken) const {
  std::size_t bytes = field_name_size + taken;
  for (const entry* e : wanted) bytes += sent_size(e->c) + separator_size;
  const std::size_t most = limits_.sent_bytes + (taken == 0 ? separator_size : 0);
  if (bytes <= most && wanted.size() <= limits_.sent) return;
  std::ranges::sort(wanted, [](const entry* a, const entry* b) { return a->created > b->created; });
  bytes = field_name_size + taken;
  std::size_t kept = 0;
  for (entry* e : wanted) {
    const std::size_t more = sent_size(e->c) + separator_size;
    if (kept == limits_.sent || bytes > most || more > most - bytes) continue;
    bytes += more;
    wanted[kept++] = e;
  }
  wanted.resize(kept);
}

std::string cookie_jar::header_for(const http::url& to, std::size_t taken) {
  std::string out;
  if (size_ == 0) return out;
  const std::chrono::sys_seconds now = detail::wall_clock_now();
  const std::string_view host = to.host();
  std::vector<entry*> wanted;
  for (std::string_view domain = host; !domain.empty();) {
    if (const auto at = domains_.find(std::string(domain)); at != domains_.end())
      for (entry& e : at->second) {
        const bool there = e.c.host_only ? domain == host : detail::domain_matches(host, domain);
        if (there && detail::path_matches(to.path(), e.c.path) && (!e.c.secure || to.is_secure()) &&
            !expired(e.c, now))
          wanted.push_back(&e);
      }
    const std::size_t dot = domain.find('.');
    domain = dot == std::string_view::npos ? std::string_view() : domain.substr(dot + 1);
  }
  keep_what_fits(wanted, taken);
  std::ranges::sort(wanted, [](const entry* a, const entry* b) {
    return a->c.path.size() != b->c.path.size() ? a->c.path.size() > b->c.path.size()
                                                : a->created < b->created;
  });
  for (entry* e : wanted) {
    e->used = ++clock_;
    if (!out.empty()) out += "; ";
    if (!e->c.name.empty()) out += e->c.name + '=';
    out += e->c.value;
  }
  return out;
}

std::vector<cookie> cookie_jar::all() const {
  std::vector<cookie> out;
  for (const auto& [domain, of] : domains_)
    for (const entry& e : of) out.push_back(e.c);
  return out;
}

void cookie_jar::clear() noexcept {
  domains_.clear();
  size_ = 0;
}

void cookie_jar::clear_session() {
  for (auto at = domains_.begin(); at != domains_.end();) {
    size_ -= std::erase_if(at->second, [](const entry& e) { return !e.c.expires; });
    at = at->second.empty() ? domains_.erase(at) : std::next(at);
  }
}

// domain TAB subdomains TAB path TAB secure TAB expires TAB name TAB value; "#HttpOnly_" before the
// domain.
std::string cookie_jar::save() const {
  std::vector<const entry*> ordered;
  for (const auto& [domain, of] : domains_)
    for (const entry& e : of) ordered.push_back(&e);
  std::ranges::sort(ordered, {}, [](const entry* e) { return e->created; });
  std::string out = "# Netscape HTTP Cookie File\n";
  for (const entry* e : ordered) {
    const cookie& c = e->c;
    if ((c.name + c.value + c.path).find('\t') != std::string::npos) continue;
    if (c.http_only) out += "#HttpOnly_";
    if (!c.host_only) out += '.';
    out += c.domain + '\t' + (c.host_only ? "FALSE" : "TRUE") + '\t' + c.path + '\t' +
           (c.secure ? "TRUE" : "FALSE") + '\t' +
           std::to_string(c.expires ? c.expires->time_since_epoch().count() : 0) + '\t' + c.name +
           '\t' + c.value + '\n';
  }
  return out;
}

void cookie_jar::load(std::string_view text) {
  static constexpr std::string_view http_only = "#HttpOnly_";
  cookie_jar loaded = *this;
  for (std::size_t number = 1; !text.empty(); ++number) {
    std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    if (line.ends_with('\r')) line.remove_suffix(1);
    cookie c;
    c.http_only = line.starts_with(http_only);
    if (c.http_only) line.remove_prefix(http_only.size());
    if (line.empty() || (!c.http_only && line.starts_with('#'))) continue;
    const auto bad = [&](const char* what) {
      throw std::invalid_argument("line " + std::to_string(number) + " of the cookies: " + what);
    };
    std::vector<std::string_view> fields;
    for (std::string_view rest = line; fields.size() < 7;) {
      const std::size_t tab = std::min(rest.find('\t'), rest.size());
      fields.push_back(rest.substr(0, tab));
      if (tab == rest.size()) break;
      rest.remove_prefix(tab + 1);
    }
    if (fields.size() != 7) bad("seven fields are wanted, with tabs between them");
    std::int64_t expires = 0;
    const auto [end, error] =
        std::from_chars(fields[4].data(), fields[4].data() + fields[4].size(), expires);
    if (error != std::errc() || end != fields[4].data() + fields[4].size())
      bad("the fifth field is no time");
    c.domain = fields[0].starts_with('.') ? fields[0].substr(1) : fields[0];
    c.host_only = fields[1] != "TRUE";
    c.path = fields[2];
    c.secure = fields[3] == "TRUE";
    if (expires != 0) c.expires = std::chrono::sys_seconds(std::chrono::seconds(expires));
    c.name = fields[5];
    c.value = fields[6];
    try {
      loaded.set(std::move(c));
    } catch (const std::invalid_argument& e) {
      bad(e.what());
    }
  }
  *this = std::move(loaded);
}

namespace detail {

bool is_public_suffix(const std::string& domain) {
#ifdef RONDO_HAVE_PSL
  const psl_ctx_t* list = psl_builtin();
  if (list) return psl_is_public_suffix(list, domain.c_str()) != 0;
#endif
  return domain.find('.') == std::string::npos;
}

}  // namespace detail
}  // namespace rondo::http
