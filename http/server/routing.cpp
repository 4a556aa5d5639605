#include <rondo/http/server/routing.hpp>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace rondo::http::detail {
namespace {

// Those that RFC 9110 and RFC 5789 name: a server knows them, whatever its routes.
bool is_well_known(std::string_view method) noexcept {
  static constexpr std::array<std::string_view, 8> methods{"GET",    "HEAD",    "POST",  "PUT",
                                                           "DELETE", "OPTIONS", "TRACE", "PATCH"};
  return std::ranges::find(methods, method) != methods.end();
}

}  // namespace

// Answers what no route answers.
class routing::unrouted final : public any_handler {
 public:
  explicit unrouted(const routing& r) noexcept : routing_(r) {}
  task<server_response> call(server_request& r) override { co_return routing_.answer_unrouted(r); }

 private:
  const routing& routing_;
};

routing::routing() : groups_(1), unrouted_(std::make_unique<unrouted>(*this)) {}
routing::~routing() = default;

void routing::refuse_when_composed() const {
  if (composed_)
    throw std::logic_error("a server's routes and middleware are there before it serves");
}

routing::group routing::add_group(group within, std::string_view prefix) {
  refuse_when_composed();
  if (!prefix.starts_with('/') || prefix.ends_with('/'))
    throw std::invalid_argument("a group's prefix begins with \"/\" and does not end with it: \"" +
                                std::string(prefix) + '"');
  group_entry& made = groups_.emplace_back();
  made.within = within;
  made.prefix = groups_[within].prefix;
  made.prefix += prefix;
  return groups_.size() - 1;
}

void routing::add(group g, std::string_view method, std::string_view pattern,
                  std::unique_ptr<any_handler> h) {
  refuse_when_composed();
  std::string whole = groups_[g].prefix;
  whole += pattern;
  routes_.push_back({std::move(h), g, std::move(whole)});
  try {
    router_.add(method, routes_.back().pattern, routes_.size() - 1);
  } catch (...) {
    routes_.pop_back();
    throw;
  }
}

void routing::use(group g, std::unique_ptr<any_link> link) {
  refuse_when_composed();
  groups_[g].links.push_back(std::move(link));
}

void routing::redirect_slashes(bool on) {
  refuse_when_composed();
  redirects_slashes_ = on;
}

// From the handler outwards.
next& routing::chain(group g, any_handler& h) {
  chains_.push_back(next(h));
  for (;; g = groups_[g].within) {
    const auto& links = groups_[g].links;
    for (auto link = links.rbegin(); link != links.rend(); ++link)
      chains_.push_back(next(**link, chains_.back()));
    if (g == everything) return chains_.back();
  }
}

void routing::compose() {
  if (std::exchange(composed_, true)) return;
  for (route& r : routes_) r.chain = &chain(r.in, *r.handler);
  for (group g = 0; g < groups_.size(); ++g) groups_[g].unrouted = &chain(g, *unrouted_);
}

next& routing::find(server_request& r, bool whole_server) const {
  r.whole_server_ = whole_server;
  if (whole_server) return *groups_[everything].unrouted;
  r.match_ = router_.find(r.method(), r.path());
  if (r.match_.handler) {
    const route& found = routes_[*r.match_.handler];
    r.route_ = found.pattern;
    return *found.chain;
  }
  const group in = r.match_.nearest ? routes_[*r.match_.nearest].in : everything;
  return *groups_[in].unrouted;
}

server_response routing::answer_unrouted(const server_request& r) const {
  if (r.whole_server_) return about_the_server();
  const router::match& m = r.match_;
  // RFC 9110, section 9.1: 501 for a method that is not known at all.
  if (!is_well_known(r.method()) && !router_.has_method(r.method()))
    return server_response::text("no such method\n", 501);
  if (m.malformed)
    return server_response::text("a \"%\" in the path without two hexadecimal digits\n", 400);
  if (m.allowed.empty()) {
    if (std::string to = redirects_slashes_ ? other_slash(r) : std::string(); !to.empty())
      return server_response(308).header("Location", to);
    return server_response::text("no such path\n", 404);
  }
  if (r.method() == "OPTIONS") return server_response(204).header("Allow", m.allowed);
  return server_response::text("no such method here\n", 405).header("Allow", m.allowed);
}

server_response routing::about_the_server() const {
  return server_response(204).header("Allow", router_.all_methods());
}

std::string routing::other_slash(const server_request& r) const {
  std::string path(r.path());
  // "//host" and "/\host" are read by browsers as another site's address.
  if (path.size() < 2 || path[1] == '/' || path[1] == '\\') return {};
  if (path.back() == '/')
    path.pop_back();
  else
    path += '/';
  if (!router_.find(r.method(), path).handler) return {};
  if (!r.query().empty()) path.append(1, '?').append(r.query());
  return path;
}

}  // namespace rondo::http::detail
